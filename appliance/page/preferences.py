"""The settings: where each of them is."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from appliance.page.porch import porch
from appliance.settings import load
from appliance.text import text

pages = Blueprint("preferences", __name__)

# The page, what it is called, what it is for.
ENTRIES = (
    ("limits.limits", text("Limits"), text("Speed, data in a month, connections")),
    ("naming.choose", text("Name"), text("The name or address in your link")),
    ("opening.router", text("Router"), text("Which ports are open, and how")),
    ("certifying.certificate", text("Certificate"), text("Look like an ordinary web site")),
    ("shining.lights", text("Lights"), text("Brightness, night, test")),
    ("renewing.updates", text("Updates"), text("New versions: when, or now")),
    ("account.password", text("Password"), text("Change it, and sign all other browsers out")),
    ("keeping.backup", text("Backup"), text("Save all settings in a file, or bring them back")),
    ("keeping.report", text("Problem report"), text("For those who look for a mistake; says nothing about you")),
    ("keeping.reset", text("Forget everything"), text("Back to how the card came")),
)


@pages.get("/settings")
def index() -> ResponseReturnValue:
    """The list."""
    return render_template("settings.html", entries=ENTRIES, problems=load(porch().paths).problems)
