"""A restart under a service manager: no listening socket is closed, and streams may finish."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.relay import handover
from appliance.relay.sockets import Sockets
from appliance.relay.worker import HANDOVER_LIMIT
from tests.relay.conftest import StartRelay
from tests.relay.manager import Manager
from tests.relay.running import Relay, Upstream, free_ports, read_exactly, wait_for
from tests.relay.test_wire import HELLO, read_to_end_or_reset, tls_connect

MakeManager = Callable[..., Manager]


@pytest.fixture
def make_manager(tmp_path: Path) -> Iterator[MakeManager]:
    """Makes service managers, and lets them close what is in their stores at the end."""
    made: list[Manager] = []

    def make(**options: int) -> Manager:
        made.append(Manager(tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.release()


def managed(manager: Manager, start_relay: StartRelay, **settings: object) -> Relay:
    """A relay that a service manager has started."""
    return start_relay(launch=manager.launch, send_proxy="off", **settings)


def talk(client: socket.socket, server: socket.socket, word: bytes) -> None:
    """Send a word both ways."""
    client.sendall(word)
    assert read_exactly(server, len(word)) == word
    server.sendall(word)
    assert read_exactly(client, len(word)) == word


def ended(process: int) -> bool:
    """Whether a process is gone, or waits only for somebody to notice."""
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return True


def open_in(process: int) -> int:
    """How many descriptors a process has open."""
    try:
        return len(list(Path(f"/proc/{process}/fd").iterdir()))
    except FileNotFoundError:
        # It has ended: no stream had come to it.
        return 0


def listening(port: int) -> bool:
    """Whether anybody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.costly
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_cuts_no_stream_and_turns_nobody_away(
    start_relay: StartRelay, upstream: Upstream, make_manager: MakeManager, how: signal.Signals, workers: int
) -> None:
    manager = make_manager()
    relay = managed(manager, start_relay, workers=workers)
    streams = []
    for connect, port in ((relay.connect, relay.chat), (tls_connect, relay.tls)):
        client = connect(port, HELLO)
        server = upstream.next()
        assert read_exactly(server, 4) == HELLO
        streams.append((client, server))
    former = relay.workers()
    open_before = {one: open_in(one) for one in former}
    assert relay.process is not None
    relay.process.send_signal(how)
    relay.process.wait()
    wait_for(lambda: all(open_in(one) < open_before[one] - 5 for one in former), "the workers to stop listening")
    # Between the two processes: the kernel accepts, and what is said waits.
    waiting = [relay.connect(relay.chat, HELLO) for _ in range(8)]
    for client, server in streams:
        talk(client, server, b"in between")
    assert upstream.waiting == 0
    relay.start()
    for _ in waiting:
        assert read_exactly(upstream.next(), 4) == HELLO
    for client, server in streams:
        talk(client, server, b"afterwards")
    fresh = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    # Former workers end with their last stream, and take nothing of the new ones with them.
    for client, their in streams:
        client.close()
        their.close()
    wait_for(lambda: all(ended(one) for one in former), "the former workers to end")
    talk(fresh, server, b"still here")


@pytest.mark.slow
def test_streams_get_thirty_seconds(start_relay: StartRelay, upstream: Upstream, make_manager: MakeManager) -> None:
    manager = make_manager()
    relay = managed(manager, start_relay)
    client = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    begun = time.monotonic()
    relay.stop()
    # Its workers see it from now on.
    gone = time.monotonic()
    relay.start()
    while time.monotonic() - begun < HANDOVER_LIMIT - 2:
        talk(client, server, b"on")
        time.sleep(0.5)
    assert read_to_end_or_reset(client) == b""
    assert time.monotonic() - gone < HANDOVER_LIMIT + 3


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.costly
def test_a_stop_ends_everything_at_once(
    start_relay: StartRelay, upstream: Upstream, make_manager: MakeManager, restarted: bool
) -> None:
    """Also the streams of a process before the last: at power-off nobody waits for them."""
    manager = make_manager()
    relay = managed(manager, start_relay)
    client = relay.connect(relay.chat, HELLO)
    upstream.next()
    workers = relay.workers()
    if restarted:
        relay.stop()
        relay.start()
        workers += relay.workers()
    begun = time.monotonic()
    relay.stop()
    manager.release()
    assert read_to_end_or_reset(client) == b""
    wait_for(lambda: all(ended(one) for one in workers), "the workers to end")
    # The last thread of a process may hold its sockets for a moment after it counts as ended.
    wait_for(lambda: not listening(relay.chat), "the port to be closed")
    assert time.monotonic() - begun < 3
    assert manager.messages[-2:] == ["STOPPING=1", "END=1"]


@pytest.mark.costly
def test_the_store_follows_the_settings(start_relay: StartRelay, upstream: Upstream, make_manager: MakeManager) -> None:
    manager = make_manager()
    relay = managed(manager, start_relay, workers=2)
    former = f"listen-{relay.chat}-127.0.0.1"
    wait_for(lambda: len(manager.store.get(former, ())) == 2, "the sockets to be kept")
    wait_for(lambda: f"listen-{relay.chat}-..1" in manager.store, "those of the other family")
    (moved,) = free_ports(35)[-1:]
    relay.settings.update(chat_ports=[moved], workers=1)
    relay.stop()
    relay.chat = moved
    relay.start()
    wait_for(lambda: len(manager.store.get(f"listen-{moved}-127.0.0.1", ())) == 1, "the new port's socket")
    wait_for(lambda: former not in manager.store, "the former port's to go")
    wait_for(lambda: len(manager.store[f"listen-{relay.tls}-127.0.0.1"]) == 1, "the second worker's to go")
    relay.connect(moved, HELLO)
    assert read_exactly(upstream.next(), 4) == HELLO
    # More workers than before take the ports that are open already, and some more sockets of their own.
    relay.settings["workers"] = 3
    relay.write_settings()
    wait_for(lambda: len(manager.store.get(f"listen-{moved}-127.0.0.1", ())) == 3, "three sockets")
    # The fourth is the former one, whose stream goes on.
    wait_for(lambda: len(relay.workers()) == 4, "three workers more")
    assert not any(one["trouble"] for one in relay.status["ports"])


@pytest.mark.costly
def test_a_store_that_is_too_small_is_said_and_not_used(
    start_relay: StartRelay, upstream: Upstream, make_manager: MakeManager
) -> None:
    manager = make_manager(room=3)
    relay = managed(manager, start_relay)
    assert "keeps 3 descriptors at most" in relay.log
    assert manager.store == {}
    client = relay.connect(relay.chat, HELLO)
    upstream.next()
    workers = relay.workers()
    relay.stop()
    assert read_to_end_or_reset(client) == b""
    # A process closes its sockets a moment before it counts as ended.
    wait_for(lambda: all(ended(one) for one in workers), "the workers to end")


def test_descriptors_for_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_FDNAMES", "listen-443-0.0.0.0")
    assert handover.take_inherited() == {}
    assert "LISTEN_FDS" not in os.environ


def test_an_inherited_socket_is_known_by_its_address() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as one:
        port = one.getsockname()[1]
        sockets = Sockets([os.dup(one.fileno())])
        assert list(sockets.by_name()) == [f"listen-{port}-..1"]
        # Nobody wants it, so it is closed.
        sockets.open((), (), 1)
        assert sockets.by_name() == {}
