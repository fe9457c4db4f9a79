"""The switch, and the pause of an hour."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance.clock import since_boot
from appliance.page.languages import say
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED, saved
from appliance.status import pause

pages = Blueprint("running", __name__)

# Seconds: long enough for a video call of the family, short enough that nobody forgets it.
PAUSE = 3600.0


@pages.post("/switch")
def switch() -> ResponseReturnValue:
    """Turn the relay on or off, for good."""
    on = request.form.get("on") == "yes"
    refused = saved({"relay.enabled": on})
    if refused:
        flash(f"{say(refused.error.what)} {say(refused.error.means)} {say(refused.error.todo)}", "bad")
    else:
        flash(gettext("The relay is on.") if on else gettext("The relay is off."))
    return redirect(url_for("front.home"), 303)


@pages.post("/pause")
def rest() -> ResponseReturnValue:
    """Let the relay rest for an hour, or end that."""
    try:
        if request.form.get("rest") == "yes":
            pause.begin(porch().paths.pause, since_boot(), PAUSE)
            flash(gettext("The relay rests for an hour. Then it goes on by itself."))
        else:
            pause.end(porch().paths.pause)
            flash(gettext("The relay goes on."))
    except OSError:
        flash(say(CARD_FAILED.what), "bad")
    return redirect(url_for("front.home"), 303)
