"""The counters: what is counted where, by a relay that runs and by the table alone."""

import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.relay.sums import (
    ALIVE,
    BY_REASON,
    FIXED_CELLS,
    HISTOGRAMS,
    LONGER,
    Label,
    Sums,
    add,
    by_port,
    by_reason,
    bytes_relayed,
    class_of,
    layout,
)
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Relay, Upstream, read_exactly, read_to_end, wait_for
from tests.relay.test_wire import HELLO, read_to_end_or_reset, tls_connect

BOUNDS = {name: [*(f"{one:g}" for one in bounds), LONGER] for name, bounds in HISTOGRAMS.items()}


def test_every_cell_has_one_meaning_and_every_row_room_for_all() -> None:
    labels = layout([443, 587])
    sums = Sums(labels, 3, ("chat", "media"))
    assert len(set(labels)) == len(labels)
    assert len({len(row) for row in sums.rows}) == 1
    for number, label in enumerate(labels):
        sums.rows[number % 3][sums.index[label]] += number + 1
    assert sums.totals() == {label: number + 1 for number, label in enumerate(labels)}
    # What stands beside the counters is untouched.
    assert [list(row[:FIXED_CELLS]) for row in sums.rows] == [[0] * FIXED_CELLS] * 3
    assert [sums.rows[0][sums.group_cell(group)] for group in sums.groups] == [0, 0]
    assert sums.resting() == ""
    sums.rest("paused")
    assert sums.resting() == "paused"
    assert sum(sums.totals().values()) == len(labels) * (len(labels) + 1) // 2


def test_the_parent_s_wishes_touch_nothing_else_and_the_dead_share_no_memory() -> None:
    sums = Sums(layout([443]), 3, ())
    sums.rest("quota")
    sums.note_elsewhere(7)
    for one in (0, 2):
        sums.want(one, True)
    assert [sums.wants(one) for one in range(3)] == [True, False, True]
    sums.want(2, False)
    assert [sums.wants(one) for one in range(3)] == [True, False, False]
    assert (sums.resting(), sums.open_everywhere()) == ("quota", 7)
    assert not any(sums.totals().values())
    # Nobody has said anything yet: the first one reckons with itself.
    assert sums.living() == 1
    for row in sums.rows:
        row[ALIVE] = 5
    assert sums.living() == 3
    sums.forget(1)
    assert sums.living() == 2


@given(st.sampled_from(sorted(HISTOGRAMS)), st.floats(0, 1e6))
@pytest.mark.costly
def test_a_time_belongs_to_the_first_class_whose_bound_it_does_not_exceed(name: str, seconds: float) -> None:
    bounds = [*HISTOGRAMS[name], float("inf")]
    assert class_of(name, seconds) == next(number for number, bound in enumerate(bounds) if seconds <= bound)


def test_the_classes_of_a_histogram_stand_side_by_side() -> None:
    sums = Sums(layout([443, 587]), 1, ())
    for (name, port), first in sums.first_class.items():
        assert [sums.index[name, port, bound] for bound in BOUNDS[name]] == list(
            range(first, first + len(BOUNDS[name]))
        )


def test_generations_are_added_up_port_by_port() -> None:
    totals = {Label("refused", 443, "late"): 2, Label("connections", 443, ""): 3}
    add(
        totals, {Label("refused", 443, "late"): 1, Label("refused", 80, "full"): 5, Label("bytes_to_people", 80, ""): 7}
    )
    assert by_reason(totals) == {"refused": {"443": {"late": 3}, "80": {"full": 5}}}
    assert by_port(totals) == {"connections": {"443": 3}, "bytes_to_people": {"80": 7}}
    assert bytes_relayed(totals) == 7


def histogram(relay: Relay, name: str, port: int) -> dict[str, int]:
    found: dict[str, int] = relay.status["by_reason"].get(name, {}).get(str(port), {})
    return found


