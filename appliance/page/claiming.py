"""Claiming the card: its code, and a password of the owner's choice."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance import claim as claims
from appliance.errors import PorchlightError, SettingsError
from appliance.page import passwords
from appliance.page.guard import sign_in
from appliance.page.owner import Ownership, ownership, write_record
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED
from appliance.text import text

pages = Blueprint("claiming", __name__)


@pages.route("/claim", methods=["GET", "POST"])
def claim() -> ResponseReturnValue:
    """The form of a card that has no owner yet; on any other card it leads to the login."""
    if ownership(porch().paths) is not Ownership.UNCLAIMED:
        return redirect(url_for("signing_in.login"), 303)
    if request.method != "POST":
        return render_template("claim.html", error=None, typed="")
    code = request.form.get("code", "")
    try:
        generation = _claim(code, request.form.get("password", ""), request.form.get("again", ""))
    except PorchlightError as error:
        return render_template("claim.html", error=error, typed=code), 422
    except OSError:
        return render_template("claim.html", error=CARD_FAILED, typed=code), 507
    sign_in(generation)
    return redirect(url_for("naming.choose"), 303)


WRONG_CODE = SettingsError(
    text("That is not this card's code."),
    "",
    text("Upper and lower case and dashes do not matter; every letter and digit does."),
)


def _claim(code: str, password: str, again: str) -> str:
    """Set the first password; returns the generation of the sessions that it opens."""
    paths, failures = porch().paths, porch().failures
    passwords.check_new(password, again)
    if failures.wait(porch().clock()):
        abort(429)
    failures.attempt(porch().clock())
    if not claims.is_right(paths, code):
        raise WRONG_CODE
    password_hash = passwords.hashed(password)
    # Hashing let other requests run: somebody with the same code may have been faster.
    if ownership(paths) is not Ownership.UNCLAIMED or not claims.is_right(paths, code):
        raise WRONG_CODE
    record = write_record(paths, password_hash)
    claims.spend(paths)
    failures.succeeded()
    return record.generation
