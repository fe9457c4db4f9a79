"""Each kind of home with a router that speaks each protocol: the right verdict, bytes from outside, a clean end."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.network.verdict import PortState, Verdict
from tests.home.card import Card
from tests.home.household import (
    CARD,
    CGNAT,
    DOUBLE_NAT,
    MASQUERADING,
    PUBLIC,
    ROUTER,
    SEEN,
    WITHOUT_NATPMP,
    WITHOUT_PCP,
    Household,
    Kind,
)

pytestmark = [pytest.mark.namespaces, pytest.mark.slow]

# By the name of the protocol: what the router is told to drop, and how miniupnpd is started.
PROTOCOLS: dict[str, tuple[tuple[str, ...], dict[str, bool]]] = {
    "PCP": ((WITHOUT_NATPMP,), {"pcp": True, "upnp": False}),
    "NAT-PMP": ((WITHOUT_PCP,), {"pcp": True, "upnp": False}),
    "UPnP": ((), {"pcp": False, "upnp": True}),
}
Make = Callable[[Kind], Household]


def serve_echo(home: Household, port: int) -> None:
    """Something that listens on the card and gives back what it gets."""
    listening = home.inside("card", lambda: socket.create_server((CARD, port)))

    def serve() -> None:
        with listening:
            connection, _ = listening.accept()
            with connection:
                while data := connection.recv(4096):
                    connection.sendall(data)

    threading.Thread(target=serve, daemon=True).start()


def dialogue(connection: socket.socket) -> bytes:
    with connection:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def refuses(home: Household, port: int) -> bool:
    """Whether nobody outside gets in on a port: no mapping, so the router itself refuses or drops."""
    try:
        home.inside("outside", lambda: socket.create_connection((SEEN, port), 1)).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("masquerading", [False, True], ids=["public", "masquerading"])
def test_a_public_address_is_mapped_lets_people_in_and_is_closed_again(
    household: Make, tmp_path: Path, protocol: str, masquerading: bool
) -> None:
    home = household(PUBLIC)
    drop, speaks = PROTOCOLS[protocol]
    home.translate(drop=drop, postrouting=MASQUERADING if masquerading else "")
    home.start_daemon(**speaks)
    serve_echo(home, 443)
    card = Card(home, tmp_path / "card")
    card.start()
    found = card.verdict()
    assert (found.verdict, found.method, found.outer, found.seen) == (Verdict.MAPPED, protocol, SEEN, SEEN)
    assert [(one.port, one.outer_port, one.state) for one in found.ports] == [
        (443, 443, PortState.MAPPED),
        (587, 587, PortState.MAPPED),
    ]
    assert (found.own, found.gateway) == (CARD, ROUTER)
    assert dialogue(home.connect(443)) == b"hello"
    card.stop()
    assert "dnat" not in home.rules()
    assert refuses(home, 443)
    assert card.status is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("kind", "verdict"), [(CGNAT, Verdict.CGNAT), (DOUBLE_NAT, Verdict.DOUBLE_NAT)], ids=["cgnat", "double-nat"]
)
def test_an_outer_address_that_nobody_reaches_is_told(
    household: Make, tmp_path: Path, protocol: str, kind: Kind, verdict: Verdict
) -> None:
    home = household(kind)
    drop, speaks = PROTOCOLS[protocol]
    home.translate(drop=drop)
    home.start_daemon(**speaks)
    card = Card(home, tmp_path / "card")
    card.start()
    found = card.verdict()
    assert (found.verdict, found.method, found.seen) == (verdict, protocol, SEEN)
    card.stop()
    assert "dnat" not in home.rules()


@pytest.mark.parametrize("protocol", ["PCP", "NAT-PMP", "UPnP"])
def test_a_router_without_a_service_does_not_answer(household: Make, tmp_path: Path, protocol: str) -> None:
    """Nobody listens; or a firewall swallows what is asked, so that every question has to wait for its end."""
    home = household(PUBLIC)
    silent = {
        "PCP": (),
        "NAT-PMP": ("udp dport 5351 drop",),
        "UPnP": ("udp dport {1900, 5351} drop", "tcp dport {80, 443} drop"),
    }
    home.translate(drop=silent[protocol])
    card = Card(home, tmp_path / "card")
    card.start()
    found = card.verdict()
    assert (found.verdict, found.method, found.seen) == (Verdict.NO_ANSWER, "", SEEN)
    card.stop()
