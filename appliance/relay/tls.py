"""TLS with a person, by OpenSSL on the connection's own socket.

OpenSSL reads one record at a time, straight from the kernel, and gives its buffers back between two of them: an idle
connection holds no bytes. The other way, memory BIOs, costs a read less for a small message but keeps two buffers of
the size of the largest read for each connection, for as long as it lasts: 2 KiB after a handshake, 170 KiB after
one large transfer.
"""

import os
import select
import socket
import ssl
from contextlib import suppress


class TlsError(OSError):
    """The peer does not speak TLS, or broke it off."""


def begin(context: ssl.SSLContext, person: socket.socket) -> ssl.SSLSocket:
    """Make a connection one that is spoken TLS on; the handshake is still to come.

    Args:
        context: the certificate and the rules.
        person: the accepted socket, non-blocking, of which nothing has been read that belongs to TLS. What is
            returned takes its place, with the same descriptor.

    Raises:
        OSError: the peer has gone already.
    """
    # What Python calls a ragged end can only be a reset here (SSL_OP_IGNORE_UNEXPECTED_EOF), so it must be an error.
    return context.wrap_socket(person, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)


def shake_hands(person: ssl.SSLSocket) -> bool:
    """Go on with the handshake as far as possible; True when it is complete.

    Raises:
        TlsError: it failed; the peer has been told why, if it listens.
        OSError: the peer has gone.
    """
    try:
        person.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise ConnectionAbortedError("gone in the middle of the handshake") from error
    except ssl.SSLError as error:
        raise TlsError(error.reason or "TLS") from error
    return True


def has_room(person: ssl.SSLSocket) -> bool:
    """Whether a short record can be sent at once; also where the connection is broken, which sending then tells."""
    poll = select.poll()
    poll.register(person.fileno(), select.POLLOUT)
    return bool(poll.poll(0))


def say_end(person: ssl.SSLSocket, *, listening: bool) -> None:
    """Tell a person in TLS (close_notify) that we send no more. Where there is no room for it, the TCP end must do.

    Args:
        person: the connection.
        listening: whether the person may still be sending, so that what comes has to be kept.
    """
    with suppress(OSError, ValueError):
        if listening:
            socket.socket.send(person, _close_notify(person))
        else:
            person.unwrap()


def _close_notify(person: ssl.SSLSocket) -> bytes:
    """The record that ends our direction, made while the other one stays as it is.

    ``unwrap`` calls SSL_shutdown twice. The second call reads, and if it finds data rather than the peer's own
    close_notify, OpenSSL declares the connection broken (SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY). So it is given
    another socket under the connection's descriptor, on which there is nothing to read, and the record is taken from
    there. Nobody else runs meanwhile, and epoll goes by what stands behind a descriptor, which is kept.
    """
    number = person.fileno()
    here, there = socket.socketpair(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    with here, there:
        kept = os.dup(number)
        try:
            os.dup2(here.fileno(), number, inheritable=False)
            with suppress(ssl.SSLWantReadError):
                person.unwrap()
        finally:
            os.dup2(kept, number, inheritable=False)
            os.close(kept)
        return there.recv(1024)
