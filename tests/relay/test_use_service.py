"""The real relay with people: its status tells of their use only when a window of time is over."""

import sys
import time
from itertools import pairwise

import pytest

from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, Upstream, wait_for

# Seconds, instead of five minutes.
SHORT = 4.0


@pytest.mark.slow
def test_a_connection_shows_in_the_next_window_and_in_no_moment_of_its_own(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Relay, "program", (sys.executable, "-m", "tests.relay.with_window", str(SHORT)))
    relay = start_relay()
    seen: dict[float, tuple[bool, int]] = {}

    def look() -> bool:
        status = relay.status
        seen[status["written"]] = status["used_lately"], status["connections"]
        return bool(status["used_lately"])

    wait_for(lambda: not look() and time.clock_gettime(time.CLOCK_BOOTTIME) % SHORT < 1, "a window's beginning")
    with relay.connect(relay.chat, b"WA\x06\x03"), upstream.next():
        wait_for(look, "it is told", 3 * SHORT)
    wait_for(lambda: not look() and any(used for used, _connections in seen.values()), "it is told no more", 4 * SHORT)
    told = sorted(seen.items())
    first = next(written for written, (_used, connections) in told if connections)
    assert not seen[first][0]
    for (earlier, (before, _a)), (later, (after, _b)) in pairwise(told):
        assert before == after or earlier // SHORT != later // SHORT
