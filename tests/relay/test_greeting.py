"""What a greeting gets back: what nginx 1.26 says to the same (docs/cover.md; ./test probes asks it)."""

import ssl

import pytest

from tests.cover import inside
from tests.cover.probes import (
    SHARELESS_HELLO,
    V12,
    V13,
    Greeting,
    beyond_ascii,
    context,
    exchange,
    greeting_after,
    hello,
    in_small_records,
)
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, read_to_end, wait_for

NAME, UNNAMED = "example.org", (65281, 11, 35, 23)
# HelloRetryRequest is a ServerHello with this in place of chance (RFC 8446 section 4.1.3).
ASKED_AGAIN = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@pytest.fixture
def relay(start_relay: StartRelay) -> Relay:
    return start_relay()


def test_a_name_is_acknowledged_and_one_beyond_ascii_is_no_failure(relay: Relay) -> None:
    asking = hello(context(V12), NAME)
    for message, wanted in (
        (hello(context(V12)), UNNAMED),
        (asking, (65281, 0, 11, 35, 23)),
        (in_small_records(asking), (65281, 0, 11, 35, 23)),
        (beyond_ascii(asking), UNNAMED),
    ):
        answer = greeting_after(relay.tls, message)
        assert isinstance(answer, Greeting), answer
        assert answer.extensions == wanted


@pytest.mark.costly
def test_a_name_that_came_in_pieces_and_cannot_be_read_is_not_logged(relay: Relay) -> None:
    read_to_end(relay.connect(relay.tls, in_small_records(beyond_ascii(hello(context(V12), NAME)))))
    wait_for(lambda: relay.counted("handshake_failures", "protocol") == 1, "the failure to be counted")
    assert "Unicode" not in relay.log
    assert "Exception" not in relay.log


@pytest.mark.costly
def test_who_comes_with_a_strange_key_is_asked_again(relay: Relay) -> None:
    answer = exchange(relay.tls, SHARELESS_HELLO, inside.OPEN_AFTER, greeting_is_enough=True).data
    assert answer[11:43] == ASKED_AGAIN
    # Its last extension: P-256, which the client knows too.
    assert b"\x00\x33\x00\x02\x00\x17" in answer


@pytest.mark.costly
@pytest.mark.parametrize("version", [V12, V13])
def test_tickets_are_taken_more_than_once(relay: Relay, version: ssl.TLSVersion) -> None:
    assert inside.resumed(relay.tls, context(version)) == [False, True, True]
