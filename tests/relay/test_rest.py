"""A relay that rests by its owner's wish: switched off, or paused for a while."""

import json
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.relay.rest import RESTS, rest_of
from appliance.settings.save import save
from appliance.status import pause
from tests.relay.conftest import StartRelay
from tests.relay.manager import Manager
from tests.relay.running import (
    MEDIA_HELLO,
    Relay,
    Upstream,
    is_relayed,
    keep,
    read_exactly,
    read_to_end,
    swallow,
    wait_for,
)
from tests.relay.test_wire import HELLO, read_to_end_or_reset, tls_connect

# What the switch promises: running streams end, and newcomers are served again, within so many seconds.
OFF_WITHIN, ON_WITHIN = 3.0, 2.0
# What a busy machine adds.
BUSY = 3.0


@pytest.mark.parametrize(
    ("enabled", "paused", "quota", "expected"),
    [
        (True, False, False, ""),
        (True, False, True, "quota"),
        (True, True, True, "paused"),
        (False, True, True, "off"),
        (False, False, False, "off"),
    ],
)
def test_the_owners_own_wish_explains_most(enabled: bool, paused: bool, quota: bool, expected: str) -> None:
    assert rest_of(enabled=enabled, paused=paused, quota_reached=quota) == expected
    assert expected in RESTS


def test_a_pause_ends_by_itself_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    file = tmp_path / "page/pause"
    assert pause.until(file, 100.0) is None
    assert pause.begin(file, 100.0, 3600) == 3700.0
    assert pause.until(file, 101.0) == 3700.0
    assert pause.until(file, 3700.0) is None
    # Since boot means that after a reboot the same file would say something else; it is in RAM.
    for damaged in (b"", b"{}", b"[1]", b'{"until": "x"}', b'{"until": 1e300}', b'{"until": NaN}', b"\xff" * 9000):
        file.write_bytes(damaged)
        assert pause.until(file, 101.0) is None, damaged
    for wrong in (0.0, -1.0, pause.LONGEST + 1, float("nan")):
        with pytest.raises(ValueError, match="pause"):
            pause.begin(file, 100.0, wrong)
    pause.end(file)
    pause.end(file)
    assert not file.exists()


def places(relay: Relay) -> Paths:
    return Paths(relay.folder / "porchlight.toml", relay.folder / "state", relay.folder / "run")


def open_stream(relay: Relay, upstream: Upstream) -> tuple[socket.socket, socket.socket]:
    client = relay.connect(relay.media, MEDIA_HELLO)
    server = upstream.next()
    assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
    return client, server


def refused(relay: Relay) -> bool:
    try:
        return read_to_end_or_reset(relay.connect(relay.media, MEDIA_HELLO)) == b""
    except OSError:
        return True


def served(relay: Relay, upstream: Upstream) -> bool:
    try:
        if not is_relayed(relay.connect(relay.media, MEDIA_HELLO), upstream):
            return False
    except ConnectionError:
        return False
    return read_exactly(upstream.next(), len(MEDIA_HELLO)) == MEDIA_HELLO


def ends_all(relay: Relay, upstream: Upstream, act: object) -> None:
    """Whatever runs ends within the promised time, and whoever comes or has just come is not relayed."""
    client, server = open_stream(relay, upstream)
    secure = tls_connect(relay.tls, HELLO)
    upstream.next()
    silent = keep(socket.create_connection(("127.0.0.1", relay.chat), timeout=20))
    begun = time.monotonic()
    assert callable(act)
    act()
    for one in (client, server, secure):
        assert read_to_end_or_reset(one) == b""
    assert time.monotonic() - begun < OFF_WITHIN + BUSY
    silent.sendall(HELLO)
    assert refused(relay)
    assert read_to_end(silent) == b""
    assert upstream.waiting == 0


@pytest.mark.costly
def test_switched_off_it_ends_everything_and_switched_on_it_is_back(
    start_relay: StartRelay, upstream: Upstream
) -> None:
    relay = start_relay(workers=2, send_proxy="off")
    workers = relay.workers()
    for _ in range(2):
        ends_all(relay, upstream, lambda: save(places(relay), {"relay.enabled": False}))
        wait_for(lambda: relay.status["resting"] == "off", "the status to say so")
        wait_for(lambda: relay.counted("refused", "off") >= 2, "the refusals to be counted")
        wait_for(lambda: relay.status["connections"] == 0, "everybody to be gone")
        begun = time.monotonic()
        save(places(relay), {"relay.enabled": True})
        wait_for(lambda: served(relay, upstream), "people to be served again")
        assert time.monotonic() - begun < ON_WITHIN + BUSY
        wait_for(lambda: relay.status["resting"] == "", "the status to say so")
    # The switch needs no new processes: it works where there is no memory for them.
    assert relay.workers() == workers
    assert "switched off" in relay.log
    assert "switched on again" in relay.log


