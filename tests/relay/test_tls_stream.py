"""Streams with TLS on the person's side: both ends, large transfers, a reader that stalls."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import gevent
import pytest

from appliance.relay import tls
from appliance.relay.certificate import rules
from appliance.relay.stream import BUFFER_SIZE, NOTHING_YET
from tests.relay.pumping import (
    FROM_PERSON,
    TO_PERSON,
    Pumped,
    at_end,
    connected_pair,
    descriptors,
    receive,
    receive_once,
    send_all,
    send_once,
    send_what_fits,
    shake_hands,
    turn_until,
)

MIB = 1 << 20


@pytest.fixture
def server_context(certificate_file: Path) -> ssl.SSLContext:
    return rules(certificate_file.parent).usual


@pytest.fixture
def pumped(server_context: ssl.SSLContext) -> Iterator[Pumped]:
    found = Pumped(None, context=server_context)
    yield found
    found.close()


def test_large_and_small_messages_pass_both_ways_and_are_counted(pumped: Pumped) -> None:
    sizes = [1, 16384, 200, 16385, 65536, 65537, 131072, 3]
    for size in sizes:
        for source, sink in ((pumped.client, pumped.server), (pumped.server, pumped.client)):
            data = os.urandom(size)
            got, left = bytearray(), memoryview(data)
            while left or len(got) < size:
                left = left[send_once(source, left) :] if left else left
                got += receive_once(sink)
            assert got == data
    assert list(pumped.row) == [sum(sizes), sum(sizes)]


@pytest.mark.parametrize("size", [300, 3 * MIB])
def test_the_upstreams_end_reaches_a_person_who_goes_on_sending(pumped: Pumped, size: int) -> None:
    before = descriptors()
    data = os.urandom(size)
    # Bytes lie unread in the kernel at the moment when the end is passed on.
    sent = send_once(pumped.client, data)
    pumped.server.sendall(b"the last word")
    pumped.server.shutdown(socket.SHUT_WR)
    assert receive(pumped.client, 13) == b"the last word"
    got = bytearray()
    while len(got) < size:
        if sent < size:
            sent += send_once(pumped.client, data[sent:])
        got += receive_once(pumped.server)
    assert got == data
    # A close_notify and not only the end of TCP: the client does not put up with that one (suppress_ragged_eofs).
    turn_until(lambda: at_end(pumped.client), "the end in TLS")
    assert descriptors() == before
    pumped.client.close()
    turn_until(pumped.is_over, "the end of the stream")
    turn_until(lambda: at_end(pumped.server), "the end at the upstream")
    assert list(pumped.row) == [size, 13]


def test_what_comes_just_before_a_persons_end_is_not_lost(pumped: Pumped) -> None:
    """After our own end OpenSSL tells the person's as an error, in the middle of a large read."""
    assert isinstance(pumped.client, ssl.SSLSocket)
    pumped.server.shutdown(socket.SHUT_WR)
    turn_until(lambda: at_end(pumped.client), "the end in TLS")
    data = os.urandom(16 * 16384)
    # All of it lies in the kernel before the loop turns, so that the end stands behind full records.
    assert sum(pumped.client.send(data[at : at + 16384]) for at in range(0, len(data), 16384)) == len(data)
    with suppress(ssl.SSLWantReadError, OSError):
        pumped.client.unwrap()
    assert receive(pumped.server, len(data)) == data
    turn_until(lambda: at_end(pumped.server), "the half-close")


@pytest.mark.parametrize("missing", ["dup", "socketpair"])
def test_an_end_without_a_descriptor_to_spare_loses_none(
    pumped: Pumped, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    before = descriptors()
    monkeypatch.setattr(os if missing == "dup" else socket, missing, refuse)
    pumped.server.shutdown(socket.SHUT_WR)
    turn_until(lambda: pumped.stream.to_person.done, "the end to be passed on")
    gevent.sleep(0.01)
    assert descriptors() == before


def test_a_persons_end_reaches_an_upstream_that_goes_on_sending(pumped: Pumped) -> None:
    assert isinstance(pumped.client, ssl.SSLSocket)
    pumped.client.sendall(b"the last word")
    with pytest.raises(ssl.SSLWantReadError):
        pumped.client.unwrap()
    assert receive(pumped.server, 13) == b"the last word"
    turn_until(lambda: at_end(pumped.server), "the half-close")
    data = os.urandom(MIB)
    send_all(pumped.server, data)
    assert receive(pumped.client, MIB) == data
    pumped.server.close()
    turn_until(pumped.is_over, "the end of the stream")
    turn_until(lambda: at_end(pumped.client), "the end in TLS")
    assert list(pumped.row) == [13, MIB]


def test_a_reader_that_stalls_is_held_little_for_and_gets_everything(server_context: ssl.SSLContext) -> None:
    pumped = Pumped(None, buffer=8192, context=server_context)
    data = os.urandom(24 * MIB)
    sent = send_what_fits(pumped.server, data)
    assert 0 < len(pumped.stream.to_person._pending) <= BUFFER_SIZE
    sent += send_what_fits(pumped.server, data[sent:])
    assert sent < len(data)
    assert receive(pumped.client, sent) == data[:sent]
    assert pumped.row[TO_PERSON] == sent
    assert pumped.row[FROM_PERSON] == 0
    pumped.close()


def test_a_record_that_is_damaged_ends_the_stream(pumped: Pumped) -> None:
    socket.socket.send(pumped.client, b"\x17\x03\x03\x00\x20" + bytes(32))
    turn_until(pumped.is_over, "the end of the stream")
    # Broken off, and not a whole stream. A busy kernel delivers it a moment later.
    with pytest.raises(ConnectionResetError):
        receive(pumped.server, 1)


def test_what_comes_while_the_end_is_told_is_kept(server_context: ssl.SSLContext) -> None:
    near, far = connected_pair()
    client, person = shake_hands(near, tls.begin(server_context, far))
    client.sendall(b"on its way already")
    tls.say_end(person, listening=True)
    assert receive(person, 18) == b"on its way already"
    with pytest.raises(NOTHING_YET):
        person.recv(100)
    turn_until(lambda: at_end(client), "the end in TLS")
    client.close()
    person.close()
