"""What the kernel says of the relay's own sockets."""

import _socket
import socket
from typing import Any

import pytest
from gevent import get_hub

from appliance.relay.connection import accept, are_waiting
from appliance.relay.dial import Dial
from appliance.relay.listener import Listener
from appliance.relay.ports import Port
from appliance.relay.upstream import Endpoint
from appliance.settings.declared import RelaySettings
from tests.relay.pumping import turn_until
from tests.relay.running import wait_for


def test_a_listening_socket_tells_whether_anybody_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert not are_waiting(listening)
        with socket.create_connection(listening.getsockname()), socket.create_connection(listening.getsockname()):
            wait_for(lambda: are_waiting(listening), "the first to wait")
            accept(listening, listening.family)[0].close()
            wait_for(lambda: are_waiting(listening), "the second to wait")
            accept(listening, listening.family)[0].close()
            assert not are_waiting(listening)


def test_people_are_answered_without_delay_and_asked_whether_they_are_there() -> None:
    arrived: list[_socket.socket] = []

    def admit(person: _socket.socket, _port: Port, _peer: tuple[str, int]) -> bool:
        arrived.append(person)
        return True

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        listener = Listener(listening, Port(443, "chat", "chat", needs_header=False), admit, lambda *_: None)
        with socket.create_connection(listening.getsockname()):
            turn_until(lambda: arrived, "somebody to be accepted")
            (person,) = arrived
            assert person.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert person.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, every, times = (
                person.getsockopt(socket.IPPROTO_TCP, one)
                for one in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            # An app speaks every 30 s; whoever is gone is so before the idle limit.
            assert 30 < idle < idle + every * times < RelaySettings().idle_timeout
            person.close()
        listener.close()


def test_the_upstream_is_told_without_delay_and_asked_whether_it_is_there() -> None:
    reached: list[_socket.socket] = []

    def connected(upstream: _socket.socket, watcher: Any) -> None:
        watcher.close()
        reached.append(upstream)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dial = Dial(
            get_hub().loop.io,
            [Endpoint(socket.AF_INET, listening.getsockname())],
            connected,
            pytest.fail,
        )
        dial.next()
        turn_until(lambda: reached, "the upstream")
        (upstream,) = reached
        assert upstream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert upstream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        upstream.close()
