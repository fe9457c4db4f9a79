"""Streams through the card's public ports, from somebody far away to the upstream and back, byte for byte."""

import socket
import ssl

import pytest

from tests.boot.board import Board
from tests.boot.eye import Span
from tests.boot.home import NEIGHBOUR, STRANGER
from tests.boot.person import chat, connect, exchange, media
from tests.boot.upstream import CHAT, HTTP, MEDIA, MIB, Session, Upstream, answer


@pytest.mark.parametrize(
    ("port", "with_tls", "upstream_port"), [(443, True, CHAT), (5222, False, CHAT), (80, False, HTTP)]
)
def test_chat(board: Board, relaying: Span, upstream: Upstream, port: int, with_tls: bool, upstream_port: int) -> None:
    said = chat(f"chat on {port}", MIB)
    with connect(board.home, port, with_tls=with_tls) as person:
        address, source_port = person.getsockname()
        heard = exchange(person, said, MIB)
    session = upstream.session(said[:64])
    assert heard == answer(upstream_port)
    assert_all_arrived(session, said)
    assert session.port == upstream_port
    assert session.origin == (address, source_port)
    assert address == STRANGER


@pytest.mark.parametrize(("port", "size"), [(587, MIB), (7777, SOME)])
def test_media(board: Board, relaying: Span, upstream: Upstream, port: int, size: int) -> None:
    said = media(f"media on {port}", size)
    with connect(board.home, port) as person:
        heard = exchange(person, said, size)
    session = upstream.session(said[:64])
    assert heard == answer(MEDIA)[:size]
    assert_all_arrived(session, said)
    assert session.port == MEDIA


def test_half_closed_chat_still_hears_everything(board: Board, relaying: Span, upstream: Upstream) -> None:
    said = chat("half-closed", SOME)
    with connect(board.home, 5222) as person:
        exchange(person, said, 0)
        person.shutdown(socket.SHUT_WR)
        heard = exchange(person, b"", MIB)
    assert heard == answer(CHAT)
    assert_all_arrived(upstream.session(said[:64]), said)


def test_neighbour_may_chat_too(board: Board, relaying: Span, upstream: Upstream) -> None:
    said = chat("neighbour", 1000)
    with connect(board.home, 443, with_tls=True, source=NEIGHBOUR) as person:
        assert exchange(person, said, SOME) == answer(CHAT)[:SOME]
    origin = upstream.session(said[:64]).origin
    assert origin is not None
    assert origin.address == NEIGHBOUR


def test_certificate_is_the_cards_own(board: Board, relaying: Span) -> None:
    with connect(board.home, 443, with_tls=True) as person:
        assert isinstance(person, ssl.SSLSocket)
        assert person.version() in ("TLSv1.2", "TLSv1.3")
        certificate = person.getpeercert(binary_form=True)
    assert certificate
    # id-ecPublicKey on prime256v1 (RFC 5480), as it stands in the key's algorithm.
    assert bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107") in certificate


def assert_all_arrived(session: Session, said: bytes) -> None:
    """The upstream has every byte and nothing else, and was told of the end."""
    assert session.ended.wait(60), f"{len(session.received)} of {len(said)} bytes have arrived, and no end"
    assert bytes(session.received) == said
