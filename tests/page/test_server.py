"""The server under pressure, with real sockets: stalled visitors, broken ones, and the port in other hands."""

import http.client
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.page.crowd import Crowd, Visit, peer_of
from appliance.page.server import LARGEST_HEAD
from tests.page.conftest import Page, Visitor, free_port, wait_until

# Seconds, and connections: the figures to reach.
FRESH_WITHIN = 2.0
STALLED = 1000


def raw(port: int, sent: bytes) -> bytes:
    """Send bytes, and read all that comes back."""
    with socket.create_connection(("127.0.0.1", port), 20) as peer:
        peer.sendall(sent)
        received = b""
        try:
            while data := peer.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


@pytest.mark.costly
@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"POST /claim HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\ncode="]
)
def test_a_thousand_stalled_visitors_leave_room_for_a_fresh_one(page: Page, sent: bytes) -> None:
    with ExitStack() as open_now:
        for _ in range(STALLED):
            stalled = open_now.enter_context(socket.create_connection(("127.0.0.1", page.port), 20))
            stalled.sendall(sent)
        # The first one comes after all of them, so its answer says that they have been taken in.
        assert page.visitor().get("/claim").status == 200
        for _ in range(20):
            begun = time.monotonic()
            assert page.visitor().get("/claim").status == 200
            assert time.monotonic() - begun < FRESH_WITHIN
        descriptors = list(Path(f"/proc/{page.process.pid}/fd").iterdir())
        assert len(descriptors) < 100


@pytest.mark.slow
def test_a_stalled_visitor_is_let_go_in_time(page: Page) -> None:
    begun = time.monotonic()
    assert raw(page.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n") == b""
    assert 10 < time.monotonic() - begun < 20


NONSENSE = {
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": b"400",
    b"GET\r\n\r\n": b"400",
    b"GET / HTTP/9.9\r\n\r\n": b"400",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * LARGEST_HEAD + b"\r\n\r\n": b"400",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * LARGEST_HEAD + b"\r\n": b"400",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n": b"414",
    b"POST /claim HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n": b"400",
    b"POST /claim HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n": b"400",
    b"GET / HTTP/1.0\r\n\r\n": b"400",
    b"BREW / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n": b"403",
}


@pytest.mark.costly
def test_nonsense_is_refused_and_nothing_of_it_is_logged(page: Page) -> None:
    for sent, status in NONSENSE.items():
        answer = raw(page.port, sent + b"\r\n\r\n")
        # Where more was sent than is read, the reset may overtake the answer.
        assert answer[9:12] == status or answer == b"", sent[:80]
        assert b"Traceback" not in answer
        assert page.visitor().get("/claim").status == 200
    assert page.process.poll() is None
    assert "Traceback" not in page.log.read_text()


@pytest.mark.costly
def test_too_large_a_form_is_refused_by_its_announced_size(page: Page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    origin = f"http://127.0.0.1:{page.port}"
    form = b"code=" + b"x" * 40_000
    connection.request("POST", "/claim", form, {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"})
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 413


@pytest.mark.costly
def test_one_request_a_connection_and_no_name_of_the_server(page: Page) -> None:
    answer = page.visitor().get("/claim")
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Server"] is None


@pytest.mark.costly
def test_no_log_line_holds_an_address_of_a_visitor(page: Page, owner: Visitor) -> None:
    for sent in (b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100 + b"\r\n"):
        raw(page.port, sent)
    owner.get("/nothing")
    owner.get("/", {"Host": "evil.example"})
    # A visitor that goes away while the answer is written.
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", page.port), 5) as peer:
            peer.sendall(b"GET /static/page.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    page.stop()
    lines = [line for line in page.log.read_text().splitlines() if "The setup page listens on" not in line]
    assert not [line for line in lines if re.search(r"\d+\.\d+\.\d+\.\d+|::", line)]
    assert len(lines) < 5, lines


@pytest.mark.costly
def test_it_ends_cleanly_when_told_to(page: Page) -> None:
    begun = time.monotonic()
    assert page.stop() == 0
    assert time.monotonic() - begun < 5
    assert "Traceback" not in page.log.read_text()


@pytest.mark.costly
def test_a_port_in_use_is_said_with_its_holder_and_taken_when_it_is_free(start: Callable[..., Page]) -> None:
    port = free_port()
    code = f"import socket; s = socket.create_server(('127.0.0.1', {port})); print('there', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        name = Path(f"/proc/{other.pid}/comm").read_text().strip()
        page = start("--listen", "127.0.0.1", port=port, ready=False)
        wait_until(lambda: f"Port {port} is in use by {name}." in page.log.read_text(), "the message")
        assert page.process.poll() is None
        other.stdin.close()
    wait_until(lambda: "listens on 127.0.0.1" in page.log.read_text(), "the page listens")
    assert page.log.read_text().count("is in use") == 1
    assert page.visitor().get("/claim").status == 200


@pytest.mark.costly
def test_systemd_is_told_when_it_is_ready_and_that_it_lives(
    start: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        page = start("--listen", "127.0.0.1")
        assert [manager.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]
        page.stop()


@pytest.mark.costly
@pytest.mark.parametrize(
    "options", [["--port", "0"], ["--port", "x"], ["--listen", "here"], ["--settings", "/nothing"], ["--nonsense"]]
)
def test_a_mistake_in_the_options_is_said_in_words(options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "page", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert done.stderr


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=300))
def test_the_crowd_keeps_its_limits_and_drops_the_oldest(visits: list[tuple[int, bool]]) -> None:
    crowd = Crowd(most=10, most_of_one_peer=3)
    inside: list[Visit] = []
    for number, leaves in visits:
        visit = Visit(str(number))
        same = [one for one in inside if one.peer == visit.peer]
        expected = same[0] if len(same) >= 3 else inside[0] if len(inside) >= 10 else None
        leaving = crowd.enter(visit)
        assert leaving is expected
        if leaving:
            inside.remove(leaving)
        inside.append(visit)
        if leaves:
            crowd.leave(inside.pop(0))
        assert list(crowd.visits) == inside


def test_an_ipv6_neighbour_is_one_visitor_whatever_address_it_takes() -> None:
    assert peer_of("fd00::1") == peer_of("fd00::2") == peer_of("fd00::3%eth0")
    assert peer_of("fd00::1") != peer_of("fd00:0:0:1::1")
    assert peer_of("192.168.1.2") != peer_of("192.168.1.3")
