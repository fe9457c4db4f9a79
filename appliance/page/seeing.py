"""Step five, first half: the only honest check comes from outside."""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_timedelta

from appliance.clock import since_boot
from appliance.page.carried import CARRIES
from appliance.page.outer import outer_address
from appliance.page.porch import porch
from appliance.page.progress import progress, was_seen
from appliance.page.qr import qr
from appliance.page.saving import CARD_FAILED
from appliance.settings import load
from appliance.status import certificate, relay
from appliance.status.knock import KnockStatus
from appliance.status.relay import RelayStatus

pages = Blueprint("seeing", __name__)


@pages.get("/outside")
def outside() -> ResponseReturnValue:
    """The code to open on a phone with Wi-Fi off, whether it has come, and the evidence for each port."""
    paths, now = porch().paths, since_boot()
    share = load(paths).settings.share
    status = relay.read(paths.relay_status)
    outer = outer_address()
    host = share.domain or outer
    shown: dict[str, Any] = {
        "host": host,
        "evidence": evidence(status, now),
        "seen": was_seen(status),
        "public": _validated(now),
        "knock": "none",
        "done": progress().done,
    }
    if not host:
        return render_template("outside.html", error=None, **shown)
    try:
        link = porch().knocking.link(host, share.chat_port, now, [outer] if outer else [])
    except OSError:
        return render_template("outside.html", error=CARD_FAILED, **shown), 507
    shown["knock"] = outcome(porch().knocking.answered(status.knocked if status else None))
    return render_template("outside.html", error=None, link=link, code=qr(link), **shown)


@pages.post("/outside")
def again() -> ResponseReturnValue:
    """Another link, for another try."""
    porch().knocking.again()
    return redirect(url_for("seeing.outside"), 303)


def outcome(knocked: KnockStatus | None) -> str:
    """How the knock went, in one word. No input or output here."""
    if knocked is None:
        return "waiting"
    if not knocked.outside:
        return "at-home"
    if not knocked.tls:
        return "clear"
    return "router" if knocked.router else "arrived"


def evidence(status: RelayStatus | None, now: float) -> list[dict[str, Any]]:
    """For each port, what it is for and when somebody from outside last came through it, in words."""
    return [
        {
            "port": one.port,
            "carries": CARRIES.get(one.carries, one.carries),
            "trouble": one.trouble,
            # Whole minutes: the relay tells no finer time, and nobody needs one.
            "ago": None if one.reached_outside is None else _ago(now - one.reached_outside),
        }
        for one in (status.ports if status else ())
    ]


def _ago(seconds: float) -> str:
    minutes = max(1, int(seconds // 60))
    return str(format_timedelta(-60 * minutes, granularity="minute", add_direction=True))


def _validated(now: float) -> str:
    """The name for which a certificate authority has reached this home; empty when none has."""
    found = certificate.read(porch().paths.certificate_status, now)
    return found.name if found and found.kind == "public" else ""
