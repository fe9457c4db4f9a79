"""For programs: ``/status.json`` and ``/metrics``. Coarse sums only, so the home network may read them unasked."""

import re
from collections.abc import Iterator
from dataclasses import asdict

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance import __version__
from appliance.page.owner import ownership
from appliance.page.porch import porch
from appliance.status import lights
from appliance.status.gather import Situation
from appliance.status.problems import problems_now
from appliance.status.state import State
from appliance.status.words import WORDS, people, rounded_up

pages = Blueprint("machine", __name__)

# The relay's counters: its own name, then the metric's with its unit, what the label says, and what is counted.
COUNTERS = {
    "connections": ("connections", "port", "People's connections since the relay started"),
    "bytes_from_people": ("received_bytes", "port", "Bytes from people to WhatsApp"),
    "bytes_to_people": ("sent_bytes", "port", "Bytes from WhatsApp to people"),
    "refused": ("refused_connections", "reason", "Connections that were refused"),
    "upstream_errors": ("upstream_errors", "reason", "Failed attempts to reach WhatsApp"),
    "browsers": ("browser_requests", "kind", "Requests that came from a browser and got an ordinary page"),
}


@pages.get("/status.json")
def status() -> ResponseReturnValue:
    """How porchlight is doing, for programs and for live.js: the state by its name and in words, and every sum."""
    now = porch().watch.situation()
    relay = now.facts.relay
    words = WORDS[now.state]
    shown = lights.read(porch().paths.lights_status, now.facts.now)
    return jsonify(
        state=now.state,
        title=words.title,
        means=words.means,
        todo=words.todo,
        version=__version__,
        ownership=ownership(porch().paths),
        people=people(relay),
        connections_up_to=rounded_up(relay.connections if relay else 0),
        problems=[asdict(problem) for problem in problems_now(porch().paths, now)],
        upstreams={name: asdict(one) for name, one in relay.upstreams.items()} if relay else {},
        ports=[asdict(one) for one in relay.ports] if relay else [],
        lights={"state": shown.state, "trouble": shown.trouble} if shown else None,
    )


@pages.get("/metrics")
def metrics() -> ResponseReturnValue:
    """The same for Prometheus, in its text format 0.0.4."""
    now = porch().watch.situation()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(now, len(problems_now(porch().paths, now))))
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


class _Collector:
    """One look at the relay as metrics."""

    def __init__(self, now: Situation, problems: int) -> None:
        self._now = now
        self._problems = problems

    def collect(self) -> Iterator[Metric]:
        """All metrics at this moment."""
        state = GaugeMetricFamily("porchlight_state", "1 for the state that holds now", labels=["state"])
        for one in State:
            state.add_metric([one], float(one is self._now.state))
        yield state
        yield GaugeMetricFamily("porchlight_problems", "Things that need the owner", value=self._problems)
        info = GaugeMetricFamily("porchlight_version_info", "The version that runs", labels=["version"])
        info.add_metric([__version__], 1.0)
        yield info
        if self._now.facts.relay:
            yield from self._relay()

    def _relay(self) -> Iterator[Metric]:
        relay, now = self._now.facts.relay, self._now.facts.now
        if relay is None:
            return
        age = max(0.0, now - relay.written)
        yield GaugeMetricFamily("porchlight_status_age_seconds", "Since the relay last spoke", value=age)
        yield GaugeMetricFamily(
            "porchlight_open_connections", "Connections now, rounded up", value=rounded_up(relay.connections)
        )
        yield GaugeMetricFamily("porchlight_max_connections", "Most at the same time", value=relay.max_connections)
        yield GaugeMetricFamily("porchlight_workers", "Relay processes", value=relay.workers)
        ports = GaugeMetricFamily("porchlight_port_up", "1 for a port that listens", labels=["port", "carries"])
        for one in relay.ports:
            ports.add_metric([str(one.port), one.carries], float(not one.trouble))
        yield ports
        upstreams = GaugeMetricFamily(
            "porchlight_upstream_reachable", "1 for servers of WhatsApp that answer", labels=["upstream"]
        )
        for name, upstream in relay.upstreams.items():
            if upstream.reachable is not None:
                upstreams.add_metric([name], float(upstream.reachable))
        yield upstreams
        for name, values in relay.counters.items():
            metric, label, about = COUNTERS.get(name, (re.sub(r"[^a-z0-9_]", "_", name.lower()), "of", name))
            family = CounterMetricFamily(f"porchlight_{metric}", about, labels=[label])
            for value, number in values.items():
                family.add_metric([value], number)
            yield family
