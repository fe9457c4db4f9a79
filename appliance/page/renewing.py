"""Newer versions: by themselves at a quiet hour, or now."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance.clock import since_boot
from appliance.files import write_atomically
from appliance.page.languages import say
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED, Refused, saved
from appliance.settings import load
from appliance.status import update

pages = Blueprint("renewing", __name__)

FIELDS = ("update.enabled", "update.hour")


@pages.route("/settings/update", methods=["GET", "POST"])
def updates() -> ResponseReturnValue:
    """How it stands, and when it happens."""
    loaded = load(porch().paths)
    now = loaded.settings.update
    fixed = frozenset(name for name in FIELDS if name in loaded.fixed)
    refused: Refused | None = None
    if request.method == "POST":
        hour = request.form.get("update.hour", "")
        typed: dict[str, Any] = {"update.enabled": request.form.get("update.enabled") == "yes"}
        # Whatever is no number is refused by the setting itself.
        typed["update.hour"] = int(hour) if hour.isdecimal() and len(hour) <= 2 else hour
        refused = saved({name: value for name, value in typed.items() if name not in fixed})
        if refused is None:
            flash(gettext("Saved."))
            return redirect(url_for("renewing.updates"), 303)
    status = update.read(porch().paths.update_status, since_boot())
    shown = {"enabled": now.enabled, "hour": now.hour, "fixed": fixed, "status": status}
    error, code = (refused.error, refused.status) if refused else (None, 200)
    return render_template("update.html", error=error, **shown), code


@pages.post("/settings/update/now")
def look() -> ResponseReturnValue:
    """Ask for a newer version at once: systemd waits for this file (porchlight-update.path)."""
    try:
        write_atomically(porch().paths.update_wish, b"{}", durable=False)
    except OSError:
        flash(say(CARD_FAILED.what), "bad")
    else:
        flash(gettext("A new version is looked for now."))
    return redirect(url_for("renewing.updates"), 303)
