"""Every route of the URL map, refused as it must be: a new page is covered without being named here."""

import ipaddress
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from appliance import claim
from appliance.network.home import Home
from appliance.page.app import create_app
from appliance.page.failures import MOST_FAILURES, WINDOW, Failures
from appliance.page.guard import HEADERS, OPEN, SAFE_METHODS, is_our_host
from appliance.page.owner import record_file, write_record
from appliance.page.porch import Porch
from appliance.paths import Paths
from appliance.status.gather import Watch

HOME = Home(
    (ipaddress.ip_address("192.168.1.20"), ipaddress.ip_address("fd00::20")),
    (ipaddress.ip_network("192.168.1.0/24"), ipaddress.ip_network("fd00::/64")),
    (ipaddress.ip_address("192.168.1.1"),),
)
OURS = "http://porchlight.local:8199"
HOUR, YEAR = 3600.0, 365.25 * 86400
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"


def make_app(folder: Path) -> Flask:
    paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
    claim.prepare(paths)
    return create_app(paths, porch=Porch(paths, lambda: HOME, Watch(paths), 8199))


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Jinja compiles each template once for an application: that takes longer than all that is tested here."""
    return make_app(tmp_path_factory.mktemp("page"))


@pytest.fixture
def app(one_for_all: Flask) -> Flask:
    """The application of a card that nobody has claimed yet."""
    paths = one_for_all.extensions["porchlight"].paths
    record_file(paths).unlink(missing_ok=True)
    claim.prepare(paths)
    return one_for_all


@pytest.fixture
def owner(app: Flask) -> FlaskClient:
    """A browser that is signed in."""
    record = write_record(app.extensions["porchlight"].paths, HASH)
    client = app.test_client()
    with client.session_transaction(base_url=OURS) as session:
        session["generation"] = record.generation
    return client


def routes(unsafe: bool | None = None) -> Iterator[tuple[str, str, str]]:
    """Method, address and endpoint of everything that the map knows."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        app = make_app(Path(folder))
        for rule in app.url_map.iter_rules():
            address = str(rule.build({"filename": "page.css"} if rule.arguments else {})[1])  # type: ignore[index]
            for method in sorted(rule.methods or ()):
                if unsafe is None or (method not in SAFE_METHODS) == unsafe:
                    yield method, address, rule.endpoint


ALL, UNSAFE = list(routes()), list(routes(unsafe=True))


def test_the_map_is_not_empty() -> None:
    assert {"/", "/claim", "/login", "/logout", "/share", "/settings/password"} <= {address for _, address, _ in ALL}
    assert len(UNSAFE) >= 5


