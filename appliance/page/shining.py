"""The lights: how bright, what at night, and two buttons to see them."""

import json
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance.clock import since_boot
from appliance.files import write_atomically
from appliance.lights.language import PATTERNS
from appliance.lights.request import Ask
from appliance.page.languages import say
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED, Refused, saved
from appliance.settings import load
from appliance.text import text

pages = Blueprint("shining", __name__)

WORDS = {
    "lights.brightness": text("The brightness must be a number from 1 to 100."),
    "lights.night_from": text("The time must look like 22:00."),
    "lights.night_to": text("The time must look like 22:00."),
    "lights.time_zone": text("That is no time zone. It must look like Europe/Vienna."),
}
FIELDS = (*WORDS, "lights.night")


@pages.route("/settings/lights", methods=["GET", "POST"])
def lights() -> ResponseReturnValue:
    """The form."""
    loaded = load(porch().paths)
    now = loaded.settings.lights
    fixed = frozenset(name for name in FIELDS if name in loaded.fixed)
    typed: dict[str, Any] = {name: str(getattr(now, name.partition(".")[2])) for name in FIELDS}
    refused: Refused | None = None
    if request.method == "POST":
        typed |= {name: request.form.get(name, "").strip() for name in FIELDS if name not in fixed}
        changes: dict[str, Any] = {name: value for name, value in typed.items() if name not in fixed}
        brightness = str(changes.get("lights.brightness", ""))
        if brightness.isdecimal():
            changes["lights.brightness"] = int(brightness[:4])
        refused = saved(changes, WORDS)
        if refused is None:
            flash(gettext("Saved."))
            return redirect(url_for("shining.lights"), 303)
    error, status = (refused.error, refused.status) if refused else (None, 200)
    state = porch().watch.situation().state
    shown = {"typed": typed, "fixed": fixed, "enabled": now.enabled, "state": state, "looks": PATTERNS[state].looks}
    return render_template("lights.html", error=error, **shown), status


@pages.post("/settings/lights/show")
def show() -> ResponseReturnValue:
    """Ask the lights for something that one can see."""
    asked = Ask.FIND if request.form.get("show") == Ask.FIND else Ask.TEST
    path = porch().paths.lights_request
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"request": asked, "at": since_boot()}).encode()
        write_atomically(path, content, durable=False)
    except OSError:
        flash(say(CARD_FAILED.what), "bad")
    else:
        flash(gettext("Look at the lights now."))
    return redirect(url_for("shining.lights"), 303)
