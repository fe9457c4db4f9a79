"""The name under which people find this relay, and the link that they get."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.errors import SettingsError
from appliance.page.porch import porch
from appliance.settings import load
from appliance.settings.declared import ShareSettings
from appliance.settings.save import save

pages = Blueprint("share", __name__)

# The form's fields, and what a volunteer calls them.
FIELDS = {"domain": "The name", "chat_port": "The chat port", "media_port": "The media port"}


@pages.route("/share", methods=["GET", "POST"])
def share() -> ResponseReturnValue:
    """The form for name and ports, and below it what to pass on."""
    loaded = load(porch().paths)
    now = loaded.settings.share
    fixed = frozenset(name for name in FIELDS if f"share.{name}" in loaded.fixed)
    typed = {name: str(getattr(now, name)) for name in FIELDS}
    error, status = None, 200
    if request.method == "POST":
        typed |= {name: request.form[name] for name in FIELDS if name in request.form and name not in fixed}
        try:
            save(porch().paths, _changes(typed, fixed))
        except SettingsError as refused:
            error, status = _in_words(refused), 422
        except OSError as failed:
            error, status = (
                SettingsError(f"The card could not be written ({failed.strerror}).", "Nothing was saved."),
                507,
            )
        else:
            flash("Saved.")
            return redirect(url_for("share.share"), 303)
    link = share_link(now) if now.domain else ""
    return render_template("share.html", typed=typed, fixed=fixed, error=error, link=link, now=now), status


def share_link(settings: ShareSettings) -> str:
    """The link that opens WhatsApp with this relay filled in (wa.me is WhatsApp's own)."""
    values = {
        "host": settings.domain,
        "chatPort": settings.chat_port,
        "mediaPort": settings.media_port,
        "chatTLS": "true",
    }
    return f"https://wa.me/proxy?{urlencode(values)}"


def _changes(typed: Mapping[str, str], fixed: frozenset[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, text in typed.items():
        if name not in fixed:
            plain = text.strip()
            # What is no number goes on as text: the setting's own kind says what is wrong with it.
            number = plain.isascii() and plain.isdigit() and len(plain) <= 5
            changes[f"share.{name}"] = int(plain) if name.endswith("_port") and number else plain
    return changes


def _in_words(refused: SettingsError) -> SettingsError:
    what = refused.what
    for name, words in FIELDS.items():
        what = what.replace(f"share.{name} ", f"{words} ")
    return SettingsError(what, refused.means, refused.todo)
