"""A client's end of a TLS connection that says each thing by itself: handshake, close_notify, FIN."""

import ssl
import threading
import time
from contextlib import suppress

from tests.relay.running import PATIENCE
from tests.wire.stage import End, Seen

# Seconds between two single bytes.
BYTE_BY_BYTE = 0.001


def any_certificate(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """The app accepts every certificate on its chat port.

    Args:
        version: the newest that the client speaks; None for the newest that there is.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.maximum_version = version
    return context


class TlsEnd(End):
    """TLS over an end of a connection; ``rest`` tells of a clean end as ``end``, else how it was cut off."""

    def __init__(self, below: End, version: ssl.TLSVersion | None = None, piece: int = 1 << 20) -> None:
        super().__init__(below.socket)
        self._below = below
        self._piece = piece
        # One thread may send while another one reads; OpenSSL's object wants them one after the other.
        self._lock = threading.Lock()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = any_certificate(version).wrap_bio(self._incoming, self._outgoing)
        while True:
            with suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
                self._flush()
                return
            self._flush()
            self._more()

    def _flush(self) -> None:
        data = self._outgoing.read()
        for at in range(0, len(data), self._piece):
            self._below.send(data[at : at + self._piece])
            if self._piece == 1:
                # Else the relay may find several of them when it looks.
                time.sleep(BYTE_BY_BYTE)

    def _more(self) -> None:
        data = self.socket.recv(1 << 16)
        with self._lock:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def send(self, data: bytes) -> "TlsEnd":
        with self._lock:
            self._tls.write(data)
        self._flush()
        return self

    def _read(self, count: int) -> bytes:
        with self._lock:
            data: bytes = self._tls.read(count)
        if not data:
            # What Python makes of close_notify while this side has not sent its own.
            raise ssl.SSLZeroReturnError
        return data

    def read(self, count: int) -> bytes:
        parts = []
        while count:
            try:
                parts.append(self._read(count))
                count -= len(parts[-1])
            except ssl.SSLWantReadError:
                self._more()
        return b"".join(parts)

    def within(self, limit: float) -> Seen:
        parts: list[bytes] = []
        self.socket.settimeout(limit)
        try:
            return self._rest(parts)
        except TimeoutError:
            return Seen(b"".join(parts), "open")
        finally:
            self.socket.settimeout(PATIENCE)

    def rest(self) -> Seen:
        return self._rest([])

    def _rest(self, parts: list[bytes]) -> Seen:
        try:
            while True:
                try:
                    parts.append(self._read(1 << 16))
                except ssl.SSLWantReadError:
                    self._more()
                except ssl.SSLZeroReturnError:
                    raw = self._below.rest()
                    return Seen(b"".join(parts), raw.ending if not raw.data else "bytes after close_notify")
        except ssl.SSLEOFError:
            return Seen(b"".join(parts), "end without close_notify")
        except ssl.SSLError as error:
            return Seen(b"".join(parts), str(error.reason))
        except ConnectionResetError:
            return Seen(b"".join(parts), "reset")

    def close_notify(self) -> "TlsEnd":
        """Say that no more comes, inside TLS only."""
        # It wants the other side's close_notify, or finds data before that: both are fine in a half-close.
        with self._lock, suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        return self

    def finish(self) -> "TlsEnd":
        self.close_notify()
        self._below.finish()
        return self

    @property
    def certificate(self) -> bytes:
        """What the relay showed, as DER."""
        found = self._tls.getpeercert(binary_form=True)
        assert found
        return found
