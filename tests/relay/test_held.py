"""Many who do not read: what lies in memory for all of them together is bounded, and what they get is whole."""

import os
from contextlib import suppress

import pytest

from appliance.relay.common import PART_FOR_REST, Common
from appliance.relay.pipe import MOST, Pipe
from appliance.relay.stream import READ_SIZE, Stream
from tests.relay.pumping import Pumped, receive, send_what_fits

MIB = 1 << 20
STREAMS = 40


@pytest.mark.costly
def test_what_all_of_them_hold_is_bounded_and_whole() -> None:
    pipe = Pipe()
    over: list[Stream] = []
    # Room for one large rest, and for two before somebody has to go.
    common = Common(memoryview(bytearray(16)).cast("Q"), pipe, over.append, MOST * PART_FOR_REST)
    assert (common.roomy, common.most_held) == (MOST, 2 * MOST)
    data = os.urandom(12 * MIB)
    streams: list[Pumped] = []
    sent: list[int] = []
    with suppress(ConnectionResetError):
        while len(streams) < STREAMS:
            before = common.held
            streams.append(Pumped(pipe, buffer=8192, common=common))
            sent.append(send_what_fits(streams[-1].server, data))
            assert common.held <= common.most_held
            if before > common.roomy:
                assert common.held - before <= READ_SIZE
            assert common.held == sum(len(one.stream.to_person._pending) for one in streams)
    # The one that would have left too much here, and nobody else.
    assert over == [streams[-1].stream]
    assert common.held > common.most_held - READ_SIZE
    assert len(sent) > 2
    for one, count in zip(streams[:3], sent, strict=False):
        assert receive(one.client, count) == data[:count]
        assert not one.stream.to_person.holds
    for one in streams:
        one.close()
    assert common.held == 0
    pipe.close()


def test_what_a_worker_may_hold_follows_how_many_there_are() -> None:
    common = Common(memoryview(bytearray(16)).cast("Q"), None, lambda _: None, 800)
    assert (common.roomy, common.most_held) == (100, 200)
    common.share(2400)
    assert (common.roomy, common.most_held, common.held) == (300, 600, 0)


def test_nothing_is_counted_any_more_for_those_who_went_away() -> None:
    pipe = Pipe()
    common = Common(memoryview(bytearray(16)).cast("Q"), pipe, lambda _: None, 1 << 40)
    streams = [Pumped(pipe, buffer=8192, common=common) for _ in range(4)]
    for one in streams:
        send_what_fits(one.server, os.urandom(12 * MIB))
    assert common.held > 0
    for one in streams:
        one.close()
    assert common.held == 0
    pipe.close()
