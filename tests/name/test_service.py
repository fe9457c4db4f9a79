"""The whole service: Debian's inadyn, a provider on loopback, and what a volunteer is told."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.name.outcome import NO_CLOCK, REFUSED_OR_NAME, SAID, STRANGE, NameState
from appliance.text import Text
from tests.name.conftest import HOST, SECRET, Running

REFUSALS = [
    ((200, "badauth"), NameState.REFUSED, SAID[NameState.REFUSED]),
    ((401, "Unauthorized"), NameState.REFUSED, SAID[NameState.REFUSED]),
    ((200, "nohost"), NameState.WRONG_NAME, SAID[NameState.WRONG_NAME]),
    ((404, "zone not found"), NameState.WRONG_NAME, SAID[NameState.WRONG_NAME]),
    ((200, "abuse"), NameState.BLOCKED, SAID[NameState.BLOCKED]),
    ((200, "KO"), NameState.REFUSED, REFUSED_OR_NAME),
    ((200, "<html>Hello</html>"), NameState.REFUSED, STRANGE),
]
TROUBLES = [(200, "911"), (200, "dnserr"), (503, "later"), (429, "too many requests")]


@pytest.mark.parametrize("answer", ["good 80.100.100.1", "nochg 80.100.100.1"])
def test_good(running: Running, answer: str) -> None:
    running.provider.answer = 200, answer
    revision = running.enter()
    running.start()
    status = running.until(lambda one: one.tried(revision))
    assert (status.state, status.said) == ("good", SAID[NameState.GOOD])
    assert (status.provider, status.name, status.address) == ("custom", HOST, "80.100.100.1")
    # The password arrives as it was typed, once.
    assert running.provider.credentials == [f"alice:{SECRET}"]
    assert running.provider.updates == ["80.100.100.1"]


@pytest.mark.parametrize(("answer", "state", "said"), REFUSALS)
def test_refused(running: Running, answer: tuple[int, str], state: NameState, said: Text) -> None:
    running.provider.answer = answer
    revision = running.enter()
    running.start()
    status = running.until(lambda one: one.tried(revision))
    assert (status.state, status.said) == (state, said)
    # No one insists: inadyn has ended, and waits for somebody to change something.
    assert len(running.provider.updates) == 1
    assert not _processes(running)


@pytest.mark.parametrize("answer", TROUBLES)
def test_the_provider_has_trouble(running: Running, answer: tuple[int, str]) -> None:
    running.provider.answer = answer
    revision = running.enter()
    running.start()
    status = running.until(lambda one: one.tried(revision))
    assert (status.state, status.said) == (NameState.BUSY, SAID[NameState.BUSY])


def test_another_password_is_tried_at_once(running: Running) -> None:
    running.provider.answer = 200, "badauth"
    running.start()
    running.until(lambda one: one.state == NameState.INCOMPLETE)
    first = running.enter("wrong")
    assert running.until(lambda one: one.tried(first)).state == NameState.REFUSED
    running.provider.answer = 200, "good"
    second = running.enter("right")
    assert running.until(lambda one: one.tried(second)).state == NameState.GOOD
    assert running.provider.credentials == ["alice:wrong", "alice:right"]


def test_a_server_that_hangs(running: Running) -> None:
    """Inadyn would wait for ever."""
    running.patience = 3.0
    running.provider.answer = None
    revision = running.enter()
    running.start()
    status = running.until(lambda one: one.tried(revision))
    assert (status.state, status.said) == (NameState.UNREACHABLE, SAID[NameState.UNREACHABLE])
    assert not _processes(running)


def test_no_server(running: Running) -> None:
    running.choose(update_url="http://127.0.0.1:1/update?%h")
    revision = running.enter()
    running.start()
    status = running.until(lambda one: one.tried(revision))
    assert (status.state, status.said) == (NameState.UNREACHABLE, SAID[NameState.UNREACHABLE])
    assert status.address == "80.100.100.1"


def test_the_router_says_that_the_address_has_changed(running: Running) -> None:
    """It takes no minute, as inadyn's own look would."""
    running.router("80.100.100.1")
    revision = running.enter()
    running.start()
    running.until(lambda one: one.tried(revision))
    running.provider.address = "80.100.100.2"
    running.router("80.100.100.2")
    running.until(lambda one: one.address == "80.100.100.2" and one.state == NameState.GOOD)
    assert running.provider.updates == ["80.100.100.1", "80.100.100.2"]


