"""Step five, first half: the only honest check comes from outside."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_timedelta

from appliance.clock import since_boot
from appliance.page import knock
from appliance.page.carried import CARRIES
from appliance.page.knock import Knock, State
from appliance.page.outer import outer_address
from appliance.page.porch import porch
from appliance.page.progress import progress, was_seen
from appliance.page.qr import qr
from appliance.page.saving import CARD_FAILED
from appliance.settings import load
from appliance.status import certificate, relay
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
        "validated": _validated(now),
        "outcome": "",
        "done": progress().done,
    }
    if not host:
        return render_template("outside.html", error=None, **shown)
    waited = knock.current(paths, status, now)
    if waited.state in (State.NONE, State.EXPIRED):
        try:
            waited = knock.begin(paths, now, [outer] if outer else [])
        except OSError:
            return render_template("outside.html", error=CARD_FAILED, **shown), 507
    link = link_of(host, share.chat_port, waited.path)
    return render_template("outside.html", error=None, link=link, code=qr(link), **shown | {"outcome": outcome(waited)})


@pages.post("/outside")
def again() -> ResponseReturnValue:
    """Another link, for another try."""
    outer = outer_address()
    # The page itself meets the same trouble, and says so.
    with suppress(OSError):
        knock.begin(porch().paths, since_boot(), [outer] if outer else [])
    return redirect(url_for("seeing.outside"), 303)


def link_of(host: str, port: int, path: str) -> str:
    """The link for a phone outside. No input or output here.

    Args:
        host: the name or address that leads to the relay.
        port: the chat port as the router opens it.
        path: of the knock.
    """
    place = f"[{host}]" if ":" in host else host
    return f"https://{place}{'' if port == 443 else f':{port}'}{path}"


def outcome(waited: Knock) -> str:
    """How the knock went, in one word. No input or output here."""
    if waited.state is State.SEEN_OUTSIDE and waited.seen:
        if not waited.seen.tls:
            return "clear"
        return "router" if waited.seen.router else "arrived"
    return "at-home" if waited.state is State.SEEN_INSIDE else "waiting"


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
    """When a certificate authority last reached this home, in words; empty when none did since boot."""
    found = certificate.read(porch().paths.certificate_status, now)
    return _ago(now - found.validated) if found and found.validated else ""
