"""The quota of a relay that runs: what people, page and lights see when the month's data is used up."""

import socket
import sys
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.status.relay import read
from appliance.status.state import Facts, State, state_of
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Relay, Upstream, keep, read_exactly, wait_for
from tests.relay.test_quota import DECEMBER, NOVEMBER, at
from tests.relay.test_wire import HELLO, read_to_end_or_reset

MB = 1_000_000
# Use is told for the five minutes after those in which it was, by the clock: they may begin during a test.
GOES_ON = (State.RELAYING, State.RELAYING_IN_USE)


@pytest.fixture
def date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the relays of a test find their date: November at first."""
    file = tmp_path / "date"
    monkeypatch.setattr(Relay, "program", (sys.executable, "-m", "tests.relay.with_clock", str(file)))
    set_date(file, at(NOVEMBER))
    return file


def set_date(file: Path, seconds: float | None) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text("" if seconds is None else str(seconds))
    fresh.rename(file)


def state(relay: Relay) -> State:
    """What the lights show."""
    found = read(Paths(run=relay.folder / "run").relay_status)
    return state_of(Facts(since_boot(), found, True))


def use_up(relay: Relay, upstream: Upstream, count: int = 505_000) -> tuple[socket.socket, socket.socket]:
    """Relay bytes of a stream that then goes on, or ends for a quota of 1 MB: each byte counts twice.

    What passes that limit comes last and at once: the relay may look at any moment, and ends a stream that is past it.
    """
    client = relay.connect(relay.media, MEDIA_HELLO)
    server = upstream.next()
    assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
    last = min(count, 10_000)
    for some in (count - last, last):
        server.sendall(bytes(some))
        assert len(read_exactly(client, some)) == some
    return client, server


def refused(relay: Relay) -> bool:
    try:
        return read_to_end_or_reset(relay.connect(relay.media, MEDIA_HELLO)) == b""
    except OSError:
        return True


@pytest.mark.costly
def test_used_up_it_ends_streams_refuses_newcomers_and_goes_on_next_month(
    start_relay: StartRelay, upstream: Upstream, date: Path
) -> None:
    relay = start_relay(monthly_quota="1 MB", workers=2)
    client, server = use_up(relay, upstream)
    assert read_to_end_or_reset(client) == b""
    assert read_to_end_or_reset(server) == b""
    wait_for(lambda: state(relay) is State.QUOTA_REACHED, "the lights to say so")
    for _ in range(4):
        assert refused(relay)
    assert upstream.waiting == 0
    wait_for(lambda: relay.counted("refused", "quota") == 4, "the refusals to be counted")
    quota = relay.status["quota"]
    assert quota["month"] == NOVEMBER
    assert 1.01 * MB <= quota["used"] < 1.02 * MB
    # A restart of the service, a clock that is not set, one that goes back: none of them is a new month.
    relay.stop()
    relay.start()
    for wrong in (None, at("2026-02"), 0.0):
        set_date(date, wrong)
        wait_for(lambda: relay.status["quota"]["used"] >= 1.01 * MB, "the count")
        assert refused(relay)
        assert state(relay) is State.QUOTA_REACHED
    set_date(date, at(DECEMBER))
    wait_for(lambda: state(relay) in GOES_ON, "the relay to go on")
    use_up(relay, upstream, 1000)
    assert relay.status["quota"]["month"] == DECEMBER
    assert "used up (monthly_quota)" in relay.log
    assert "no longer held back" in relay.log


@pytest.mark.costly
def test_more_quota_brings_it_back_at_once(start_relay: StartRelay, upstream: Upstream, date: Path) -> None:
    relay = start_relay(monthly_quota="1 MB")
    use_up(relay, upstream)
    wait_for(lambda: state(relay) is State.QUOTA_REACHED, "the lights to say so")
    relay.settings["monthly_quota"] = "5 MB"
    relay.write_settings()
    wait_for(lambda: state(relay) in GOES_ON, "the relay to go on")
    use_up(relay, upstream, 1000)
    # A generation that begins while the quota is used up relays nothing either.
    relay.settings["monthly_quota"] = "1 MB"
    relay.settings["idle_timeout"] = 100
    relay.write_settings()
    wait_for(lambda: state(relay) is State.QUOTA_REACHED, "the lights to say so")
    assert refused(relay)


@pytest.mark.costly
def test_whoever_greets_when_it_is_used_up_is_not_relayed(
    start_relay: StartRelay, upstream: Upstream, date: Path
) -> None:
    relay = start_relay(monthly_quota="1 MB")
    silent = keep(socket.create_connection(("127.0.0.1", relay.chat), timeout=10))
    wait_for(lambda: relay.status["connections"] == 1, "the connection")
    use_up(relay, upstream)
    wait_for(lambda: state(relay) is State.QUOTA_REACHED, "the lights to say so")
    silent.sendall(HELLO)
    assert read_to_end_or_reset(silent) == b""
    assert upstream.waiting == 0


@pytest.mark.costly
def test_the_month_file_is_for_the_relay_alone(start_relay: StartRelay, upstream: Upstream, date: Path) -> None:
    relay = start_relay(monthly_quota="1 MB")
    use_up(relay, upstream, 1000)
    file = relay.folder / "run/relay/month.json"
    count = b"%d" % (2 * (len(MEDIA_HELLO) + 1000))
    wait_for(lambda: file.exists() and count in file.read_bytes(), "the count")
    assert file.stat().st_mode & 0o077 == 0
    assert b"127.0.0.1" not in file.read_bytes()
