"""Every port: where it leads, with which header, and that each byte arrives as the reference delivers it."""

import os
import threading
import time

import pytest

from appliance.relay.proxy_header import build
from tests.wire.stage import Both, End, Seen, Stage
from tests.wire.talking import (
    BALANCED,
    BALANCED_MEDIA,
    CHAT,
    CHAT_TLS,
    MEDIA,
    PORTS,
    Port,
    connect,
    expected_header,
    opened,
    read_header,
)
from tests.wire.tls_end import BYTE_BY_BYTE, TlsEnd

MIB = 1 << 20


def conversation(stage: Stage, port: Port, family: int, hello: bytes) -> object:
    """Everything that both ends see, from the first byte to the last."""
    client = connect(stage, port, family=family)
    expected = expected_header(stage, port, family)
    client.send(hello)
    where, upstream = stage.arrived_anywhere()
    header = read_header(stage, where, upstream, family)
    assert header == expected
    start = upstream.read(len(hello))
    upstream.send(b"an answer")
    answer = client.read(9)
    client.send(b"the last word").finish()
    at_upstream = upstream.rest()
    upstream.send(b"a farewell").finish()
    return where, header, start, answer, at_upstream, client.rest()


def check(both: Both, port: Port, family: int, hello: bytes) -> None:
    where, _header, *said = both.same(lambda stage: conversation(stage, port, family, hello))
    assert where == port.upstream
    assert said == [hello, b"an answer", Seen(b"the last word", "end"), Seen(b"a farewell", "end")]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("port", PORTS, ids=str)
def test_each_port_with_version_1_upstream(container: Both, port: Port, family: int) -> None:
    check(container, port, family, port.hello)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("port", [one for one in PORTS if one.number != 7777] + [BALANCED_MEDIA], ids=str)
def test_each_port_with_version_2_upstream(chart: Both, port: Port, family: int) -> None:
    check(chart, port, family, port.routed)


@pytest.mark.costly
@pytest.mark.parametrize("port", PORTS, ids=str)
def test_first_bytes_in_pieces(container: Both, port: Port) -> None:
    def script(stage: Stage) -> object:
        client = stage.client(port.number)
        if port.balanced:
            # In one piece: the reference takes no other (header-in-pieces).
            client.send(build("v1", BALANCED[4]))
        if port.tls:
            # The handshake comes byte by byte too.
            client = TlsEnd(client, piece=1)
        for at in range(len(port.routed)):
            client.send(port.routed[at : at + 1])
            time.sleep(BYTE_BY_BYTE)
        upstream = stage.arrived(port.upstream)
        return read_header(stage, port.upstream, upstream), upstream.read(len(port.routed))

    assert container.same(script)[1] == port.routed


@pytest.mark.costly
def test_an_upstream_of_media_may_speak_first(container: Both) -> None:
    """It has been dialled because of the client's first message, and need not wait for the second one."""

    def script(stage: Stage) -> object:
        stage.upstreams["media"].greet = lambda connection: connection.sendall(b"220 ready")
        try:
            client = stage.client(MEDIA.number, MEDIA.hello)
            greeting = client.read(9)
            client.send(b"thanks")
            return greeting, stage.arrived("media").read(len(MEDIA.hello) + 6)
        finally:
            del stage.upstreams["media"].greet

    assert container.same(script) == (b"220 ready", MEDIA.hello + b"thanks")


def both_ways(client: End, upstream: End, up: bytes, down: bytes, piece: int) -> tuple[bytes, bytes, Seen]:
    """Send both ways at once in pieces, then end; what upstream and client have seen, and the client's end.

    The ends wait for the bytes: HAProxy 2.6 cuts off what is on its way to a TLS client that has ended its own half.
    """

    def send(end: End, data: bytes) -> None:
        for at in range(0, len(data), piece):
            end.send(data[at : at + piece])

    seen: list[bytes] = []
    threads = [
        threading.Thread(target=send, args=(upstream, down)),
        threading.Thread(target=send, args=(client, up)),
        threading.Thread(target=lambda: seen.append(upstream.read(len(up)))),
    ]
    for thread in threads:
        thread.start()
    at_client = client.read(len(down))
    for thread in threads:
        thread.join()
    client.finish()
    assert upstream.rest() == Seen(b"", "end")
    upstream.finish()
    return seen[0], at_client, client.rest()


@pytest.mark.costly
@pytest.mark.parametrize("port", [CHAT_TLS, MEDIA], ids=str)
def test_one_byte_a_write(container: Both, port: Port) -> None:
    up, down = os.urandom(1000), os.urandom(1000)

    def script(stage: Stage) -> object:
        return both_ways(*opened(stage, port), up, down, 1)

    assert container.same(script) == (up, down, Seen(b"", "end"))


@pytest.mark.costly
@pytest.mark.parametrize(
    "size", [pytest.param(2 * MIB, id="2MiB"), pytest.param(64 * MIB, id="64MiB", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("port", [CHAT_TLS, CHAT, MEDIA], ids=str)
def test_much_both_ways_at_once(container: Both, port: Port, size: int) -> None:
    up, down = os.urandom(size), os.urandom(size)

    def script(stage: Stage) -> object:
        at_upstream, at_client, ending = both_ways(*opened(stage, port), up, down, MIB)
        # Compared here: nobody could read what pytest would say of so many bytes.
        return at_upstream == up, at_client == down, ending

    assert container.same(script) == (True, True, Seen(b"", "end"))
