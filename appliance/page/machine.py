"""For programs: ``/status.json`` and ``/metrics``. Coarse sums only, so the home network may read them unasked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from appliance import __version__
from appliance.lights.language import PATTERNS, WORDS
from appliance.page.coarse import Measures
from appliance.page.guard import is_signed_in
from appliance.page.owner import ownership
from appliance.page.porch import porch
from appliance.settings.problem import Severity
from appliance.status import lights
from appliance.status.gather import Situation
from appliance.status.state import State
from appliance.status.words import people, rounded_up

pages = Blueprint("machine", __name__)

# The relay's own name of a counter, then the metric's with its unit, and what is counted.
COUNTERS = {
    "connections": ("connections", "People's connections since the relay started"),
    "bytes_from_people": ("received_bytes", "Bytes from people to WhatsApp"),
    "bytes_to_people": ("sent_bytes", "Bytes from WhatsApp to people"),
    "browsers": ("browser_requests", "Requests that came from a browser and got an ordinary page"),
    "refused": ("refused_connections", "Connections that were refused"),
    "upstream_errors": ("upstream_errors", "Failed attempts to reach WhatsApp"),
    "handshake_failures": ("handshake_failures", "TLS handshakes that came to nothing"),
    "connect_seconds": ("connect_seconds", "How long it took to reach WhatsApp's servers"),
    "session_seconds": ("session_seconds", "How long people's connections lasted"),
}


@pages.get("/status.json")
def status() -> ResponseReturnValue:
    """How porchlight is doing, for programs and for live.js: the state by its name and in words, and every sum."""
    now = porch().watch.situation()
    relay = now.facts.relay
    if relay and not is_signed_in():
        # As for ``/metrics``: a neighbour must not see when somebody comes and goes.
        relay = replace(relay, connections=porch().standing.measures(relay, porch().clock()).connections)
    words = WORDS[now.state]
    shown = lights.read(porch().paths.lights_status, now.facts.now)
    return jsonify(
        state=now.state,
        title=words.title,
        means=words.means,
        todo=words.todo,
        looks=PATTERNS[now.state].looks,
        version=__version__,
        ownership=ownership(porch().paths),
        people=people(relay),
        connections_up_to=rounded_up(relay.connections if relay else 0),
        # Their sentences may hold the relay's name, the home's address or a line of the settings: for the owner alone.
        problems=[
            asdict(problem) if is_signed_in() else {"id": problem.id, "severity": problem.severity}
            for problem in now.problems
        ],
        upstreams={name: asdict(one) for name, one in relay.upstreams.items()} if relay else {},
        # When somebody last got through is for the owner alone.
        ports=[{"port": one.port, "carries": one.carries, "trouble": one.trouble} for one in relay.ports]
        if relay
        else [],
        lights={"state": shown.state, "trouble": shown.trouble} if shown else None,
    )


@pages.get("/metrics")
def metrics() -> ResponseReturnValue:
    """The same for Prometheus, in its text format 0.0.4."""
    now = porch().watch.situation()
    registry = CollectorRegistry(auto_describe=False)
    relay = now.facts.relay
    measures = porch().standing.measures(relay, porch().clock()) if relay else None
    registry.register(_Collector(now, measures))
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


class _Collector:
    """One look at the relay as metrics."""

    def __init__(self, now: Situation, measures: Measures | None) -> None:
        self._now = now
        self._measures = measures

    def collect(self) -> Iterator[Metric]:
        """All metrics at this moment."""
        state = GaugeMetricFamily("porchlight_state", "1 for the state that holds now", labels=["state"])
        for one in State:
            state.add_metric([one], float(one is self._now.state))
        yield state
        problems = GaugeMetricFamily("porchlight_problems", "Things that need the owner", labels=["severity"])
        for severity in Severity:
            problems.add_metric([severity], sum(one.severity is severity for one in self._now.problems))
        yield problems
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
        yield GaugeMetricFamily("porchlight_max_connections", "Most at the same time", value=relay.max_connections)
        yield GaugeMetricFamily("porchlight_workers", "Relay processes that take newcomers", value=relay.workers)
        ports = GaugeMetricFamily("porchlight_port_up", "1 for a port that listens", labels=["port", "carries"])
        for one in relay.ports:
            ports.add_metric([str(one.port), one.carries], float(not one.trouble))
        yield ports
        if relay.quota:
            about = "Data that the relay may use in a month, as the setting says"
            yield GaugeMetricFamily("porchlight_quota_bytes", about, value=relay.quota.limit)
        upstreams = GaugeMetricFamily(
            "porchlight_upstream_reachable", "1 for servers of WhatsApp that answer", labels=["upstream"]
        )
        for name, upstream in relay.upstreams.items():
            if upstream.reachable is not None:
                upstreams.add_metric([name], float(upstream.reachable))
        yield upstreams
        yield from _measured(self._measures) if self._measures else ()


def _measured(measures: Measures) -> Iterator[Metric]:
    """What was counted, as coarsely as it may be told."""
    about = "Connections a quarter of an hour ago at most, rounded up"
    yield GaugeMetricFamily("porchlight_open_connections", about, value=measures.connections)
    for name, ports in measures.counters.items():
        metric, about = _named(name)
        family = CounterMetricFamily(metric, about, labels=["port"])
        for port, number in ports.items():
            family.add_metric([port], number)
        yield family
    for name, by_reason in measures.by_reason.items():
        metric, about = _named(name)
        family = CounterMetricFamily(metric, about, labels=["port", "reason"])
        for port, reasons in by_reason.items():
            for reason, number in reasons.items():
                family.add_metric([port, reason], number)
        yield family
    for name, histograms in measures.histograms.items():
        metric, about = _named(name)
        histogram = HistogramMetricFamily(metric, about, labels=["port"])
        for port, classes in histograms.items():
            # No sum: it would tell the length of the one session that has just ended.
            histogram.add_metric([port], list(_floats(classes)), sum_value=None)
        yield histogram
    if measures.quota_used is not None:
        about = "Part of the month's data that is used up, in whole hundredths"
        yield GaugeMetricFamily("porchlight_quota_used_ratio", about, value=measures.quota_used)


def _named(name: str) -> tuple[str, str]:
    metric, about = COUNTERS.get(name, (re.sub(r"[^a-z0-9_]", "_", name.lower()), name))
    return f"porchlight_{metric}", about


def _floats(classes: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    """The classes with their bounds as Prometheus writes them."""
    for bound, number in classes.items():
        yield (bound if bound == "+Inf" else repr(float(bound))), float(number)
