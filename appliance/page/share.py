"""What to pass on: link, QR code, values, message, a sheet to print; and what somebody should know before."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale

from appliance.page.languages import ENGLISH, LANGUAGES, OF_THOSE_WHO_NEED_IT, Language, language, say
from appliance.page.porch import porch
from appliance.page.progress import progress
from appliance.page.qr import qr
from appliance.page.risk import PARTS
from appliance.settings import load
from appliance.settings.declared import ShareSettings
from appliance.text import Text, text

pages = Blueprint("share", __name__)


@pages.get("/share")
def share() -> ResponseReturnValue:
    """Everything that the owner passes on, and before it what that means."""
    now = load(porch().paths).settings.share
    if not now.domain:
        return render_template("share.html", link="", done=progress().done)
    offered = _offered()
    chosen = _chosen(offered)
    with force_locale(chosen.code):
        said = "\n\n".join(say(one) for one in message(now))
    return render_template("share.html", said=said, chosen=chosen, offered=offered, done=progress().done, **_parts(now))


@pages.get("/share/risk")
def risk() -> ResponseReturnValue:
    """What sharing means, at length: on the way to the link, and to be shown to whoever asks."""
    return render_template("risk.html", parts=PARTS, done=progress().done)


@pages.get("/share/sheet")
def sheet() -> ResponseReturnValue:
    """One page to print, in the language of those who get it."""
    now = load(porch().paths).settings.share
    if not now.domain:
        return redirect(url_for("share.share"), 303)
    asked = LANGUAGES.get(request.args.get("in", ""), language())
    with force_locale(asked.code):
        return render_template("sheet.html", **_parts(now))


def share_link(settings: ShareSettings) -> str:
    """The link that opens WhatsApp with this relay filled in (wa.me is WhatsApp's own)."""
    values = {
        "host": settings.domain,
        "chatPort": settings.chat_port,
        "mediaPort": settings.media_port,
        "chatTLS": "true",
    }
    return f"https://wa.me/proxy?{urlencode(values)}"


def message(settings: ShareSettings) -> tuple[Text, ...]:
    """What to write to somebody who cannot reach WhatsApp, in paragraphs."""
    return (
        text("You can reach WhatsApp through my home. Open this link on your phone:"),
        Text(share_link(settings)),
        text(
            "If the link does not open, go to Settings, Storage and data, Proxy in WhatsApp. Type there: "
            "proxy host %(host)s, chat port %(chat)s with TLS, media port %(media)s.",
            host=settings.domain,
            chat=settings.chat_port,
            media=settings.media_port,
        ),
        text("Nobody can read your messages on the way, not even I."),
    )


def _parts(now: ShareSettings) -> dict[str, Any]:
    link = share_link(now)
    return {"link": link, "code": qr(link), "now": now}


def _offered() -> list[Language]:
    """All languages, those of people who need the relay first."""
    return [LANGUAGES[code] for code in dict.fromkeys((*OF_THOSE_WHO_NEED_IT, *LANGUAGES))]


def _chosen(offered: list[Language]) -> Language:
    mine = language()
    usual = mine if mine.code in OF_THOSE_WHO_NEED_IT and mine is not ENGLISH else offered[0]
    return LANGUAGES.get(request.args.get("in", ""), usual)
