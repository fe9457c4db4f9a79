"""Large transfers: into the splice and out of it again, byte for byte, and a reader that stalls in it."""

import fcntl
import logging
import os
import random
import socket
import struct
import termios
from collections.abc import Iterator

import pytest

from appliance.relay.pipe import MOST, Pipe, open_pipe
from appliance.relay.stream import BUFFER_SIZE, READ_SIZE
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
    turn_until,
)

MIB = 1 << 20


class CountingPipe(Pipe):
    """The real pipe, which also counts what went through it."""

    __slots__ = ("largest", "moved", "rests")

    def __init__(self) -> None:
        super().__init__()
        self.moved = self.largest = self.rests = 0

    def move(self, source: int, sink: int) -> tuple[int, bytes]:
        count, rest = super().move(source, sink)
        self.moved += count
        self.largest = max(self.largest, count)
        self.rests += len(rest)
        assert self.held() == 0
        return count, rest

    def held(self) -> int:
        """Bytes in the pipe."""
        return int.from_bytes(fcntl.ioctl(self._out, termios.FIONREAD, bytes(4)), "little")


@pytest.fixture
def pipe() -> Iterator[CountingPipe]:
    found = CountingPipe()
    yield found
    found.close()


@pytest.fixture(params=["spliced", "copied"])
def pumped(request: pytest.FixtureRequest, pipe: CountingPipe) -> Iterator[Pumped]:
    found = Pumped(pipe if request.param == "spliced" else None)
    yield found
    found.close()


@pytest.mark.costly
def test_small_and_large_messages_alternate_byte_for_byte(pumped: Pumped, pipe: CountingPipe) -> None:
    chance = random.Random(7)  # noqa: S311 - the same every time
    sizes = [1, 200, READ_SIZE - 1, READ_SIZE, READ_SIZE + 1, 3 * READ_SIZE, MOST, MOST + 1, 5 * MOST, 2 * MIB]
    sent = [0, 0]
    for size in chance.choices(sizes, k=60):
        for way, source, sink in (
            (FROM_PERSON, pumped.client, pumped.server),
            (TO_PERSON, pumped.server, pumped.client),
        ):
            data = chance.randbytes(size)
            got = bytearray()
            left = memoryview(data)
            # Bit by bit, so that nothing has to fit into the kernel's buffers.
            while left or len(got) < size:
                if left:
                    left = left[send_once(source, left) :]
                got += receive_once(sink)
            assert got == data
            sent[way] += size
    assert list(pumped.row) == sent
    if pumped.stream.common.pipe is not None:
        assert pipe.moved > sum(sent) / 2


def test_the_end_comes_after_the_last_byte_of_a_large_transfer(pumped: Pumped) -> None:
    data = os.urandom(MIB // 2)
    send_all(pumped.client, data)
    pumped.client.shutdown(socket.SHUT_WR)
    assert receive(pumped.server, len(data)) == data
    turn_until(lambda: at_end(pumped.server), "the half-close")
    # The other direction goes on, large as well.
    send_all(pumped.server, data)
    pumped.server.close()
    assert receive(pumped.client, len(data)) == data
    turn_until(pumped.is_over, "the end of the stream")
    assert pumped.over == 1
    assert list(pumped.row) == [len(data), len(data)]


@pytest.mark.parametrize("spliced", [True, False])
def test_a_reader_that_stalls_is_held_little_for_and_gets_everything(pipe: CountingPipe, spliced: bool) -> None:
    pumped = Pumped(pipe if spliced else None, buffer=8192)
    other = Pumped(pipe if spliced else None)
    data = os.urandom(24 * MIB)
    sent = send_what_fits(pumped.server, data)
    flow = pumped.stream.to_person
    held = len(flow._pending)
    assert 0 < held <= (MOST if spliced else BUFFER_SIZE) <= 128 * 1024
    if spliced:
        assert pipe.largest <= MOST
        assert pipe.rests >= held
    # It stopped reading: the sender is stuck as well.
    sent += send_what_fits(pumped.server, data[sent:])
    assert sent < len(data)
    assert len(flow._pending) <= 128 * 1024
    # Others pass through the same pipe meanwhile.
    assert send_what_fits(other.server, data[:MIB]) == MIB
    assert receive(other.client, MIB) == data[:MIB]
    # Slowly at first, then at once: every byte is there, in its place.
    got = receive(pumped.client, 100_000, piece=1500)
    got += receive(pumped.client, sent - len(got))
    assert got == data[:sent]
    assert pumped.row[TO_PERSON] == sent
    pumped.close()
    other.close()


def test_a_connection_that_breaks_under_the_splice_leaves_nothing_in_the_pipe(pipe: CountingPipe) -> None:
    before = descriptors()
    for _ in range(20):
        pumped = Pumped(pipe)
        send_what_fits(pumped.server, os.urandom(MIB))
        pumped.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        pumped.client.close()
        send_once(pumped.server, os.urandom(MIB))
        turn_until(pumped.is_over, "the end of the stream")
        assert pipe.held() == 0
        pumped.close()
    pumped = Pumped(pipe)
    data = os.urandom(MIB)
    send_all(pumped.server, data)
    assert receive(pumped.client, MIB) == data
    pumped.close()
    assert descriptors() == before


def test_the_pipe_is_emptied_when_the_sink_is_broken(pipe: CountingPipe) -> None:
    source, near = connected_pair()
    sink, far = connected_pair()
    source.send(b"lost with its connection")
    far.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenPipeError):
        pipe.move(near.fileno(), far.fileno())
    assert pipe.held() == 0
    for one in (source, near, sink, far):
        one.close()


def test_the_pipe_is_emptied_without_asking_for_memory(pipe: CountingPipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stayed in it would go to whoever comes next."""
    pumped = Pumped(pipe, buffer=8192)
    with monkeypatch.context() as patch:
        # Whatever makes an object of what it reads.
        patch.delattr(os, "read")
        sent = send_what_fits(pumped.server, os.urandom(24 * MIB))
    assert pipe.rests > 0
    assert receive(pumped.client, sent)
    pumped.close()


def test_a_kernel_without_splice_is_said_so_and_copied_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: object, **_options: object) -> int:
        raise OSError(22, "Invalid argument")

    before = descriptors()
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(os, "splice", refuse)
        assert open_pipe() is None
    assert "cannot splice" in caplog.text
    assert descriptors() == before
    found = open_pipe()
    assert found is not None
    found.close()
    assert descriptors() == before
