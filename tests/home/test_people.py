"""Strangers from outside before the real relay and the real setup page, with routers as they come."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.network.verdict import Verdict
from tests.home.card import Card
from tests.home.household import CARD, MASQUERADING, NEIGHBOUR, PUBLIC, SEEN, Household, Kind
from tests.relay.running import MEDIA_HELLO, Upstream, read_exactly, read_line, wait_for

pytestmark = [pytest.mark.namespaces, pytest.mark.slow]
Make = Callable[[Kind], Household]

PAGE = 8199
# What somebody sets by hand who wants the page on holiday.
BY_HAND = f"iifname wan0 tcp dport {PAGE} dnat ip to {CARD}"
LET_IN = "ct status dnat accept"


@pytest.mark.parametrize("postrouting", ["", MASQUERADING], ids=["plain", "masquerading"])
def test_somebody_outside_talks_through_the_relay(household: Make, tmp_path: Path, postrouting: str) -> None:
    """Chat inside TLS on 443, media on 587, through the ports that the router was asked for."""
    home = household(PUBLIC)
    home.translate(postrouting=postrouting)
    home.start_daemon()
    card = Card(home, tmp_path / "card", chat_ports=[], media_ports=[587], workers=1)
    upstream = home.inside("card", lambda: Upstream(6000))
    relay = card.start("relay")
    card.start()
    assert card.verdict().verdict is Verdict.MAPPED
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    wait_for(lambda: _listens(home, 443), "the relay to listen")
    with anybody.wrap_socket(home.connect(443)) as client:
        client.sendall(b"WA\x06\x03and more")
        there = upstream.next()
        # WhatsApp is told who comes, as a direct connection would.
        line = read_line(there)
        assert line.startswith(b"PROXY TCP4 ")
        assert read_exactly(there, 12) == b"WA\x06\x03and more"
        there.sendall(b"answer")
        assert client.recv(6) == b"answer"
    with home.connect(587) as client:
        client.sendall(MEDIA_HELLO + b"picture")
        there = upstream.next()
        assert read_exactly(there, len(MEDIA_HELLO) + 7) == MEDIA_HELLO + b"picture"
        there.sendall(b"back")
        assert read_exactly(client, 4) == b"back"
    upstream.stop()
    relay.terminate()
    relay.wait(30)
    card.stop()


@pytest.mark.parametrize("postrouting", ["", MASQUERADING], ids=["plain", "masquerading"])
def test_nobody_outside_sees_the_page_even_when_its_port_is_opened_by_hand(
    household: Make, tmp_path: Path, postrouting: str
) -> None:
    home = household(PUBLIC)
    home.translate(forward=LET_IN, prerouting=BY_HAND, postrouting=postrouting)
    home.start_daemon()
    card = Card(home, tmp_path / "card", {"also": [PAGE]})
    page = card.start("page")
    card.start()
    assert card.verdict().verdict is Verdict.MAPPED
    wait_for(lambda: b"200 OK" in _ask(home, "neighbour", CARD), "the page at home", 30)
    # The connection comes about, so that it is the page itself that says nothing.
    assert _ask(home, "outside", SEEN) == b""
    # Nor does a header that claims to come from home change that.
    assert _ask(home, "outside", SEEN, f"X-Forwarded-For: {NEIGHBOUR}\r\n") == b""
    page.terminate()
    page.wait(30)
    card.stop()


def test_it_is_the_page_that_turns_them_away(household: Make, tmp_path: Path) -> None:
    """With the setting that takes the gateway for a neighbour, the same stranger gets in: the way was open."""
    home = household(PUBLIC)
    home.translate(forward=LET_IN, prerouting=BY_HAND, postrouting=MASQUERADING)
    card = Card(home, tmp_path / "card")
    card.write_page(allow_gateway=True)
    page = card.start("page")
    wait_for(lambda: b"200 OK" in _ask(home, "neighbour", CARD), "the page at home", 30)
    assert b"200 OK" in _ask(home, "outside", SEEN)
    page.terminate()
    page.wait(30)


def _listens(home: Household, port: int) -> bool:
    def look() -> bool:
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", port)) == 0

    return home.inside("card", look)


def _ask(home: Household, room: str, address: str, header: str = "") -> bytes:
    """What somebody gets from the page; nothing when the connection ends without a word."""
    try:
        with home.connect(PAGE, address=address, room=room) as asking:
            asking.sendall(f"GET /claim HTTP/1.1\r\nHost: {CARD}:{PAGE}\r\n{header}\r\n".encode())
            return asking.recv(65536)
    except ConnectionResetError:
        return b""
    except ConnectionRefusedError:
        assert room == "neighbour", "the port is not open at all"
        return b""