@pytest.mark.costly
def test_connections_bytes_and_times_are_counted_by_port(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off", workers=2)
    for _ in range(3):
        client = relay.connect(relay.chat, HELLO)
        server = upstream.next()
        assert read_exactly(server, 4) == HELLO
        server.sendall(b"x" * 1000)
        assert len(read_exactly(client, 1000)) == 1000
        client.close()
        server.close()
    wait_for(lambda: sum(histogram(relay, "session_seconds", relay.chat).values()) == 3, "the sessions to be counted")
    counters = relay.status["counters"]
    assert counters["connections"][str(relay.chat)] == 3
    assert counters["bytes_from_people"][str(relay.chat)] == 12
    assert counters["bytes_to_people"][str(relay.chat)] == 3000
    assert counters["connections"][str(relay.media)] == counters["bytes_to_people"][str(relay.media)] == 0
    for name in HISTOGRAMS:
        assert list(histogram(relay, name, relay.chat)) == BOUNDS[name]
        assert histogram(relay, name, relay.media) == {}
    connects = histogram(relay, "connect_seconds", relay.chat)
    assert sum(connects.values()) == 3
    # Loopback, on a machine however busy.
    assert connects["0.01"] + connects["0.03"] + connects["0.1"] + connects["0.3"] + connects["1"] == 3


@pytest.mark.costly
def test_a_session_is_counted_by_its_length(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(idle_timeout=2)
    relay.connect(relay.media, MEDIA_HELLO)
    upstream.next()
    wait_for(lambda: histogram(relay, "session_seconds", relay.media).get("10") == 1, "the session to be counted")
    assert sum(histogram(relay, "session_seconds", relay.media).values()) == 1


@pytest.mark.costly
def test_handshake_failures_are_counted_by_reason(start_relay: StartRelay) -> None:
    relay = start_relay()
    assert b"400" in read_to_end(relay.connect(relay.tls, b"GET / HTTP/1.1\r\n\r\n"))
    # No message of a handshake begins like this; chance would begin a greeting now and then, whose rest is waited for.
    read_to_end_or_reset(relay.connect(relay.tls, b"\x16\x03\x01\x00\x05\xff" + os.urandom(4)))
    # A record that is only begun, and a peer that goes away.
    begun = relay.connect(relay.tls, b"\x16\x03\x01\x02\x00\x01")
    begun.shutdown(socket.SHUT_WR)
    assert read_to_end_or_reset(begun) == b""
    # A peer that never spoke, and one that ended in order after the handshake: neither failed.
    relay.connect(relay.tls).close()
    tls_connect(relay.tls).close()
    wait_for(lambda: relay.status["counters"]["connections"][str(relay.tls)] == 5, "all of them to be counted")
    wait_for(lambda: relay.status["connections"] == 0, "all of them to be over")
    assert relay.status["by_reason"]["handshake_failures"] == {
        str(relay.tls): {"not-tls": 1, "protocol": 1, "closed": 1}
    }
    assert "tls" not in json.dumps(relay.status["by_reason"].get("refused", {}))


def test_refusals_and_upstream_errors_are_counted_by_port_and_reason(
    start_relay: StartRelay, upstream: Upstream
) -> None:
    relay = start_relay()
    relay.connect(relay.chat, b"SSH-2.0-x\r\n")
    relay.connect(relay.balancer, b"SSH-2.0-x\r\n")
    upstream.stop()
    assert read_to_end_or_reset(relay.connect(relay.media, MEDIA_HELLO)) == b""
    wait_for(lambda: relay.counted("upstream_errors", "refused") == 1, "the error to be counted")
    wait_for(lambda: relay.counted("refused", "foreign") == 1, "the refusals to be counted")
    assert relay.status["by_reason"]["refused"] == {
        str(relay.chat): {"foreign": 1},
        str(relay.balancer): {"proxy-header": 1},
    }
    assert relay.status["by_reason"]["upstream_errors"] == {str(relay.media): {"refused": 1}}
    assert set(relay.status["by_reason"]) <= {*BY_REASON, *HISTOGRAMS}
