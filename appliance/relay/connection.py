"""The ends of a relayed connection: TCP sockets without what Python's ``socket`` module adds.

``socket.socket`` is a class in Python around ``_socket.socket``, the one in C. Its constructor, ``accept`` and
``close`` run Python code for each connection and ask the kernel for what is known; ``recv`` and ``send`` are the same.
"""

import _socket
import os
import socket
from typing import Any


class Connection(_socket.socket):
    """One end of a TCP connection, non-blocking; takes what ``socket.socket`` takes."""

    # OpenSSL's side of Python refers to it weakly.
    __slots__ = ("__weakref__",)


def accept(listening: Any, family: int) -> tuple[Connection, tuple[str, int]]:
    """Take a connection off a listening socket, and say where it comes from.

    Args:
        listening: the socket (``_accept``, which gives a bare descriptor, is not in its published type).
        family: of its addresses; to ask the socket for it takes longer.

    Raises:
        OSError: nobody is waiting (``BlockingIOError``), or no descriptor is left.
        MemoryError: the peer has been turned away.
    """
    number, peer = listening._accept()
    try:
        person = Connection(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, number)
    except MemoryError:
        os.close(number)
        raise
    person.setblocking(False)
    return person, peer


def are_waiting(listening: Any) -> bool:
    """Whether connections wait to be accepted: a fifth of what it costs to be told so by an exception.

    tcp(7), TCP_INFO: of a listening socket, ``tcpi_unacked`` is the number of them.
    """
    return not listening.getsockopt(TCP, TCP_INFO, TCPI_UNACKED_UNTIL).endswith(NONE)


def open_connection(family: int) -> Connection:
    """A socket to connect with.

    Raises:
        OSError: no descriptor is left, or this device does not have such addresses.
    """
    return Connection(family, STREAM_THAT_NEVER_WAITS, socket.IPPROTO_TCP)


# As plain numbers: arithmetic with Python's enumerations is slow.
STREAM_THAT_NEVER_WAITS = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
TCP, TCP_INFO = int(socket.IPPROTO_TCP), int(socket.TCP_INFO)
# linux/tcp.h, struct tcp_info: where its 32 bits of tcpi_unacked end.
TCPI_UNACKED_UNTIL, NONE = 28, bytes(4)
