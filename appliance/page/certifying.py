"""The relay's certificate: its own, or one that browsers trust, with what that tells the world."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance.certificate.outcome import PUBLIC_FOR_EVER
from appliance.clock import since_boot
from appliance.page.naming import is_address
from appliance.page.porch import porch
from appliance.page.saving import saved
from appliance.settings import load
from appliance.status import certificate as certificates
from appliance.text import text

pages = Blueprint("certifying", __name__)

WORDS = {"certificate.email": text("That is no e-mail address.")}
FIELDS = ("certificate.kind", "certificate.email")


@pages.route("/settings/certificate", methods=["GET", "POST"])
def certificate() -> ResponseReturnValue:
    """The choice, and how it stands."""
    loaded = load(porch().paths)
    settings = loaded.settings
    fixed = frozenset(name for name in FIELDS if name in loaded.fixed)
    typed = {"certificate.kind": settings.certificate.kind, "certificate.email": settings.certificate.email}
    refused = None
    if request.method == "POST":
        typed |= {name: request.form.get(name, "").strip() for name in FIELDS if name not in fixed}
        refused = saved({name: value for name, value in typed.items() if name not in fixed}, WORDS)
        if refused is None:
            flash(gettext("Saved."))
            return redirect(url_for("certifying.certificate"), 303)
    shown = {
        "typed": typed,
        "for_ever": PUBLIC_FOR_EVER,
        "fixed": fixed,
        "status": certificates.read(porch().paths.certificate_status, since_boot()),
        "wants": settings.certificate.kind == "public",
        "nameless": not settings.share.domain or is_address(settings.share.domain),
    }
    error, status = (refused.error, refused.status) if refused else (None, 200)
    return render_template("certificate.html", error=error, **shown), status