@pytest.mark.patient
def test_the_address_changes_and_no_router_says_so(running: Running) -> None:
    """Within the minute of inadyn's own look."""
    revision = running.enter()
    running.start()
    running.until(lambda one: one.tried(revision))
    running.provider.address = "80.100.100.2"
    for _ in range(2):
        try:
            running.until(lambda one: one.address == "80.100.100.2" and one.state == NameState.GOOD)
            break
        except AssertionError:
            continue
    assert running.provider.updates == ["80.100.100.1", "80.100.100.2"]


def test_a_restart_tells_the_provider_nothing_new(running: Running) -> None:
    revision = running.enter()
    running.start()
    running.until(lambda one: one.tried(revision))
    running.stop()
    running.paths.name_status.unlink()
    running.start()
    assert running.until(lambda one: one.tried(revision)).state == NameState.GOOD
    assert running.provider.updates == ["80.100.100.1"]


def test_no_clock(running: Running) -> None:
    """To a clock that stands in the past no server can prove who it is."""
    running.wall = None
    revision = running.enter()
    running.start()
    assert running.until(lambda one: one.said == NO_CLOCK).state == NameState.TRYING
    assert not running.provider.paths
    running.wall = time.time()
    assert running.until(lambda one: one.tried(revision)).state == NameState.GOOD


def test_switching_it_off_ends_inadyn(running: Running) -> None:
    running.enter()
    running.start()
    running.until(lambda one: one.state == NameState.GOOD)
    assert _processes(running)
    running.choose(provider="")
    assert running.until(lambda one: one.state == NameState.OFF).said == ""
    assert not _processes(running)


def test_a_password_for_another_provider_is_not_sent(running: Running) -> None:
    running.enter("abc-123", provider="duckdns.org")
    running.start()
    status = running.until(lambda one: one.state == NameState.INCOMPLETE)
    assert status.said == "The password (or token) for this provider is missing."
    assert not running.provider.paths


def test_what_the_name_says_now(running: Running) -> None:
    running.choose(hostname="localhost")
    running.enter()
    running.start()
    status = running.until(lambda one: one.known)
    assert "127.0.0.1" in status.points_to or "::1" in status.points_to


def test_the_password_is_nowhere(running: Running) -> None:
    """Not in the log, the arguments, the environment, the status; and in no file that others may read."""
    running.provider.answer = 200, f"badauth {SECRET}"
    running.enter()
    running.start()
    running.until(lambda one: one.state == NameState.REFUSED)
    running.provider.answer = 200, "good"
    running.enter(SECRET + "2")
    running.until(lambda one: one.state == NameState.GOOD)
    shown = "\n".join(running.log)
    for process in _processes(running):
        shown += Path(f"/proc/{process}/cmdline").read_bytes().decode()
        shown += Path(f"/proc/{process}/environ").read_bytes().decode()
    for path in running.paths.run.rglob("*"):
        # A status that is just being replaced is gone when it is to be read.
        with suppress(FileNotFoundError):
            if path.is_file() and "inadyn" not in path.parts:
                shown += path.read_text()
    assert "${HOME}" not in shown
    assert "#%x" not in shown
    private = running.paths.run / "name" / "inadyn"
    assert private.stat().st_mode & 0o077 == 0
    assert (private / "inadyn.conf").stat().st_mode & 0o777 == 0o600
    assert running.paths.name_account.stat().st_mode & 0o777 == 0o640
    running.stop()
    assert not (private / "inadyn.conf").exists()


def _processes(running: Running) -> list[int]:
    """The inadyn processes of one test."""
    folder = str(running.paths.run / "name" / "inadyn")
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(word.endswith(f"{folder}/inadyn.conf") for word in words):
                found.append(int(entry.name))
    return found
