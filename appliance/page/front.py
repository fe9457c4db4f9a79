"""The start page: how porchlight is doing, in plain words."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import format_date, format_timedelta

from appliance.clock import since_boot
from appliance.lights.language import PATTERNS, WORDS
from appliance.network.advice import advice
from appliance.network.verdict import Verdict
from appliance.page.charting import charts, of_this_month
from appliance.page.porch import porch
from appliance.page.progress import progress
from appliance.page.seeing import evidence
from appliance.status import certificate, lights, name, pause, router
from appliance.status.gather import Situation
from appliance.status.words import data, data_used, people

pages = Blueprint("front", __name__)


@pages.get("/")
def home() -> ResponseReturnValue:
    """State, problems, people, the switch, and what else is good to know."""
    paths = porch().paths
    now = porch().watch.situation(anew=True)
    settings = now.loaded.settings
    relay = now.facts.relay
    return render_template(
        "home.html",
        state=now.state,
        words=WORDS[now.state],
        looks=PATTERNS[now.state].looks,
        people=people(relay),
        problems=now.problems,
        relay=relay,
        quota=data_used(relay.quota) if relay and relay.quota else of_this_month(paths),
        limited=relay is not None and relay.quota is not None,
        charts=charts(paths),
        free=data(now.facts.machine.storage.free) if now.facts.machine.storage else "",
        enabled=settings.relay.enabled,
        switch_fixed="relay.enabled" in now.loaded.fixed,
        paused=_left(),
        evidence=evidence(relay, now.facts.now),
        shown=lights.read(paths.lights_status, now.facts.now),
        lights_on=settings.lights.enabled,
        domain=settings.share.domain,
        shareable=bool(settings.share.domain),
        progress=progress(),
        numeric=[f"http://{one}:{porch().port}/" for one in now.home.typed],
        **_ways(now),
    )


def _left() -> str:
    """How long the pause lasts, in words; empty when there is none."""
    end = pause.until(porch().paths.pause, since_boot())
    return format_timedelta(max(60, end - since_boot()), granularity="minute", threshold=2) if end else ""


def _ways(now: Situation) -> dict[str, Any]:
    """What router, name and certificate say of themselves."""
    paths, moment = porch().paths, now.facts.now
    asked = router.read(paths.router_status, moment)
    found = certificate.read(paths.certificate_status, moment)
    known = asked if asked and asked.verdict is not Verdict.OFF else None
    return {
        "way": advice(known.verdict, known.place) if known else None,
        "named": name.read(paths.name_status, moment),
        "certificate": found,
        "ends": format_date(datetime.fromtimestamp(found.not_after, UTC), "long") if found and found.not_after else "",
    }
