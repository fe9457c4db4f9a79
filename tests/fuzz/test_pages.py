"""Every route of the setup page, whatever is sent: never a 500, never a trace, nothing for whoever is not signed in.

The application is called as the server calls it (WSGI), with settings and status files that are bent now and then.
"""

import logging
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from appliance import claim
from appliance.clock import since_boot
from appliance.page import seeing, share
from appliance.page.guard import OPEN
from appliance.page.owner import record_file, write_record
from appliance.page.qr import qr
from appliance.status import relay, router
from tests.fuzz.bending import bent
from tests.fuzz.counts import ASKED, cases
from tests.fuzz.files import FILES, ROUTER, STATUS
from tests.fuzz.requests import FOREIGN, NAMES, OURS, SAFE, Browsers, Request, Senders
from tests.lint.sources import ROOT
from tests.page.test_guard import ALL, HASH, make_app

# What only the owner may read.
SECRET = "only-for-the-owner.example"
OPEN_PATHS = frozenset(address for _, address, endpoint in ALL if endpoint in OPEN)
# Of two endpoints of one address only one is asked for its OPTIONS.
ROUTES = tuple(dict.fromkeys((method, address) for method, address, _ in ALL))
# Requests after which the files are others, and the browsers begin anew.
TURN = 250
# They run beside each other.
PARTS = 4
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
# Whatever the other services may have left, damaged or not.
BENT = ("relay", "router", "name", "certificate", "update", "lights", "pause", "knock", "history, in RAM")


class Browser:
    """Calls an application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.status, self.headers = "", {}  # type: str, dict[str, str]

    def open(self, environ: dict[str, Any]) -> bytes:
        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
            self.status, self.headers = status, dict(headers)

        answer = self._app.wsgi_app(environ, start)  # type: ignore[arg-type]
        try:
            return b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close:
                close()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    found = make_app(tmp_path)
    paths = found.extensions["porchlight"].paths
    for one in BENT:
        FILES[one].where(paths).parent.mkdir(parents=True, exist_ok=True)
    (paths.run / "page").mkdir(exist_ok=True)
    # Nobody pulls a plug, and nobody waits for a name server.
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr("appliance.page.naming.addresses_of", lambda domain: ("203.0.113.1",), raising=False)
    # A twentieth of all time otherwise, for the same few links.
    drawn = lru_cache(100)(qr)
    for module in (seeing, share):
        monkeypatch.setattr(module, "qr", drawn)
    return found


def browsers(app: Flask) -> Browsers:
    """The owner's, signed in with the password that holds from now on, and a stranger's."""
    record = write_record(app.extensions["porchlight"].paths, HASH)
    found = []
    for owner in (True, False):
        client = app.test_client()
        if owner:
            with client.session_transaction(base_url=f"http://{OURS}") as session:
                session["generation"] = record.generation
        page = client.get("/settings/password" if owner else "/login", base_url=f"http://{OURS}").text
        token = TOKEN.search(page)
        assert token, page
        cookie = client.get_cookie("porchlight", domain="porchlight.local")
        assert cookie
        found.append((f"porchlight={cookie.value}", token[1]))
    return Browsers(*found)


def prepare(app: Flask, chance: random.Random) -> None:
    """Bend what lies about, and put the owner's own back."""
    paths = app.extensions["porchlight"].paths
    for one in BENT:
        held = FILES[one]
        file = held.where(paths)
        if chance.random() < 0.5:
            file.unlink(missing_ok=True)
            continue
        if isinstance(held.seeds, tuple):
            file.write_bytes(held.seeds[0])
        else:
            held.seeds(paths)
        if one in ("relay", "router"):
            now = since_boot()
            relay.publish(paths.relay_status, relay.RelayStatus(**{**_fields(STATUS), "written": now}))
            router.publish(paths.router_status, router.RouterStatus(**{**_fields(ROUTER), "written": now}))
        if chance.random() < 0.7 and file.exists():
            (data,) = bent((file.read_bytes(),), 1, chance.randrange(1 << 30))
            file.write_bytes(data)
    paths.saved_settings.parent.mkdir(parents=True, exist_ok=True)
    paths.saved_settings.write_text(f'[share]\ndomain = "{SECRET}"\n')
    if chance.random() < 0.3:
        (data,) = bent(
            (b'[name]\ncontact = "a@b.example"\n[relay]\nmonthly_quota = "2 TB"\n',), 1, chance.randrange(1 << 30)
        )
        paths.saved_settings.write_bytes(f'[share]\ndomain = "{SECRET}"\n'.encode() + data)
    app.extensions["porchlight"].watch.situation(anew=True)


