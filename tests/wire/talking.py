"""What clients say, on every port of ``wire.md``'s table."""

from dataclasses import dataclass
from typing import Literal

from appliance.relay.proxy_header import Ends, build
from tests.relay.running import MEDIA_HELLO, read_exactly, read_line
from tests.wire.stage import CLIENT, RELAY, End, Stage
from tests.wire.tls_end import TlsEnd

HELLO = b"WA\x06\x03"
ROUTED = b"ED\x00\x01\x00\x00\x04abcdWA\x05\x03"
# What a load balancer says of the client behind it, by the family of its address.
BALANCED = {
    4: Ends("203.0.113.77", "192.0.2.99", 40123, 443),
    6: Ends("2001:db8:77::7", "2001:db8:99::9", 40123, 443),
}
SIZE_OF_V2 = {4: 16 + 12, 6: 16 + 36}


@dataclass(frozen=True, slots=True)
class Port:
    """A port as the table in ``wire.md`` has it.

    Args:
        number: where clients arrive.
        upstream: where they are taken to.
        tls: whether TLS is ended here.
        balanced: whether a PROXY header comes first.
    """

    number: int
    upstream: str
    tls: bool = False
    balanced: bool = False

    def __str__(self) -> str:
        return str(self.number)

    @property
    def hello(self) -> bytes:
        """What a client says first."""
        return MEDIA_HELLO if self.upstream == "media" else HELLO

    @property
    def routed(self) -> bytes:
        """The same, with routing information where there may be some."""
        return MEDIA_HELLO if self.upstream == "media" else ROUTED


PORTS = (
    Port(443, "chat", tls=True),
    Port(5222, "chat"),
    Port(80, "http"),
    Port(587, "media"),
    Port(7777, "media"),
    Port(8443, "chat", tls=True, balanced=True),
    Port(8222, "chat", balanced=True),
    Port(8080, "http", balanced=True),
)
BALANCED_MEDIA = Port(7777, "media", balanced=True)
CHAT_TLS, CHAT, MEDIA = PORTS[0], PORTS[1], PORTS[3]


def connect(stage: Stage, port: Port, *, family: int = 4, header: bytes | None = None) -> End:
    """A client on a port, ready to speak: behind its header, inside its TLS."""
    end = stage.client(port.number, family=family)
    if port.balanced:
        end.send(build("v1", BALANCED[family]) if header is None else header)
    return TlsEnd(end) if port.tls else end


def read_header(stage: Stage, upstream: str, end: End, family: int = 4) -> bytes:
    """The PROXY header that came before everything else at the upstream; media has none."""
    if upstream == "media":
        return b""
    if stage.variant.sends == "v1":
        return read_line(end.socket)
    return read_exactly(end.socket, SIZE_OF_V2[family])


def expected_header(stage: Stage, port: Port, family: int) -> bytes:
    """The header that the upstream must get for the client that ``stage`` made last."""
    if port.upstream == "media":
        return b""
    version: Literal["v1", "v2"] = "v1" if stage.variant.sends == "v1" else "v2"
    own = Ends(CLIENT[family], RELAY[family], stage.next_port, port.number)
    return build(version, BALANCED[family] if port.balanced else own)


def opened(stage: Stage, port: Port) -> tuple[End, End]:
    """A client and its stream at the upstream, after header and first bytes have arrived."""
    client = connect(stage, port).send(port.hello)
    upstream = stage.arrived(port.upstream)
    read_header(stage, port.upstream, upstream)
    assert upstream.read(len(port.hello)) == port.hello
    return client, upstream
