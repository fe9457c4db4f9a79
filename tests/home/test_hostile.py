"""Devices at home and routers that lie, dawdle or say nonsense: no other address is fetched, and a verdict comes."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.network.verdict import Verdict
from tests.home.card import Card
from tests.home.household import NEIGHBOUR, OUTSIDE, PUBLIC, ROUTER, SEEN, Household, Kind
from tests.relay.running import wait_for

pytestmark = [pytest.mark.namespaces, pytest.mark.slow]
Make = Callable[[Kind], Household]

GROUP = "239.255.255.250"
ANSWER = (
    "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    "USN: uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nEXT:\r\nSERVER: x UPnP/1.1 x\r\n"
    "LOCATION: {url}\r\n\r\n"
)


class Liar:
    """Answers every search from some room, and listens where its answers point to.

    Args:
        home: the household.
        room: where it sits, with ``address``.
        url: what its answers name; ``{port}`` is where it listens.
        serve: what is done with each connection there.
    """

    def __init__(
        self,
        home: Household,
        room: str,
        address: str,
        url: str,
        serve: Callable[[socket.socket], object] = lambda _: None,
    ) -> None:
        self._serve = serve
        self.searches = 0
        self.visits = 0
        self._ended = threading.Event()
        self._listening = home.inside(room, lambda: socket.create_server((address, 0)))
        self._searching = home.inside(room, lambda: _search_socket(address))
        self.port: int = self._listening.getsockname()[1]
        self._url = url.format(port=self.port)
        for sock in (self._listening, self._searching):
            sock.settimeout(0.1)
        self._threads = [threading.Thread(target=act) for act in (self._answer, self._accept)]
        for thread in self._threads:
            thread.start()

    def _answer(self) -> None:
        while not self._ended.is_set():
            try:
                data, sender = self._searching.recvfrom(2048)
            except TimeoutError:
                continue
            if data.startswith(b"M-SEARCH"):
                self.searches += 1
                self._searching.sendto(ANSWER.format(url=self._url).encode(), sender)

    def _accept(self) -> None:
        with ExitStack() as stack:
            while not self._ended.is_set():
                try:
                    connection = stack.enter_context(self._listening.accept()[0])
                except TimeoutError:
                    continue
                self.visits += 1
                self._serve(connection)

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._listening.close()
        self._searching.close()


def _search_socket(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("", 1900))
    made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(address))
    return made


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_neighbour_that_answers_the_search_is_not_visited(
    household: Make, tmp_path: Path, closing: ExitStack
) -> None:
    home = household(PUBLIC)
    home.translate()
    liar = Liar(home, "neighbour", NEIGHBOUR, f"http://{NEIGHBOUR}:{{port}}/root.xml")
    closing.callback(liar.close)
    card = Card(home, tmp_path / "card")
    card.start()
    assert card.verdict().verdict is Verdict.NO_ANSWER
    assert liar.searches
    assert not liar.visits
    card.stop()


def test_beside_such_a_neighbour_the_true_router_is_found(household: Make, tmp_path: Path, closing: ExitStack) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon(pcp=False)
    liar = Liar(home, "neighbour", NEIGHBOUR, f"http://{NEIGHBOUR}:{{port}}/root.xml")
    closing.callback(liar.close)
    card = Card(home, tmp_path / "card")
    card.start()
    found = card.verdict()
    assert (found.verdict, found.method) == (Verdict.MAPPED, "UPnP")
    assert not liar.visits
    card.stop()


def test_a_router_that_points_elsewhere_is_not_followed(household: Make, tmp_path: Path, closing: ExitStack) -> None:
    home = household(PUBLIC)
    home.translate()
    there = Liar(home, "neighbour", NEIGHBOUR, "http://0.0.0.0/")
    closing.callback(there.close)
    port = there.port
    liar = Liar(home, "router", ROUTER, f"http://{NEIGHBOUR}:{port}/root.xml")
    closing.callback(liar.close)
    card = Card(home, tmp_path / "card")
    card.start()
    assert card.verdict().verdict is Verdict.NO_ANSWER
    assert liar.searches
    assert not there.visits
    card.stop()


ELSEWHERE = """<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><URLBase>http://{there}/</URLBase><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<controlURL>http://{there}/control</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL>
</service></serviceList></device></deviceList></device></deviceList></device></root>"""


def test_a_description_that_leads_elsewhere_is_not_followed(
    household: Make, tmp_path: Path, closing: ExitStack
) -> None:
    home = household(PUBLIC)
    home.translate()
    there = Liar(home, "neighbour", NEIGHBOUR, "http://0.0.0.0/")
    closing.callback(there.close)
    body = ELSEWHERE.format(there=f"{NEIGHBOUR}:{there.port}").encode()

    def describe(connection: socket.socket) -> None:
        connection.recv(2048)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    liar = Liar(home, "router", ROUTER, f"http://{ROUTER}:{{port}}/root.xml", describe)
    closing.callback(liar.close)
    card = Card(home, tmp_path / "card")
    card.start()
    assert card.verdict().verdict is Verdict.NO_ANSWER
    assert liar.visits
    assert not there.visits
    card.stop()


@pytest.mark.parametrize(
    "words", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n<"], ids=["mute", "endless"]
)
def test_a_router_that_dawdles_holds_up_neither_verdict_nor_end(
    household: Make, tmp_path: Path, closing: ExitStack, words: bytes
) -> None:
    home = household(PUBLIC)
    home.translate()
    liar = Liar(home, "router", ROUTER, f"http://{ROUTER}:{{port}}/root.xml", lambda connection: connection.send(words))
    closing.callback(liar.close)
    card = Card(home, tmp_path / "card")
    card.start()
    assert card.verdict().verdict is Verdict.NO_ANSWER
    # The long round has begun, which would wait for half a minute.
    wait_for(lambda: liar.visits > 1, "the second try")
    card.stop()


def test_nonsense_from_the_router_is_no_answer(household: Make, tmp_path: Path, closing: ExitStack) -> None:
    """Every datagram to PCP and NAT-PMP is answered with noise, some of it almost right."""
    home = household(PUBLIC)
    home.translate()
    ended = threading.Event()

    def bound() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((ROUTER, 5351))
        made.settimeout(0.1)
        return made

    noisy = home.inside("router", bound)

    def babble() -> None:
        while not ended.is_set():
            try:
                data, sender = noisy.recvfrom(2048)
            except TimeoutError:
                continue
            for noise in (b"", os.urandom(60), os.urandom(1400), bytes((data[0], 0x80 | data[1])) + os.urandom(58)):
                noisy.sendto(noise, sender)
            # A mapping of somebody else's, with another nonce.
            noisy.sendto(struct.pack("!BBBBII12x", 2, 0x81, 0, 0, 7200, 1) + os.urandom(36), sender)

    thread = threading.Thread(target=babble)
    thread.start()
    closing.callback(noisy.close)
    closing.callback(thread.join)
    closing.callback(ended.set)
    card = Card(home, tmp_path / "card")
    card.start()
    found = card.verdict()
    assert (found.verdict, found.method, found.seen) == (Verdict.NO_ANSWER, "", SEEN)
    card.stop()


DEAF = """
table inet deaf {
  chain input {
    type filter hook input priority 0;
    udp dport 53 drop
  }
}
"""


def test_name_servers_that_do_not_answer_hold_up_no_verdict(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon()
    home.nft("outside", DEAF)
    card = Card(home, tmp_path / "card", {"outside_look": ["one.test:3478", "two.test:3478"]})
    card.resolv = tmp_path / "resolv.conf"
    card.resolv.write_text(f"nameserver {OUTSIDE}\n")
    card.start()
    found = card.verdict()
    assert (found.verdict, found.outer, found.seen) == (Verdict.MAPPED, SEEN, "")
    card.stop()