@pytest.mark.parametrize(("method", "address", "_endpoint"), ALL)
@pytest.mark.parametrize(
    "host", ["evil.example", "porchlight.local.evil.example", "192.168.1.99:8199", "a@porchlight.local"]
)
def test_a_foreign_host_is_refused(owner: FlaskClient, method: str, address: str, _endpoint: str, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert owner.open(address, method=method, headers=headers).status_code == 400


@pytest.mark.parametrize(("method", "address", "_endpoint"), UNSAFE)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "https://porchlight.local:8199", None])
def test_a_foreign_origin_is_refused(
    owner: FlaskClient, method: str, address: str, _endpoint: str, origin: str | None
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    assert owner.open(address, method=method, base_url=OURS, headers=headers).status_code == 403


@pytest.mark.parametrize(("method", "address", "_endpoint"), UNSAFE)
@pytest.mark.parametrize("token", [None, "", "forged"])
def test_a_missing_or_forged_token_is_refused(
    owner: FlaskClient, method: str, address: str, _endpoint: str, token: str | None
) -> None:
    data = {} if token is None else {"csrf_token": token}
    answer = owner.open(address, method=method, base_url=OURS, headers={"Origin": OURS}, data=data)
    assert answer.status_code == 400
    assert "too long" in answer.text


@pytest.mark.parametrize(("method", "address", "endpoint"), ALL)
@pytest.mark.parametrize("claimed", [False, True])
def test_without_a_login_only_what_is_meant_to_be_open_is(
    app: Flask, method: str, address: str, endpoint: str, claimed: bool
) -> None:
    if claimed:
        write_record(app.extensions["porchlight"].paths, HASH)
    answer = app.test_client().open(address, method=method, base_url=OURS, headers={"Origin": OURS})
    answer.close()
    if endpoint in OPEN or method not in SAFE_METHODS:
        assert answer.status_code in (200, 303, 400)
    else:
        assert answer.status_code == 303
        assert answer.headers["Location"] == ("/login" if claimed else "/claim")


@pytest.mark.parametrize(("method", "address", "endpoint"), UNSAFE)
def test_a_token_is_no_login(app: Flask, method: str, address: str, endpoint: str) -> None:
    """Whoever opens the login gets a token with it, and can still do nothing but sign in."""
    write_record(app.extensions["porchlight"].paths, HASH)
    client = app.test_client()
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login", base_url=OURS).text)
    assert found
    data = {"csrf_token": found[1]}
    answer = client.open(address, method=method, base_url=OURS, headers={"Origin": OURS}, data=data)
    if endpoint in ("claiming.claim", "signing_in.login", "language.choose"):
        assert answer.status_code in (303, 422)
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize(("method", "address", "_endpoint"), ALL)
def test_every_answer_carries_the_headers(owner: FlaskClient, method: str, address: str, _endpoint: str) -> None:
    answer = owner.open(address, method=method, base_url=OURS)
    answer.close()
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "Server" not in answer.headers
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_errors_are_plain_pages(owner: FlaskClient) -> None:
    assert "There is no such page" in owner.get("/nothing", base_url=OURS).text
    assert owner.put("/name/own", base_url=OURS, headers={"Origin": OURS}).status_code == 405
    big = owner.post("/name/own", base_url=OURS, headers={"Origin": OURS}, data={"csrf_token": "x" * 20_000})
    assert big.status_code == 413
    assert "larger than any form" in big.text


def test_a_defect_of_ours_shows_no_trace(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    del app.extensions["porchlight"]
    broken = app.test_client().get("/", base_url=OURS)
    assert broken.status_code == 500
    assert "our mistake" in broken.text
    assert "KeyError" not in broken.text


@pytest.mark.parametrize(
    "host",
    [
        "porchlight.local",
        "porchlight.local:8199",
        "PORCHLIGHT.local:8199",
        "porchlight-2.local",
        "localhost:1",
        "127.0.0.1",
        "192.168.1.20:8199",
        "[fd00::20]:8199",
        "[::1]:8199",
    ],
)
def test_our_own_names(host: str) -> None:
    assert is_our_host(host, HOME)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8199",
        "evil.example",
        "192.168.1.21",
        "[fd00::21]",
        "porchlight.local.",
        "porchlight.local/x",
        "x@127.0.0.1",
        "porchlight.local:x",
        "[::1",
        "127.0.0.1, evil.example",
        "evil.example#porchlight.local",
        "porchlight-10.local",
    ],
)
def test_other_names(host: str) -> None:
    assert not is_our_host(host, HOME)


@given(st.text())
def test_no_host_header_raises(host: str) -> None:
    is_our_host(host, HOME)


@given(st.lists(st.floats(0, 1000), max_size=200))
def test_never_more_than_five_failures_in_a_minute(moments: list[float]) -> None:
    failures, begun = Failures(), []
    for now in sorted(moments):
        if not failures.wait(now):
            failures.attempt(now)
            begun.append(now)
    for first in begun:
        assert sum(first <= one < first + WINDOW for one in begun) <= MOST_FAILURES


@pytest.mark.parametrize("seconds", [-YEAR, -HOUR, HOUR, 30 * YEAR])
def test_a_clock_that_jumps_signs_nobody_out(
    owner: FlaskClient, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    assert owner.get("/settings", base_url=OURS).status_code == 200
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + seconds)
    assert owner.get("/settings", base_url=OURS).status_code == 200


@pytest.mark.parametrize("forged", ["", "x", "eyJnZW5lcmF0aW9uIjoxfQ.aAaAaA.AAAA", None])
def test_what_was_not_signed_here_is_no_session(app: Flask, owner: FlaskClient, forged: str | None) -> None:
    signed = owner.get_cookie("porchlight", domain="porchlight.local")
    assert signed is not None
    client = app.test_client()
    client.set_cookie("porchlight", signed.value[:-2] if forged is None else forged, domain="porchlight.local")
    assert client.get("/settings", base_url=OURS).status_code in {302, 303}
