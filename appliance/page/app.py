"""The setup page as a Flask application: what its parts are and how they are put together."""

import logging

from flask import Flask, render_template
from flask_babel import force_locale
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from appliance import __version__
from appliance.network.home import look
from appliance.page import (
    account,
    certifying,
    claiming,
    drawing,
    dynamic,
    front,
    keeping,
    language,
    limits,
    machine,
    naming,
    opening,
    preferences,
    renewing,
    running,
    seeing,
    share,
    shining,
    signing_in,
)
from appliance.page.guard import guard, is_signed_in, require_owner
from appliance.page.languages import of_browser, speak
from appliance.page.owner import session_key
from appliance.page.porch import Porch
from appliance.page.server import LARGEST_FORM
from appliance.page.session import AgelessSessions
from appliance.page.steps import STEPS
from appliance.paths import Paths
from appliance.status.gather import Watch
from appliance.text import text

log = logging.getLogger("porchlight.page")

# One blueprint a page.
PARTS = (
    *(front, running, claiming, signing_in, language),
    *(naming, dynamic, opening, seeing, share),
    *(preferences, limits, certifying, shining, renewing, account, keeping),
    *(machine, drawing),
)

# What went wrong in plain words: headline, explanation.
ERRORS = {
    400: (
        text("That did not work"),
        text("The form was open for too long, or it did not come from this page. Go back and reload."),
    ),
    403: (text("Not from here"), text("This request came from another site, so porchlight did nothing.")),
    404: (text("There is no such page"), text("Perhaps the address was mistyped.")),
    405: (text("That cannot be done here"), text("Go back to the start page and try from there.")),
    413: (text("Too much at once"), text("What was sent is larger than any form of this page.")),
    429: (
        text("Too many attempts"),
        text("For your safety nobody can try again now. Wait a minute, then try once more."),
    ),
    500: (
        text("Something broke"),
        text("This is our mistake, not yours. The relay goes on. Try again, or restart porchlight."),
    ),
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
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
    )
    app.session_interface = AgelessSessions()
    app.extensions["porchlight"] = porch or Porch(paths, look, Watch(paths), port)
    guard(app, app.extensions["porchlight"].home)
    csrf = CSRFProtect(app)
    require_owner(app)
    speak(app)
    for part in PARTS:
        app.register_blueprint(part.pages)
    # It looks at its token by itself, before it reads all of a large file.
    csrf.exempt(renewing.bring)
    app.register_error_handler(HTTPException, _plain_error)
    app.register_error_handler(CSRFError, _plain_error)
    # Globals and not a context processor: macros that a template imports see only those.
    app.jinja_env.globals.update(is_signed_in=is_signed_in, version=__version__, steps=STEPS)
    return app


def _plain_error(error: Exception) -> tuple[str, int, dict[str, str]]:
    code = (error.code if isinstance(error, HTTPException) else None) or 500
    title, explained = ERRORS.get(code) or ERRORS[400 if code < 500 else 500]
    retry = {"Retry-After": "60"} if code == 429 else {}
    if code < 500:
        return render_template("error.html", title=title, text=explained, bare=False), code, retry
    # After a defect of our own the page asks for nothing that could be broken too.
    with force_locale(of_browser()):
        return render_template("error.html", title=title, text=explained, bare=True), code, retry
