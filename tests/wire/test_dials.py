"""Where porchlight is deliberately not like the reference when its upstream is not there, for docs/differences.md."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.wire.conftest import MakeBoth
from tests.wire.stage import UPSTREAM, UPSTREAM_PORTS, Seen, Stage, Variant
from tests.wire.talking import CHAT, CHAT_TLS, MEDIA, PORTS, connect

difference = pytest.mark.difference
END = Seen(b"", "end")
HTTP = next(one for one in PORTS if one.number == 80)
# One for each group of upstreams, and one inside TLS.
EACH = (CHAT_TLS, CHAT, HTTP, MEDIA)


@contextmanager
def without_upstream(stage: Stage) -> Iterator[None]:
    for one in stage.upstreams.values():
        one.stop()
    try:
        yield
    finally:
        with stage.inside():
            for one in stage.upstreams.values():
                one.start()


def told(stage: Stage) -> list[tuple[Seen, float]]:
    """What clients on each port are told of an upstream that is not there, and after how many seconds."""
    clients = [connect(stage, port) for port in EACH]

    def wait(at: int) -> tuple[Seen, float]:
        begun = time.monotonic()
        seen = clients[at].send(EACH[at].hello).rest()
        return seen, time.monotonic() - begun

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(wait, range(len(clients))))


@difference("refused-is-told-late")
@pytest.mark.slow
def test_refused_is_told_late(make_both: MakeBoth) -> None:
    both = make_both(Variant(idle=199.0))

    def script(stage: Stage) -> list[tuple[Seen, float]]:
        with without_upstream(stage):
            return told(stage)

    ours, reference = both.play(script)
    # All say nothing and end in order; how soon is the difference.
    assert [seen for seen, _ in (*ours, *reference)] == 2 * len(EACH) * [END]
    assert all(4.2 < took < 5.0 + 1.0 for _, took in ours), ours
    # Its three seconds; for media it dials while the others are still connecting.
    assert all(2.5 < took < 4.0 for _, took in reference), reference


@difference("black-holes-end-sooner")
@pytest.mark.slow
def test_black_holes_end_sooner(make_both: MakeBoth) -> None:
    both = make_both(Variant(idle=198.0))

    def script(stage: Stage) -> list[tuple[Seen, float]]:
        with without_upstream(stage):
            taken = []
            for port in UPSTREAM_PORTS.values():
                where = UPSTREAM[4], port
                with stage.inside():
                    # A full backlog: the kernel drops every further SYN, as a black hole does.
                    taken.append(socket.create_server(where, backlog=0))
                    crowd = [socket.socket() for _ in range(4)]
                for one in crowd:
                    one.setblocking(False)
                    one.connect_ex(where)
                taken += crowd
            time.sleep(0.4)
            try:
                return told(stage)
            finally:
                for one in taken:
                    one.close()

    ours, reference = both.play(script)
    assert [seen for seen, _ in (*ours, *reference)] == 2 * len(EACH) * [END]
    # What is promised, and what a busy machine adds; the reference dials for media before the others have connected.
    assert all(4.2 < took < 5.0 + 1.0 for _, took in ours), ours
    assert all(18.5 < took < 22.0 for _, took in reference), reference


@difference("private-upstreams-are-refused")
@pytest.mark.slow
def test_private_upstreams_are_refused(make_both: MakeBoth) -> None:
    both = make_both(Variant(allow_private=False))

    def script(stage: Stage) -> object:
        client = stage.client(MEDIA.number, MEDIA.hello)
        if stage is both.porchlight:
            return client.rest(), stage.nothing_arrived
        return stage.arrived("media").read(len(MEDIA.hello))

    ours, reference = both.play(script)
    assert ours == (END, True)
    assert reference == MEDIA.hello