@pytest.mark.costly
def test_what_is_switched_off_stays_off_over_a_restart(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    save(places(relay), {"relay.enabled": False})
    wait_for(lambda: relay.status["resting"] == "off", "the status to say so")
    relay.stop()
    relay.start()
    # From the first moment on: nobody slips in before the status says so.
    assert refused(relay)
    assert relay.status["resting"] == "off"
    assert upstream.waiting == 0
    # The owner's file wins over the page.
    relay.settings["enabled"] = True
    relay.write_settings()
    wait_for(lambda: served(relay, upstream), "people to be served again")


@pytest.mark.costly
def test_a_pause_ends_everything_and_ends_by_itself(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(workers=2, send_proxy="off")
    file = places(relay).pause
    ends_all(relay, upstream, lambda: pause.begin(file, since_boot(), 3600))
    wait_for(lambda: relay.status["resting"] == "paused", "the status to say so")
    # It outlives a restart of the service.
    relay.stop()
    relay.start()
    assert refused(relay)
    assert relay.status["resting"] == "paused"
    # And ends when its time has come, without anybody's doing.
    end = pause.begin(file, since_boot(), 1.5)
    wait_for(lambda: relay.status["resting"] == "", "the pause to end")
    assert since_boot() >= end
    assert served(relay, upstream)
    assert file.exists()
    assert "pause is over" in relay.log


@pytest.mark.costly
def test_whoever_is_dialled_for_meanwhile_is_not_relayed_either(start_relay: StartRelay, upstream: Upstream) -> None:
    """An upstream that takes its time is there at last, and the relay has been switched off."""
    slow = swallow()
    where = [f"127.0.0.1:{slow.getsockname()[1]}"]
    relay = start_relay(upstreams={"chat": where, "http": where, "media": where}, send_proxy="off")
    client = relay.connect(relay.media, MEDIA_HELLO)
    time.sleep(0.5)
    save(places(relay), {"relay.enabled": False})
    wait_for(lambda: relay.status["resting"] == "off", "the status to say so")

    def serve() -> None:
        with suppress(OSError):
            while True:
                keep(slow.accept()[0])

    threading.Thread(target=serve, daemon=True).start()
    assert read_to_end(client) == b""
    wait_for(lambda: relay.counted("refused", "off") == 1, "the refusal to be counted")
    slow.shutdown(socket.SHUT_RDWR)


@pytest.mark.costly
def test_the_owners_browser_is_led_to_the_page_where_the_relay_is_switched_on_again(start_relay: StartRelay) -> None:
    relay = start_relay()
    save(places(relay), {"relay.enabled": False})
    wait_for(lambda: relay.status["resting"] == "off", "the status to say so")
    browser = relay.connect(relay.chat, b"GET / HTTP/1.1\r\nHost: porchlight.local\r\n\r\n")
    assert b"\r\nLocation: http://porchlight.local:8199/\r\n" in read_to_end(browser)


@pytest.mark.costly
def test_a_pause_can_be_ended_early(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    file = places(relay).pause
    pause.begin(file, since_boot(), 3600)
    wait_for(lambda: refused(relay), "the pause")
    begun = time.monotonic()
    pause.end(file)
    wait_for(lambda: served(relay, upstream), "people to be served again")
    assert time.monotonic() - begun < ON_WITHIN + BUSY


@pytest.mark.costly
def test_streams_of_a_former_process_end_too(start_relay: StartRelay, upstream: Upstream, tmp_path: Path) -> None:
    """After a restart streams may finish for 30 seconds; not when the relay is switched off meanwhile."""
    manager = Manager(tmp_path)
    try:
        relay = start_relay(launch=manager.launch, send_proxy="off")
        client, server = open_stream(relay, upstream)
        relay.stop()
        relay.start()
        server.sendall(b"goes on")
        assert read_exactly(client, 7) == b"goes on"
        begun = time.monotonic()
        pause.begin(places(relay).pause, since_boot(), 3600)
        assert read_to_end_or_reset(client) == b""
        assert time.monotonic() - begun < OFF_WITHIN + BUSY
    finally:
        manager.release()


def test_limits_that_the_page_may_set(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    changes = {"relay.enabled": False, "relay.rate_limit": 125000, "relay.monthly_quota": "200 GB"}
    save(paths, {**changes, "relay.max_connections": 100})
    saved = paths.saved_settings.read_text()
    for line in ("enabled = false", "rate_limit = 125000", "monthly_quota = 200000000000", "max_connections = 100"):
        assert line in saved


@pytest.mark.costly
def test_the_status_of_a_resting_relay_is_read_by_others(start_relay: StartRelay) -> None:
    relay = start_relay(enabled=False)
    status = json.loads((relay.folder / "run/relay/status.json").read_bytes())
    assert status["resting"] == "off"
