"""What the kernel says of a listening socket."""

import socket

from appliance.relay.connection import accept, are_waiting
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
