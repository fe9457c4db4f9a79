"""A stand-in for WhatsApp's servers: it sends back whatever it gets. No message goes anywhere.

``python3 -m appliance.demo.upstream CHAT_PORT MEDIA_PORT`` runs it, as ``porchlight demo`` does. The chat port takes
away the PROXY header (version 1) that the relay puts before each conversation; the media port gets none.
"""

import socket
import sys
import threading
from contextlib import suppress

HOST = "127.0.0.1"
# The longest header that version 1 allows, in bytes (proxy-protocol.txt, section 2.1).
LONGEST_HEADER = 107


def serve(chat_port: int, media_port: int) -> None:
    """Echo on both ports, for ever.

    Raises:
        OSError: a port is taken.
    """
    with socket.create_server((HOST, chat_port)) as chat, socket.create_server((HOST, media_port)) as media:
        threading.Thread(target=_accept, args=(media, False), daemon=True).start()
        _accept(chat, True)


def _accept(listener: socket.socket, has_header: bool) -> None:
    while True:
        connection, _peer = listener.accept()
        threading.Thread(target=_echo, args=(connection, has_header), daemon=True).start()


def _echo(connection: socket.socket, has_header: bool) -> None:
    with connection, suppress(OSError):
        data = connection.recv(65536)
        while (
            has_header
            and b"\r\n" not in data
            and len(data) < LONGEST_HEADER
            and data.startswith(b"PROXY "[: len(data)])
        ):
            more = connection.recv(65536)
            if not more:
                return
            data += more
        data = without_header(data) if has_header else data
        connection.sendall(data)
        while data := connection.recv(65536):
            connection.sendall(data)


def without_header(data: bytes) -> bytes:
    """What follows the PROXY header, or everything when there is none."""
    if not data.startswith(b"PROXY "):
        return data
    return data.partition(b"\r\n")[2]


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve(int(sys.argv[1]), int(sys.argv[2]))
