"""Who may ask what: every request passes here before any page sees it.

Closed by default: a new page needs a login unless its endpoint is named in ``OPEN`` here.
"""

import ipaddress
import re
from collections.abc import Callable

from flask import Flask, abort, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from appliance.errors import SavedStateError
from appliance.network.home import Home
from appliance.page.owner import Ownership, ownership, read_record
from appliance.page.porch import porch

# What a visitor on the home network may see without a login: how to get in, how it looks, and coarse sums.
OPEN = frozenset(
    {
        "static",
        "drawing.stylesheet",
        "claiming.claim",
        "signing_in.login",
        "language.choose",
        "machine.status",
        "machine.metrics",
    }
)

# The names under which the card announces itself. Avahi counts up when a second card is on the network.
NAMES = frozenset({"localhost", "porchlight", "porchlight.local", *(f"porchlight-{n}.local" for n in range(2, 10))})

# A name or an address, an IPv6 address in brackets, and a port or none (RFC 9110, section 7.2), nothing around it.
HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9.-]{1,253}))(?::[0-9]{0,5})?", re.ASCII)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # For browsers that do not know frame-ancestors.
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Tells other sites nothing. "no-referrer" would also make browsers send "Origin: null" with our own forms (Fetch
    # standard, "append a request Origin header"), and the Origin check below could not tell them from foreign ones.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # No Cross-Origin-Opener-Policy: browsers ignore it without https, and complain.
    "Cache-Control": "no-store",
}


def guard(app: Flask, home: Callable[[], Home]) -> None:
    """Put the checks before every request of an application, and the headers on every answer.

    Args:
        app: the application.
        home: the home network as it is now.
    """

    # Flask's own TRUSTED_HOSTS is a fixed list and cannot hold an IPv6 address; ours change while we run.
    @app.before_request
    def from_our_own_pages() -> None:
        host = request.environ.get("HTTP_HOST", "")
        if not is_our_host(host, home()):
            abort(400)
        if request.method not in SAFE_METHODS and request.headers.get("Origin") != f"http://{host}":
            abort(403)

    app.after_request(_with_headers)


def require_owner(app: Flask) -> None:
    """Ask for the login, or for the claim, before every page that is not open; after the token was checked."""

    @app.before_request
    def by_the_owner() -> ResponseReturnValue | None:
        if request.endpoint in OPEN or request.endpoint is None or is_signed_in():
            return None
        unclaimed = ownership(porch().paths) is Ownership.UNCLAIMED
        return redirect(url_for("claiming.claim" if unclaimed else "signing_in.login"), 303)


def is_signed_in() -> bool:
    """Whether this request comes from a browser that knows the password that holds now."""
    try:
        record = read_record(porch().paths)
    except SavedStateError:
        return False
    return record is not None and session.get("generation") == record.generation


def sign_in(generation: str) -> None:
    """Let this browser in until it signs out, closes, or the password changes."""
    forget()
    session["generation"] = generation


def forget() -> None:
    """End the session of this browser; only the language that was chosen in it stays."""
    chosen = session.get("language")
    session.clear()
    if chosen:
        session["language"] = chosen


def is_our_host(host: str, home: Home) -> bool:
    """Whether a request's Host header names this device; a page that was rebound by DNS names another one.

    The port is not compared: it says nothing about who is asking.

    Args:
        host: the header, such as ``porchlight.local:8199`` or ``[fd00::1]:8199``.
        home: the home network now.
    """
    found = HOST.fullmatch(host)
    if found is None:
        return False
    name = (found["six"] or found["name"]).lower()
    if name in NAMES:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address in home.addresses


def _with_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
