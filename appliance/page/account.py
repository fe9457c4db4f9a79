"""Changing the password, which signs every other browser out."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from appliance.errors import PorchlightError, SettingsError
from appliance.page import passwords
from appliance.page.guard import sign_in
from appliance.page.owner import read_record, write_record
from appliance.page.porch import porch
from appliance.page.saving import CARD_FAILED
from appliance.page.signing_in import password_is_right
from appliance.text import text

pages = Blueprint("account", __name__)


@pages.route("/settings/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """The form for a new password."""
    if request.method != "POST":
        return render_template("password.html", error=None)
    try:
        generation = _change(*(request.form.get(name, "") for name in ("former", "password", "again")))
    except PorchlightError as error:
        return render_template("password.html", error=error), 422
    except OSError:
        return render_template("password.html", error=CARD_FAILED), 507
    sign_in(generation)
    flash(gettext("The new password holds. Every other browser has to sign in again."))
    return redirect(url_for("preferences.index"), 303)


def _change(former: str, password: str, again: str) -> str:
    passwords.check_new(password, again)
    record = read_record(porch().paths)
    if record is None or not password_is_right(record, former):
        raise SettingsError(
            text("The password that you use now is not right."), text("Nothing was saved."), text("Type it again.")
        )
    return write_record(porch().paths, passwords.hashed(password)).generation
