"""The setup page of the booted card, used as its owner does: through its forms, from the home network."""

import re
import socket
from contextlib import suppress

import pytest

from appliance.settings.declared import PageSettings
from tests.boot import mdns
from tests.boot.board import Board
from tests.boot.eye import Span
from tests.boot.home import BOARD, ROUTER, STRANGER
from tests.boot.owner import DOMAIN, HOME_PAGE, Owner
from tests.boot.visitor import Visitor


def test_name_is_answered_on_the_home_network(board: Board, relaying: Span) -> None:
    assert mdns.ask(board.home, "porchlight.local", 60) == [BOARD]


def test_name_leads_to_the_page(board: Board, relaying: Span) -> None:
    """Port 80 is a relay port too: a browser at home is led on, and to the name that it asked for."""
    visitor = Visitor(board.home)
    first = visitor.get("http://porchlight.local/", follow=False)
    assert first.status in (301, 302, 303, 307, 308)
    assert first.headers["location"].startswith(f"http://porchlight.local:{PageSettings().port}/")
    page = visitor.get("http://porchlight.local/")
    assert page.status == 200
    assert "porchlight" in page.text


@pytest.mark.parametrize("source", [STRANGER, ROUTER])
def test_is_not_there_for_anybody_outside(board: Board, relaying: Span, source: str) -> None:
    """Neither for a stranger nor for one who comes under the router's own address."""
    assert heard_by(board, source, PageSettings().port) == b""


def test_does_not_lead_a_stranger_to_the_page(board: Board, relaying: Span) -> None:
    heard = heard_by(board, STRANGER, 80)
    assert str(PageSettings().port).encode() not in heard
    assert b"ocation" not in heard


def test_refuses_another_name(board: Board, relaying: Span) -> None:
    """A web site that points its own name at the card (DNS rebinding)."""
    connection = board.home.connect(PageSettings().port)
    with connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_owner_sets_the_name(owner: Owner, board: Board) -> None:
    """Claimed with the code from the serial console; the name and the link with it are shown."""
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", owner.code)
    assert owner.visitor.get(f"{HOME_PAGE}name/own").form_with("domain").fields["domain"] == DOMAIN
    assert f"wa.me/proxy?host={DOMAIN}&amp;" in owner.visitor.get(f"{HOME_PAGE}share").body.replace("<wbr>", "")


def test_code_is_worth_nothing_after_that(owner: Owner, board: Board) -> None:
    page = Visitor(board.home).get(f"{HOME_PAGE}claim")
    assert page.status == 200
    assert page.url == f"{HOME_PAGE}login"


def test_others_have_to_sign_in(owner: Owner, board: Board) -> None:
    page = Visitor(board.home).get(f"{HOME_PAGE}share")
    assert page.url.startswith(f"{HOME_PAGE}login")
    page.form_with("password")
    assert DOMAIN not in page.body


def heard_by(board: Board, source: str, port: int) -> bytes:
    """What somebody gets who asks for a web page there: nothing, when the board refuses the connection."""
    heard = b""
    with suppress(ConnectionError), board.home.connect(port, source, 30) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {BOARD}:{port}\r\nConnection: close\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            heard += piece
    return heard
