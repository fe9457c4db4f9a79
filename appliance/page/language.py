"""Choosing the language: open to everybody on the home network, since one has to understand the login to log in."""

from flask import Blueprint, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from appliance.page.guard import is_signed_in
from appliance.page.languages import LANGUAGES
from appliance.page.saving import saved

pages = Blueprint("language", __name__)


@pages.post("/language")
def choose() -> ResponseReturnValue:
    """Take a language for this browser; the owner's choice also becomes that of every browser that made none."""
    code = request.form.get("language", "")
    if code in LANGUAGES:
        session["language"] = code
        if is_signed_in():
            # Fixed in the file, or a card that is full: the choice then holds in this browser only, as can be seen.
            saved({"page.language": code})
    return redirect(_same_page(request.form.get("page", "")), 303)


def _same_page(path: str) -> str:
    """Back to where the form stood; never to another site."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else url_for("front.home")