def _fields(status: Any) -> dict[str, Any]:
    return {name: getattr(status, name) for name in status.__dataclass_fields__}


@pytest.fixture
def defects() -> Iterator[list[logging.LogRecord]]:
    """What the application logs as a defect of its own."""
    found: list[logging.LogRecord] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info:
                found.append(record)

    keeps = Keeps()
    logging.getLogger().addHandler(keeps)
    yield found
    logging.getLogger().removeHandler(keeps)


def judge(request: Request, browser: Browser, body: bytes) -> None:
    status = int(browser.status[:3])
    assert status < 500, browser.status
    assert b"Traceback" not in body
    assert browser.headers["X-Frame-Options"] == "DENY"
    assert not any("\n" in value for value in browser.headers.values())
    location = browser.headers.get("Location", "")
    assert location == "" or (location.startswith("/") and not location.startswith(("//", "/\\"))), location
    if not request.ours:
        assert status == 400
        return
    if request.method not in SAFE:
        if not request.from_here:
            assert status == 403
        elif not request.token:
            # The upload's token is looked at after the login.
            assert status in (400, 404, 405, 413) or (status == 303 and location in ("/login", "/claim"))
    if request.signed_in and request.path not in (*OPEN_PATHS, "/logout"):
        # Or the cookie would be a former one, and nothing behind the login asked any more.
        assert location not in ("/login", "/claim")
    if not request.signed_in:
        assert SECRET.encode() not in body
        assert b"a-b-1" not in body
        is_open = request.path in OPEN_PATHS or request.path.startswith("/static/")
        assert is_open or status in (303, 308, 400, 403, 404, 405, 413), (status, request.path)


# All routes together; in ./test soak each of them as often.
# A form that is cut off leaves its file to the garbage collector (Werkzeug 3.1), which closes it.
@pytest.mark.costly
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("part", range(PARTS))
@cases(1500, 100_000, soak=0.01)
def test_whatever_is_sent(app: Flask, defects: list[logging.LogRecord], count: int, part: int) -> None:
    if ASKED:
        count *= len(ROUTES)
    count //= PARTS
    senders = Senders(ROUTES, seed=5 + part)
    chance = random.Random(6 + part)  # noqa: S311
    browser = Browser(app)
    seen: Counter[int] = Counter()
    begun: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    paths = app.extensions["porchlight"].paths
    file = record_file(paths)
    for number in range(count):
        if number % TURN == 0:
            prepare(app, chance)
            app.extensions["porchlight"].failures.succeeded()
            held = browsers(app)
            record = file.read_bytes()
        request = senders.request(held)
        body = browser.open(request.environ)
        try:
            judge(request, browser, body)
            assert not defects
        except AssertionError as error:
            for one in defects:
                error.add_note(logging.Formatter().format(one))
            error.add_note(f"{request.method} {request.path}: {request}")
            raise
        seen[int(browser.status[:3])] += 1
        begun[request.route] += 1
        asked[request.method, request.path] += 1
        if file.read_bytes() != record:
            # Signed out everywhere, or another password: the owner signs in again, and all requests are sent.
            held = browsers(app)
            record = file.read_bytes()
    assert claim.read_claim(paths)
    # All kinds of ends are reached; one of them in each thousand or so.
    assert {200, 303, 400, 403, 404, 405, 422} <= seen.keys(), seen
    assert 413 in seen or count < 5000, seen
    # All are sent, as many to each route as to any other, and six of seven with its own method and path.
    assert begun.total() == count
    assert min(begun[route] for route in ROUTES) == count // len(ROUTES)
    assert min(asked[route] for route in ROUTES) > 0.7 * (count // len(ROUTES)) or count < 5000, asked


def test_the_documents_know_how_many_routes_there_are() -> None:
    """And how many requests each of them gets."""
    each = PARTS * (100_000 // PARTS // len(ROUTES))
    for document, said in (
        ("docs/threats.md", f"over all {len(ROUTES)} routes in `./test`, {each} or more to each"),
        ("docs/testing.md", f"each of the {len(ROUTES)} routes has {each} or more"),
    ):
        assert said in " ".join((ROOT / document).read_text().split())


def test_the_fields_of_every_form_are_known() -> None:
    assert {"code", "password", "again", "former", "domain", "secret", "also", "file", "update.hour"} <= set(NAMES)
    assert FOREIGN
    assert OPEN
