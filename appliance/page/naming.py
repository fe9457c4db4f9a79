"""Step three: a name of one's own domain, or the address alone; a free name has a page of its own (``dynamic``)."""

import ipaddress
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.clock import since_boot
from appliance.errors import SettingsError
from appliance.name.providers import NO_NAME
from appliance.page.outer import addresses_of, outer_address
from appliance.page.porch import porch
from appliance.page.progress import progress
from appliance.page.saving import Refused, saved
from appliance.settings import load
from appliance.status import name
from appliance.text import text

pages = Blueprint("naming", __name__)

NOT_A_NAME = text("That is no name. It must look like relay.example.org, without http:// before it.")


@pages.get("/name")
def choose() -> ResponseReturnValue:
    """The three ways, and what holds now."""
    loaded = load(porch().paths)
    return render_template(
        "name.html",
        domain=loaded.settings.share.domain,
        fixed="share.domain" in loaded.fixed,
        status=name.read(porch().paths.name_status, since_boot()),
        done=progress().done,
    )


@pages.route("/name/own", methods=["GET", "POST"])
def own() -> ResponseReturnValue:
    """A domain of one's own: the record to set, and whether it is right."""
    loaded = load(porch().paths)
    typed, refused = loaded.settings.share.domain, None
    if is_address(typed):
        typed = ""
    if request.method == "POST":
        typed = request.form.get("domain", "").strip()
        refused = _take(typed)
        if refused is None:
            return redirect(url_for("naming.own"), 303)
    shown: dict[str, Any] = {
        "typed": typed,
        "fixed": "share.domain" in loaded.fixed,
        "outer": outer_address(),
        "done": progress().done,
        "found": None,
    }
    if typed and refused is None:
        shown["found"] = addresses_of(typed)
    error, status = (refused.error, refused.status) if refused else (None, 200)
    return render_template("name_own.html", error=error, **shown), status


@pages.route("/name/none", methods=["GET", "POST"])
def none() -> ResponseReturnValue:
    """No name: the address alone, and what that costs."""
    refused = None
    if request.method == "POST":
        refused = _take(request.form.get("address", "").strip())
        if refused is None:
            return redirect(url_for("opening.router"), 303)
    error, status = (refused.error, refused.status) if refused else (None, 200)
    return render_template(
        "name_none.html", error=error, outer=outer_address(), costs=NO_NAME, done=progress().done
    ), status


def is_address(domain: str) -> bool:
    """Whether what is shared is an address and no name."""
    try:
        ipaddress.ip_address(domain)
    except ValueError:
        return False
    return True


def _take(domain: str) -> Refused | None:
    if not domain:
        return Refused(SettingsError(NOT_A_NAME, text("Nothing was saved.")), 422)
    settings = load(porch().paths).settings
    # A name that follows the address goes on doing so behind one's own; without a name there is nothing to follow.
    kept = settings.name.hostname or settings.share.domain if settings.name.provider else ""
    changes = {"share.domain": domain, "name.hostname": "" if is_address(domain) else kept}
    if is_address(domain):
        changes["name.provider"] = ""
    return saved(changes, {"share.domain": NOT_A_NAME})
