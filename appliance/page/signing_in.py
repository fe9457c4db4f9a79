"""Signing in and out."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from appliance.errors import SavedStateError, SettingsError
from appliance.page import passwords
from appliance.page.guard import forget, is_signed_in, sign_in
from appliance.page.owner import Record, read_record, write_record
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED
from appliance.text import text

pages = Blueprint("signing_in", __name__)

WRONG = SettingsError(text("That is not the password."), "", text("Try again."))


@pages.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The password, on a card that has an owner."""
    try:
        record = read_record(porch().paths)
    except SavedStateError as error:
        return render_template("damaged.html", error=error), 503
    if record is None:
        return redirect(url_for("claiming.claim"), 303)
    if request.method != "POST":
        return redirect(url_for("front.home"), 303) if is_signed_in() else render_template("login.html", error=None)
    if not password_is_right(record, request.form.get("password", "")):
        return render_template("login.html", error=WRONG), 422
    sign_in(record.generation)
    return redirect(url_for("front.home"), 303)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """Sign out: this browser, and whoever has a copy of its cookie, so every other browser too."""
    record = read_record(porch().paths) if is_signed_in() else None
    forget()
    if record is not None:
        try:
            write_record(porch().paths, record.hash)
        except OSError:
            return render_template("login.html", error=CARD_FAILED), 507
    return redirect(url_for("signing_in.login"), 303)


def password_is_right(record: Record, password: str) -> bool:
    """Check a password, as often as the limit allows; 429 to the visitor when it does not."""
    failures = porch().failures
    if failures.wait(porch().clock()):
        abort(429)
    failures.attempt(porch().clock())
    if not passwords.matches(record.hash, password):
        return False
    failures.succeeded()
    return True
