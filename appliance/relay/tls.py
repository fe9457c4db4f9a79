"""One TLS connection as a pure transformation: bytes from the wire in, bytes for the wire out.

OpenSSL works on two memory buffers, so one read of the socket can carry many records, and the socket itself stays
an ordinary one that can be half-closed.
"""

import ssl
from contextlib import suppress

# The largest plaintext that is taken out at once, in bytes: four full records.
LARGEST_READ = 64 * 1024


class TlsError(OSError):
    """The peer does not speak TLS, or broke it off."""


class TlsSession:
    """The server's side of one TLS connection.

    Args:
        context: the certificate and the rules.
    """

    __slots__ = ("_incoming", "_outgoing", "_tls", "established", "finished")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established = False
        self.finished = False

    def receive(self, data: memoryview | bytes) -> bytes:
        """Take bytes from the wire; return the plaintext that they complete.

        What has to go back over the wire (handshake, alerts) is then in ``to_send``. ``finished`` tells that the
        peer will send no more.

        Raises:
            TlsError: the handshake failed or a record is damaged; an alert may be in ``to_send``.
        """
        self._incoming.write(data)
        try:
            if not self.established:
                self._tls.do_handshake()
                self.established = True
            return self._read()
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise TlsError(error.reason or "TLS") from error

    def _read(self) -> bytes:
        parts = []
        try:
            while True:
                part = self._tls.read(LARGEST_READ)
                if not part:
                    self.finished = True
                    break
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.finished = True
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def send(self, data: memoryview | bytes) -> bytes:
        """Encrypt; return the bytes for the wire.

        Raises:
            TlsError: the connection is broken.
        """
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise TlsError(error.reason or "TLS") from error
        return self._outgoing.read()

    def to_send(self) -> bytes:
        """Bytes that OpenSSL wants on the wire by itself."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def close_notify(self) -> bytes:
        """Tell the peer that we send no more; it may still send. Returns the bytes for the wire."""
        # It wants the peer's own close_notify, or finds the peer's data before that: both are fine in a half-close.
        with suppress(ssl.SSLError, ValueError):
            self._tls.unwrap()
        return self._outgoing.read()
