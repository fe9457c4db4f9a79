"""The setup page as a Flask application: what its parts are and how they are put together."""

import logging
from datetime import timedelta

from flask import Flask, render_template
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from appliance import __version__
from appliance.network.home import look
from appliance.page import account, claiming, drawing, front, machine, share, signing_in
from appliance.page.guard import guard, is_signed_in, require_owner
from appliance.page.owner import session_key
from appliance.page.porch import Porch
from appliance.page.server import LARGEST_FORM
from appliance.paths import Paths
from appliance.status.gather import Watch

log = logging.getLogger("porchlight.page")

# What went wrong in plain words: headline, explanation.
ERRORS = {
    400: (
        "That did not work",
        "The form was open for too long, or it did not come from this page. Go back and reload.",
    ),
    403: ("Not from here", "This request came from another site, so porchlight did nothing."),
    404: ("There is no such page", "Perhaps the address was mistyped."),
    405: ("That cannot be done here", "Go back to the start page and try from there."),
    413: ("Too much at once", "What was sent is larger than any form of this page."),
    429: ("Too many attempts", "For your safety nobody can try again now. Wait a minute, then try once more."),
    500: ("Something broke", "This is our mistake, not yours. The relay goes on. Try again, or restart porchlight."),
}


def create_app(paths: Paths, *, porch: Porch | None = None, port: int = 8199) -> Flask:
    """Make the setup page.

    Args:
        paths: where this instance keeps its files; the page's own folder is made if it is missing.
        porch: what the pages share, when a test or the server brings its own.
        port: where the page listens, to be shown.

    Raises:
        OSError: the page's own folder cannot be written.
    """
    paths.page_state.mkdir(mode=0o700, parents=True, exist_ok=True)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=session_key(paths),
        SESSION_COOKIE_NAME="porchlight",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        # A Pi has no clock battery: when the time servers set it right, nobody shall be signed out by the jump.
        PERMANENT_SESSION_LIFETIME=timedelta(days=36500),
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
    )
    app.extensions["porchlight"] = porch or Porch(paths, look, Watch(paths), port)
    guard(app, app.extensions["porchlight"].home)
    CSRFProtect(app)
    require_owner(app)
    for part in (front, claiming, signing_in, share, account, machine, drawing):
        app.register_blueprint(part.pages)
    app.register_error_handler(HTTPException, _plain_error)
    app.register_error_handler(CSRFError, _plain_error)
    app.context_processor(lambda: {"is_signed_in": is_signed_in, "version": __version__})
    return app


def _plain_error(error: Exception) -> tuple[str, int, dict[str, str]]:
    code = (error.code if isinstance(error, HTTPException) else None) or 500
    title, text = ERRORS.get(code) or ERRORS[400 if code < 500 else 500]
    retry = {"Retry-After": "60"} if code == 429 else {}
    # After a defect of our own the page asks for nothing that could be broken too.
    return render_template("error.html", title=title, text=text, bare=code >= 500), code, retry
