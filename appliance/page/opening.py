"""Step four: letting people in through the router, by asking it or by hand."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance.clock import since_boot
from appliance.network.advice import Place, advice, by_hand
from appliance.network.verdict import Verdict
from appliance.page.carried import CARRIES
from appliance.page.porch import porch
from appliance.page.progress import progress
from appliance.page.saving import Refused, saved
from appliance.router.rule import further, may_open
from appliance.settings import Settings, load
from appliance.status import router as routers
from appliance.status.router import RouterStatus
from appliance.text import text

pages = Blueprint("opening", __name__)

# With these the owner has to do something by hand.
STUCK = (Verdict.DOUBLE_NAT, Verdict.PORT_TAKEN, Verdict.NO_ANSWER)
PORT_WORDS = {
    "share.chat_port": text("The chat port must be a number from 1 to 65535."),
    "share.media_port": text("The media port must be a number from 1 to 65535."),
}


@pages.route("/open", methods=["GET", "POST"])
def router() -> ResponseReturnValue:
    """What the router says, the switch that asks it, and how to do it by hand."""
    refused = None
    if request.method == "POST":
        refused = saved({"router.open_ports": request.form.get("open") == "yes"})
        if refused is None:
            return redirect(url_for("opening.router"), 303)
    return _page(refused)


@pages.post("/open/ports")
def ports() -> ResponseReturnValue:
    """The ports that the router opens, when it opens others than asked for."""
    fixed = load(porch().paths).fixed
    changes = {name: _number(request.form.get(name, "")) for name in PORT_WORDS if name not in fixed}
    refused = saved(changes, PORT_WORDS)
    if refused is None:
        flash(gettext("Saved."))
        return redirect(url_for("opening.router"), 303)
    return _page(refused)


@pages.post("/open/further")
def more() -> ResponseReturnValue:
    """Ports to open beside the usual ones: only those that the page has offered."""
    asked = request.form.getlist("also")
    offered = [one.number for one in further(load(porch().paths).settings)]
    refused = saved({"router.also": [number for number in offered if str(number) in asked]})
    if refused is None:
        flash(gettext("Saved."))
        return redirect(url_for("opening.router"), 303)
    return _page(refused)


def _number(typed: str) -> int | str:
    # What is no number goes on as text: the setting's own kind refuses it.
    plain = typed.strip()
    return int(plain) if plain.isdecimal() and len(plain) <= 5 else plain


def _page(refused: Refused | None) -> ResponseReturnValue:
    loaded = load(porch().paths)
    settings = loaded.settings
    asked = routers.read(porch().paths.router_status, since_boot())
    verdict = asked.verdict if asked else Verdict.OFF
    if verdict is Verdict.OFF and settings.router.open_ports:
        # The service looks at the settings every few seconds.
        verdict = Verdict.LOOKING
    place = _place(asked, _wanted(settings))
    shown: dict[str, Any] = {
        "wants": settings.router.open_ports,
        "fixed": loaded.fixed,
        "asked": asked,
        "words": advice(verdict, place),
        "by_hand": by_hand(place),
        "good": verdict in (Verdict.OPEN, Verdict.MAPPED),
        "stuck": verdict in STUCK,
        "place": place,
        "share": settings.share,
        "also": settings.router.also,
        "further": [(one.number, CARRIES[one.carries]) for one in further(settings)],
        "done": progress().done,
    }
    error, status = (refused.error, refused.status) if refused else (None, 200)
    return render_template("open.html", error=error, **shown), status


def _wanted(settings: Settings) -> tuple[int, ...]:
    """The ports that the router should lead here: chat in TLS, the first media port, and what else was asked for.

    Nobody is told to open by hand what porchlight itself would never open.
    """
    relay = settings.relay
    first = (relay.chat_tls_port, *relay.media_ports[:1], *settings.router.also)
    return tuple(dict.fromkeys(one for one in first if one and may_open(one, settings)))


def _place(asked: RouterStatus | None, ports: tuple[int, ...]) -> Place:
    """What the router's service knows; without it, what the kernel knows."""
    home = porch().home()
    own = next((str(one) for one in home.addresses if one.version == 4), "")
    gateway = next((str(one) for one in home.gateways if one.version == 4), "")
    known = asked.place if asked else Place(own, gateway)
    return replace(
        known,
        own=known.own or own,
        gateway=known.gateway or gateway,
        gateway_page=known.gateway_page or (f"http://{gateway}/" if gateway and not asked else ""),
        ports=known.ports or ports,
    )
