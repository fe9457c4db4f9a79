"""The whole service: Debian's certbot, pebble, and the file that the relay gets."""

import re
import ssl
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from appliance.certificate.issued import facts
from tests.certificate.authority import Authority
from tests.certificate.authority import running as open_for_business
from tests.certificate.conftest import NAME, Running
from tests.certificate.stand_in import port_80

# A real authority, or a real client of one: each takes seconds, so they are for ./test.
pytestmark = pytest.mark.slow

DAY = 86400.0


@pytest.fixture
def port(running: Running) -> Iterator[int]:
    """Where the authority finds the name's port 80."""
    with port_80(running.paths.certificate_run / "challenge") as server:
        yield int(server.server_address[1])


@pytest.fixture
def authority(running: Running, port: int, tmp_path: Path) -> Iterator[Authority]:
    with open_for_business(Authority(tmp_path / "authority", port)) as one:
        running.trust(one)
        yield one


def test_a_certificate_for_the_relay(running: Running, authority: Authority) -> None:
    running.choose()
    running.start()
    status = running.until(lambda one: one.state == "good")
    assert (status.kind, status.name) == ("public", NAME)
    assert status.not_after == pytest.approx(time.time() + 90 * DAY, abs=600)
    # The authority has seen port 80 from outside.
    assert status.validated > 0
    file = running.paths.issued_certificate
    assert file.stat().st_mode & 0o777 == 0o640
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    assert running.issued.count(b"BEGIN CERTIFICATE") >= 2
    # certbot's account, and nothing else, stays; for nobody else.
    own = running.paths.certificate_state / "own"
    assert own.stat().st_mode & 0o077 == 0
    kept = {path.name for path in own.rglob("*") if path.is_file() and path.name != "README"}
    assert kept == {"meta.json", "private_key.json", "regr.json"}
    # Now and then the status is just being replaced.
    left = {path.name for path in running.paths.run.rglob("*") if path.is_file()}
    assert not [name for name in left if not re.fullmatch(r"status\.json|\.status\.json\.\d+\.new", name)]
    # The log does not say for whom.
    assert NAME not in "\n".join(running.log)


def test_back_to_self_signed(running: Running, authority: Authority) -> None:
    running.choose()
    running.start()
    running.until(lambda one: one.state == "good")
    running.choose(**{"certificate.kind": "self-signed"})
    status = running.until(lambda one: one.state == "off")
    assert (status.kind, status.name, status.not_after) == ("self-signed", "", 0)
    assert not running.paths.issued_certificate.exists()


def test_the_clock_is_wrong(running: Running, authority: Authority) -> None:
    """As long as nobody has told the time, nobody is asked for anything."""
    running.wall = None
    running.choose()
    running.start()
    status = running.until(lambda one: one.state == "no-clock")
    assert "date" in status.said
    assert not (running.paths.certificate_state / "own" / "certbot").exists()
    running.wall = time.time()
    running.until(lambda one: one.state == "good")


def test_a_clock_that_somebody_set_wrong(running: Running, authority: Authority) -> None:
    """What comes does not fit that date, so the relay does not get it."""
    running.wall = time.time() + 1000 * DAY
    running.choose()
    running.start()
    running.until(lambda one: one.state == "unfit")
    assert not running.paths.issued_certificate.exists()


def test_renewed_at_two_thirds_of_its_life(running: Running, authority: Authority) -> None:
    running.choose()
    running.start()
    running.until(lambda one: one.state == "good")
    first = running.issued
    running.wall = time.time() + 59 * DAY
    time.sleep(2.5)
    assert running.issued == first
    running.wall = time.time() + 61 * DAY
    running.until(lambda one: running.issued != first)
    assert facts(running.paths.issued_certificate) is not None


def test_the_authority_is_down(running: Running, authority: Authority) -> None:
    """The relay keeps what it has, and gets a new one once the authority is back."""
    running.choose()
    running.start()
    running.until(lambda one: one.state == "good")
    first = running.issued
    authority.stop()
    running.wall = time.time() + 61 * DAY
    status = running.until(lambda one: one.state == "unreachable")
    assert status.said == "The authority does not answer. porchlight tries again by itself."
    assert (status.kind, running.issued) == ("public", first)
    # It comes back and has forgotten the account, as pebble does.
    authority.start()
    _pass_pauses(running, lambda: running.issued != first)
    assert running.until(lambda one: one.state == "good").kind == "public"


def test_one_nonce_in_five_is_rejected(running: Running, port: int, tmp_path: Path) -> None:
    """Certbot asks again once; the service does for the rest."""
    with open_for_business(Authority(tmp_path / "authority", port, rejects=20)) as authority:
        running.trust(authority)
        running.choose()
        running.start()
        _pass_pauses(running, lambda: running.paths.issued_certificate.exists())
        for _ in range(3):
            former = running.issued
            known = facts(running.paths.issued_certificate)
            assert known is not None
            running.wall = known.not_before + 61 * DAY
            _pass_pauses(running, partial(_differs, running, former))
            running.wall = time.time()


def _differs(running: Running, former: bytes) -> bool:
    return running.issued != former


def _pass_pauses(running: Running, done: Callable[[], bool]) -> None:
    """Wait for something that a further try brings, without waiting for the pauses between the tries."""
    end = time.monotonic() + 240
    running.hurries = True
    while not done():
        assert time.monotonic() < end, f"no certificate; the log: {running.log}"
        time.sleep(0.05)
    running.hurries = False


def test_port_80_is_closed(running: Running, tmp_path: Path) -> None:
    with open_for_business(Authority(tmp_path / "authority", 1)) as authority:
        running.trust(authority)
        running.choose()
        running.start()
        status = running.until(lambda one: one.state == "port-closed")
    assert status.said.startswith(f"The authority could not reach port 80 of {NAME} from outside.")
    assert status.kind == "self-signed"


def test_another_server_answers(running: Running, tmp_path: Path) -> None:
    with (
        port_80(tmp_path) as other,
        open_for_business(Authority(tmp_path / "authority", other.server_address[1])) as authority,
    ):
        running.trust(authority)
        running.choose()
        running.start()
        status = running.until(lambda one: one.state == "port-closed")
    assert "found another server" in status.said


def test_nothing_under_the_name(running: Running, port: int, tmp_path: Path) -> None:
    with open_for_business(Authority(tmp_path / "authority", port), address="") as authority:
        running.trust(authority)
        running.choose()
        running.start()
        status = running.until(lambda one: one.state in ("wrong-name", "port-closed"))
    assert NAME in status.said


@pytest.mark.parametrize("domain", ["", "80.100.100.1", "porchlight.local", "porchlight"])
def test_no_name(running: Running, domain: str) -> None:
    running.choose(**{"share.domain": domain})
    running.start()
    assert "needs a name" in running.until(lambda one: one.state == "no-name").said


def test_an_authority_that_cannot_prove_who_it_is(running: Running, authority: Authority, tmp_path: Path) -> None:
    text = running.paths.owner_file.read_text()
    running.paths.owner_file.write_text(re.sub("authority_roots.*", "", text))
    running.choose()
    running.start()
    status = running.until(lambda one: one.state == "unreachable")
    assert "could not prove who it is" in status.said


def test_another_name(running: Running, authority: Authority) -> None:
    """The former certificate stays until there is one for the new name."""
    running.choose()
    running.start()
    running.until(lambda one: one.state == "good")
    running.choose(**{"share.domain": "other.example.org"})
    status = running.until(lambda one: one.name == "other.example.org")
    assert status.kind == "public"
