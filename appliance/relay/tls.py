"""TLS with a person, by OpenSSL on the connection's own socket.

OpenSSL reads one record at a time, straight from the kernel, and gives its buffers back between two of them: an idle
connection holds no bytes. The other way, memory BIOs, costs a read less for a small message but keeps two buffers of
the size of the largest read for each connection, for as long as it lasts: 2 KiB after a handshake, 170 KiB after
one large transfer.
"""

import _socket
import os
import select
import socket
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from appliance.relay.client_hello import names_beyond_ascii
from appliance.relay.first_bytes import TLS_HANDSHAKE


class TlsError(OSError):
    """The peer does not speak TLS, or broke it off."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The certificate and how TLS is spoken with it.

    Args:
        usual: tells a client that its server name was read (RFC 6066 section 3), as web servers do.
        unnamed: the same without a word about the name. Python refuses a handshake for a name that is not ASCII when it
            has to tell about names; an app may ask for what somebody typed, so those get this one.
    """

    usual: ssl.SSLContext
    unnamed: ssl.SSLContext

    def fitting(self, begun: bytes) -> ssl.SSLContext:
        """The one for a client whose first message begins with these bytes."""
        return self.unnamed if names_beyond_ascii(begun) else self.usual


class Secured:
    """A person's connection with TLS on it, for whoever reads and sends as with a socket.

    ``ssl.SSLSocket`` would do the same, but runs four functions in Python for each message, and five system calls when
    it is made. This stands directly on the object in C that is inside of it, as gevent's own sockets do too.

    Args:
        wire: the socket, non-blocking.
        session: what Python's ``SSLContext`` made for it.

    Attributes:
        wire: the socket; what is read and sent there has nothing to do with TLS.
        session: the object in C.
        recv: takes the most bytes that are wanted, and perhaps a buffer for them; gives at most one record, or how
            many bytes of the buffer are used.
        send: takes bytes; gives how many of them were taken.
    """

    __slots__ = ("recv", "send", "session", "wire")

    def __init__(self, wire: _socket.socket, session: Any) -> None:
        self.wire = wire
        self.session = session
        self.recv = session.read
        self.send = session.write

    def recv_into(self, buffer: bytearray, most: int) -> int:
        """As a socket's; at most one record."""
        count: int = self.recv(most, buffer)
        return count

    def fileno(self) -> int:
        """The descriptor."""
        return self.wire.fileno()

    def close(self) -> None:
        """Close the connection, without a word in TLS."""
        self.wire.close()


# What a person is connected by.
Person = _socket.socket | Secured


def wire_of(person: Person) -> _socket.socket:
    """The socket below TLS, where there is TLS."""
    return person.wire if isinstance(person, Secured) else person


def is_tls(first: int) -> bool:
    """Whether the first byte is OpenSSL's to judge: a handshake's, or one of SSL 2. nginx decides it like this."""
    return first == TLS_HANDSHAKE[0] or first >= 0x80


def begin(context: ssl.SSLContext, person: _socket.socket) -> Secured:
    """Make a connection one that is spoken TLS on; the handshake is still to come.

    Args:
        context: the certificate and the rules.
        person: the accepted socket, non-blocking, of which nothing has been read that belongs to TLS.
    """
    making: Any = context
    return Secured(person, making._wrap_socket(person, server_side=True))


def log_no_names() -> None:
    """Have nothing said in the log about a name that Python could not read: who sends many would fill it.

    That is the name of a greeting which came in pieces, so that ``Rules.fitting`` did not see it.
    """
    others = sys.unraisablehook

    def tell(about: "sys.UnraisableHookArgs") -> None:
        if not isinstance(about.exc_value, UnicodeDecodeError):
            others(about)

    sys.unraisablehook = tell


def shake_hands(person: Secured) -> bool:
    """Go on with the handshake as far as possible; True when it is complete.

    Raises:
        TlsError: it failed; the peer has been told why, if it listens.
        OSError: the peer has gone.
    """
    try:
        person.session.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise ConnectionAbortedError("gone in the middle of the handshake") from error
    except ssl.SSLError as error:
        raise TlsError(error.reason or "TLS") from error
    return True


def has_room(person: Secured) -> bool:
    """Whether a short record can be sent at once; also where the connection is broken, which sending then tells."""
    poll = select.poll()
    poll.register(person.fileno(), select.POLLOUT)
    return bool(poll.poll(0))


def say_end(person: Secured, *, listening: bool) -> None:
    """Tell a person in TLS (close_notify) that we send no more. Where there is no room for it, the TCP end must do.

    Args:
        person: the connection.
        listening: whether the person may still be sending, so that what comes has to be kept.
    """
    with suppress(OSError, ValueError):
        if listening:
            person.wire.send(_close_notify(person))
        else:
            person.session.shutdown()


def _close_notify(person: Secured) -> bytes:
    """The record that ends our direction, made while the other one stays as it is.

    ``shutdown`` calls SSL_shutdown twice. The second call reads, and if it finds data rather than the peer's own
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
                person.session.shutdown()
        finally:
            os.dup2(kept, number, inheritable=False)
            os.close(kept)
        return there.recv(1024)
