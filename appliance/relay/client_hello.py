"""The name that a TLS client asks for: its ClientHello is looked at and never changed. No input or output.

The layers, from outside: records (RFC 8446 section 5.1), which may cut the message anywhere; the handshake message
(section 4); the ClientHello (section 4.1.2); its extensions (section 4.2); the server name (RFC 6066 section 3).
"""

# The type of a record, and of the message in it (RFC 8446 sections 5.1 and 4).
HANDSHAKE_RECORD, CLIENT_HELLO = 22, 1
# The extension, and the kind of name in it (RFC 6066 sections 1.1 and 3).
SERVER_NAME, HOST_NAME = 0, 0
# Bytes of a record's header, and of its contents at most (RFC 8446 section 5.1).
RECORD_HEADER, LARGEST_RECORD = 5, 1 << 14
# A ClientHello is not larger than this, in bytes: one with a post-quantum key share has less than 2,000.
LARGEST_HELLO = 16 * 1024
# Records at most that it may come in: a client that cuts it finer means no good.
MOST_RECORDS = 1024
# Where the app's media servers are, with everything below.
OWN_DOMAINS = ("whatsapp.net", "whatsapp.com", "fbcdn.net", "facebook.com")


class ClientHelloError(ValueError):
    """These bytes are not the beginning of a TLS connection."""


class Reader:
    """Takes the first bytes of a connection in any portions, each byte once.

    Args:
        named: whether to look for the server name; otherwise nothing inside of the message is judged.
    """

    __slots__ = ("_left", "_message", "_named", "_part", "_records", "complete", "server_name")

    def __init__(self, *, named: bool = True) -> None:
        self._named = named
        # Of a record's header, what has come; of the record's contents, what is still to come.
        self._part = b""
        self._left = 0
        self._records = 0
        self._message = bytearray()
        self.complete = False
        self.server_name = ""

    def feed(self, data: bytes) -> bool:
        """Take more bytes.

        Returns:
            whether the ClientHello is complete; then ``server_name`` is what it names, in lower case, or empty, as it
            is where nobody looked for it.

        Raises:
            ClientHelloError: it is none, or larger than ``LARGEST_HELLO``.
        """
        while data and not self.complete:
            if self._left == 0:
                missing = RECORD_HEADER - len(self._part)
                self._part, data = self._part + data[:missing], data[missing:]
                self._begin_record()
            taken, data = data[: self._left], data[self._left :]
            self._left -= len(taken)
            self._message += taken
            if taken:
                self._look()
        return self.complete

    def _begin_record(self) -> None:
        part = self._part
        # The version is never judged beyond its first byte: section 5.1 has it ignored.
        if part[0] != HANDSHAKE_RECORD or (len(part) > 1 and part[1] != 3):
            raise ClientHelloError("no TLS handshake")
        if len(part) < RECORD_HEADER:
            return
        self._left = int.from_bytes(part[3:], "big")
        self._part = b""
        self._records += 1
        if not 0 < self._left <= LARGEST_RECORD or self._records > MOST_RECORDS:
            raise ClientHelloError("no record of a ClientHello")

    def _look(self) -> None:
        message = self._message
        if message[0] != CLIENT_HELLO:
            raise ClientHelloError("another message comes first")
        if len(message) < 4:
            return
        size = int.from_bytes(message[1:4], "big")
        if size > LARGEST_HELLO:
            raise ClientHelloError("too large")
        if len(message) >= 4 + size:
            if self._named:
                self.server_name = _name_in(bytes(message[4 : 4 + size]))
            self.complete = True


class _Cursor:
    """Cuts a message into the vectors that it is made of (RFC 8446 section 3.4)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def rest(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.rest:
            raise ClientHelloError("cut off")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """A vector whose length stands before it in ``size`` bytes."""
        return self.take(self.number(size))


def _name_in(body: bytes) -> str:
    """The server name in a ClientHello without the four bytes of its message's header."""
    hello = _Cursor(body)
    if hello.number(2) >> 8 != 3:
        raise ClientHelloError("an unknown version")
    # Random, session, cipher suites, compression methods.
    hello.take(32)
    hello.vector(1)
    hello.vector(2)
    hello.vector(1)
    if not hello.rest:
        # Before TLS 1.3 a client need not have any extension.
        return ""
    extensions = _Cursor(hello.vector(2))
    if hello.rest:
        raise ClientHelloError("something comes after the extensions")
    found = ""
    seen: set[int] = set()
    while extensions.rest:
        kind = extensions.number(2)
        content = extensions.vector(2)
        if kind in seen:
            # Which one the server would believe is anybody's guess (RFC 8446 section 4.2).
            raise ClientHelloError("an extension stands there twice")
        seen.add(kind)
        if kind == SERVER_NAME:
            found = _host_in(content)
    return found


def _host_in(content: bytes) -> str:
    names = _Cursor(_Cursor(content).vector(2))
    host = ""
    while names.rest:
        kind = names.number(1)
        name = names.vector(2)
        if kind == HOST_NAME:
            if host or not name:
                raise ClientHelloError("not one name")
            # Not ASCII, and it is nobody's name: it stays unlike all of ours.
            host = name.decode("ascii", "replace").lower()
    return host


def names_beyond_ascii(begun: bytes) -> bool:
    """Whether a ClientHello asks for a name that is not ASCII, as far as it has come in its first record.

    ``Reader`` takes any pieces and checks everything, and five times as long; each handshake can afford only this.

    Args:
        begun: the first bytes of a connection; what is no ClientHello asks for nothing.
    """
    try:
        # Behind record, message, version and random: session, cipher suites, compression methods, extensions.
        at = RECORD_HEADER + 4 + 2 + 32
        at += 1 + begun[at]
        at += 2 + int.from_bytes(begun[at : at + 2])
        at += 1 + begun[at] + 2
        while at + 4 < len(begun):
            end = at + 4 + int.from_bytes(begun[at + 2 : at + 4])
            if begun[at : at + 2] == b"\0\0":
                # Behind two lengths and a kind: the name and nothing else.
                return not begun[at + 9 : end].isascii()
            at = end
    except IndexError:
        pass
    return False


def is_own(server_name: str) -> bool:
    """Whether a name is one of the app's media servers'."""
    return server_name in OWN_DOMAINS or server_name.endswith(tuple("." + one for one in OWN_DOMAINS))
