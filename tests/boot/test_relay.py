"""Streams through the card's public ports, from somebody far away to the upstream and back, byte for byte."""

import socket
import ssl
import time

import pytest

from tests.boot.board import BOOT_TAKES, Board
from tests.boot.eye import RELAYS, Span
from tests.boot.home import NEIGHBOUR, STRANGER
from tests.boot.person import chat, connect, exchange, media
from tests.boot.upstream import CHAT, HTTP, MEDIA, MIB, Upstream, answer

# Bytes each way where it is not about the amount: the emulated USB network is slow.
SOME = 100_000


@pytest.mark.parametrize(
    ("port", "with_tls", "upstream_port", "size"),
    [
        pytest.param(443, True, CHAT, MIB, id="443-tls"),
        pytest.param(5222, False, CHAT, MIB, id="5222"),
        pytest.param(80, False, HTTP, SOME, id="80"),
    ],
)
def test_chat(
    board: Board, relaying: Span, upstream: Upstream, port: int, with_tls: bool, upstream_port: int, size: int
) -> None:
    said = chat(f"chat on {port}", size)
    with connect(board.home, port, with_tls=with_tls) as person:
        origin = person.getsockname()
        assert exchange(person, said, size) == answer(upstream_port)[:size]
        session = upstream.wait_for(said)
    assert session.port == upstream_port
    assert session.origin == origin
    assert origin[0] == STRANGER
    assert session.ended.wait(60)
    assert bytes(session.received) == said


@pytest.mark.parametrize(("port", "size"), [(587, MIB), (7777, SOME)])
def test_media(board: Board, relaying: Span, upstream: Upstream, port: int, size: int) -> None:
    said = media(f"media on {port}", size)
    with connect(board.home, port) as person:
        assert exchange(person, said, size) == answer(MEDIA)[:size]
        session = upstream.wait_for(said)
    assert session.port == MEDIA
    assert session.ended.wait(60)
    assert bytes(session.received) == said


def test_half_closed_chat_still_hears_everything(board: Board, relaying: Span, upstream: Upstream) -> None:
    said = chat("half-closed", SOME)
    with connect(board.home, 5222) as person:
        exchange(person, said, 0)
        person.shutdown(socket.SHUT_WR)
        assert exchange(person, b"", MIB) == answer(CHAT)
        assert upstream.wait_for(said).ended.wait(60)


def test_neighbour_may_chat_too(board: Board, relaying: Span, upstream: Upstream) -> None:
    said = chat("neighbour", 1000)
    with connect(board.home, 443, with_tls=True, source=NEIGHBOUR) as person:
        assert exchange(person, said, SOME) == answer(CHAT)[:SOME]
        origin = upstream.wait_for(said).origin
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


def test_restart_of_the_service_cuts_nobody_off(board: Board, relaying: Span, upstream: Upstream) -> None:
    """With the card's own systemd; tests/relay/test_handover.py has the cases."""
    said = chat("restart", SOME)
    half = SOME // 2
    main = "systemctl show -p MainPID --value porchlight-relay"
    former = board.shell.run(main)
    with connect(board.home, 443, with_tls=True) as person:
        exchange(person, said[:half], 1)
        # Not waited for: under emulation a start can take longer than the 30 seconds that streams get.
        board.shell.run("systemctl restart --no-block porchlight-relay")
        deadline = time.monotonic() + BOOT_TAKES
        while board.shell.run(main) in (former, "0"):
            assert time.monotonic() < deadline, "the service does not start again"
            time.sleep(0.5)
        assert exchange(person, said[half:], SOME) == answer(CHAT)[1 : SOME + 1]
        assert bytes(upstream.wait_for(said).received) == said
    again = chat("after the restart", SOME)
    with connect(board.home, 443, with_tls=True) as person:
        exchange(person, again, SOME)
        upstream.wait_for(again)
    assert "FD Store" in board.shell.run("systemctl status --no-pager porchlight-relay", check=False)
    board.eye.wait_for(RELAYS, BOOT_TAKES, since=time.monotonic())
