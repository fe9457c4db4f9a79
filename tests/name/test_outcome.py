"""What inadyn says, line by line."""

import pytest

from appliance.name.outcome import NO_ADDRESS, NOT_TRUSTED, SAID, NameState, Reading, of_answer, unanswered

HOST = "relay.example.org"
START = (
    "In-a-dyn version 2.11.0 -- Dynamic DNS update client.",
    f"Failed resolving hostname {HOST}: Name or service not known",
    "Checking for IP# change, initiating HTTPS ...",
)
FIRST = (*START, "Current IP# 80.100.100.1 at custom", f"Update forced for alias {HOST}, new IP# 80.100.100.1")
SENT = (*FIRST, "Sending IP# update to DDNS server, initiating HTTPS ...")


def reading(*lines: str) -> Reading:
    one = Reading(HOST)
    for line in lines:
        one.line(line)
    return one


def state_of(one: Reading) -> NameState:
    return one.outcome.state


def test_the_whole_way() -> None:
    one = reading(*START)
    assert one.waiting
    assert state_of(one) is NameState.TRYING
    one = reading(*FIRST)
    assert not one.waiting
    one = reading(*SENT)
    assert one.waiting
    one = reading(
        *SENT, "DDNS server response: HTTP/1.1 200 OK", "", "good", f"Successful alias table update for {HOST}"
    )
    assert (one.outcome.state, one.outcome.address, one.waiting) == (NameState.GOOD, "80.100.100.1", False)


def test_a_prefix_does_not_matter() -> None:
    one = reading(*(f"inadyn[{number}]: {line}" for number, line in enumerate(SENT)))
    assert one.outcome.address == "80.100.100.1"


def test_the_former_address_is_good_once_nothing_is_sent() -> None:
    """With no memory of its own inadyn says "no change" too, and sends the address all the same."""
    one = reading(*START, f"No IP# change detected for {HOST}, still at 80.100.100.1")
    assert state_of(one) is NameState.TRYING
    one.silence()
    assert state_of(one) is NameState.GOOD
    one = reading(
        *START, f"No IP# change detected for {HOST}, still at 80.100.100.1", f"Update forced for alias {HOST}"
    )
    one.silence()
    assert state_of(one) is NameState.TRYING


def test_an_address_that_nobody_says() -> None:
    lines = (
        "Failed connecting to ifconfig.me: Connection refused",
        "Communication with checkip server ifconfig.me failed, run again with 'inadyn -l debug' if problem persists",
        "Failed to get IP address for custom, giving up!",
    )
    one = reading(*START, *lines)
    assert (one.outcome.state, one.outcome.said) == (NameState.UNREACHABLE, NO_ADDRESS)
    one.line(f"No IP# change detected for {HOST}, still at 80.100.100.1")
    one.silence()
    assert state_of(one) is NameState.GOOD


@pytest.mark.parametrize(
    "lines",
    [
        ["SSL handshake with update.example.org failed: The TLS connection was non-properly terminated."],
        ["Failed resolving hostname update.example.org: Temporary failure in name resolution"],
        ["Failed connecting to update.example.org: Connection timed out"],
        ["HTTP(S) Transaction failed, error 15: Temporary network error (recv)"],
    ],
)
def test_a_provider_out_of_reach(lines: list[str]) -> None:
    one = reading(*SENT, *lines)
    assert (one.outcome.state, one.outcome.said) == (NameState.UNREACHABLE, SAID[NameState.UNREACHABLE])


def test_a_server_that_cannot_prove_who_it_is() -> None:
    one = reading(
        *SENT,
        "The certificate does not have a known issuer.",
        "The certificate is not trusted.",
        "SSL handshake with update.example.org failed: Error in the certificate verification.",
    )
    assert (one.outcome.state, one.outcome.said) == (NameState.UNREACHABLE, NOT_TRUSTED)


def test_freedns() -> None:
    one = reading(*FIRST, "=> ERROR: Could not authenticate.", "Cannot find your DNS name in the list of API keys")
    assert state_of(one) is NameState.REFUSED
    assert state_of(reading(*FIRST, "Cannot find your DNS name in the list of API keys")) is NameState.WRONG_NAME
    assert state_of(reading(*FIRST, "Cannot find your FreeDNS account API keys")) is NameState.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "state"),
    [(48, NameState.REFUSED), (50, NameState.REFUSED), (74, NameState.BROKEN), (-9, NameState.BROKEN)],
)
def test_exit_status(status: int, state: NameState) -> None:
    assert reading(*SENT).ended(status).state is state


def test_an_exit_does_not_hide_what_was_said_before() -> None:
    one = reading(*SENT, "DDNS server response: HTTP/1.0 200 OK", "", "abuse", "Fatal error in DDNS server response: x")
    assert one.ended(48).state is NameState.BLOCKED


def test_a_long_answer_is_cut() -> None:
    one = reading(*SENT, "DDNS server response: HTTP/1.0 200 OK", "", *["x" * 5000] * 100, "badauth")
    one.line("Fatal error in DDNS server response: DDNS server response not OK")
    assert state_of(one) is NameState.REFUSED


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("badauth", NameState.REFUSED),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", NameState.REFUSED),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", NameState.BUSY),
        ("HTTP/1.1 200 OK\r\nX-Note: nohost\r\n\r\nnotfqdn", NameState.WRONG_NAME),
        ("HTTP/1.1 200 OK\r\nServer: abuse\r\n\r\nwhatever", None),
        ("", None),
    ],
)
def test_answers(answer: str, state: NameState | None) -> None:
    assert of_answer(answer)[0] is state


def test_every_state_has_words() -> None:
    assert set(NameState) - set(SAID) == {NameState.OFF, NameState.INCOMPLETE}
    assert unanswered("80.100.100.1").address == "80.100.100.1"
