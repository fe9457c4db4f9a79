"""What comes from somebody else than porchlight, and who understands it."""

import ipaddress
import json
import re
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import PorchlightError
from appliance.network.home import Home
from appliance.page.guard import is_our_host
from appliance.paths import Paths
from appliance.relay import cover
from appliance.relay.client_hello import ClientHelloError, Reader, is_own, names_beyond_ascii
from appliance.relay.destination import is_allowed
from appliance.relay.request import is_decided
from appliance.relay.site import Page, Site
from appliance.relay.validity import BEGIN, END, not_after
from appliance.router.damaged import DamagedAnswer
from appliance.router.ssdp import description_of, on_gateway
from appliance.settings import backup
from appliance.settings.kinds import bare_code, read_domain, split_host_port
from appliance.update import environment, feed
from appliance.update.version import key, newer
from tests.relay.test_certificate import issued
from tests.relay.test_fuzz_rules import REQUESTS, VERSIONS, first_flight

NOWHERE = Paths(Path("/nonexistent/a"), Path("/nonexistent/b"), Path("/nonexistent/c"))
# A request without a version: its answer has no header.
HTTP_0_9 = re.compile(rb"[\r\n]*[A-Z_-]+ +[^ \n]+ *\r?\n")
SITE = Site(
    {b"/index.html": Page(b"<p>hello", "text/html", 1), b"/a b/x": Page(b"x", "text/plain", 2)},
    frozenset({b"/", b"/a b/"}),
)
HOME = Home((ipaddress.ip_address("192.168.1.20"), ipaddress.ip_address("fd00::20")), (), ())
FEED = {
    "version": "1.2.3-rc.1",
    "url": "porchlight-1.2.3.raucb",
    "since": "0.1.0",
    "compatible": feed.COMPATIBLE,
}
BACKUP = (
    b'porchlight = "backup"\nform = 1\n[settings.share]\nchat_port = 8443\ndomain = "a.example"\n'
    b'[settings.relay]\nmonthly_quota = "200 GB"\n[account]\nprovider = "duckdns.org"\nuser = ""\nsecret = "a-b-1"\n'
)
PEM = issued(1_900_000_000).decode()
SEARCHED = (
    b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Understood:
    """One parser.

    Args:
        seeds: what is right.
        read: takes it; returns something true when it was understood. It insists on what must hold then.
        refusals: the declared errors.
    """

    seeds: tuple[bytes, ...]
    read: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...] = ()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _client_hello(data: bytes) -> object:
    reader, at_once = Reader(), Reader()
    try:
        whole = at_once.feed(data)
    except ClientHelloError:
        whole = None
    complete: bool | None = False
    try:
        for at in range(0, len(data), 7):
            complete = reader.feed(data[at : at + 7]) or complete
    except ClientHelloError:
        complete = None
    # However it is cut, it is the same.
    assert complete == whole
    assert reader.server_name == at_once.server_name
    is_own(reader.server_name)
    names_beyond_ascii(data)
    if complete is None:
        raise ClientHelloError
    return complete


def _request(data: bytes) -> object:
    host = cover.host_of(data)
    assert host.isascii()
    assert not set(host) & set('\r\n <>"')
    if is_decided(data):
        assert cover.answer_in_clear(data)[0].startswith((b"HTTP/1.1 4", b"HTTP/1.1 50")) or HTTP_0_9.match(data)
    head, body = cover.answer(data, SITE, None)
    if not head:
        assert HTTP_0_9.match(data)
        return b"</h1>" not in bytes(body)
    head = head.removeprefix(cover.GO_ON)
    assert head.endswith(b"\r\n\r\n")
    # One header, and nothing of the request's in a line of its own.
    assert head.count(b"\r\n\r\n") == 1
    assert head.count(b"\r\nDate: ") == 1
    if not data.lstrip(b"\r\n").startswith(b"HEAD ") and b" 304 " not in head:
        assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
    return b" 200 " in head[:20]


def _host_port(data: bytes) -> object:
    host, port = split_host_port(_text(data))
    assert host
    assert 1 <= port <= 65535
    return True


def _domain(data: bytes) -> object:
    found = read_domain(_text(data))
    assert found.isascii()
    # Once settled, it stays so.
    assert read_domain(found) == found
    return found


def _our_host(data: bytes) -> object:
    host = data.decode("latin-1")
    ours = is_our_host(host, HOME)
    if ours:
        assert "@" not in host
        assert "/" not in host
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host.rstrip(":")
        assert name.lower().startswith(("porchlight", "localhost", "127.", "192.168.1.20", "[")), host
    return ours


def _destination(data: bytes) -> object:
    found = ipaddress.ip_address(data[:16].ljust(16, b"\0") if len(data) > 4 else int.from_bytes(data[:4]))
    allowed = is_allowed(found, (), allow_private=False)
    if allowed:
        assert found.is_global
        assert not found.is_multicast
    return allowed


def _code(data: bytes) -> object:
    bare = bare_code(_text(data))
    assert bare_code(bare) == bare or not bare.isascii()
    return "7kq4mxrp" in bare


def _feed(data: bytes) -> object:
    offer = feed.parse(data, "https://example.org/feed/feed.json")
    assert offer.url.startswith(("https://", "http://"))
    feed.wanted(offer)
    return offer


def _version(data: bytes) -> object:
    text = _text(data)
    key(text)
    # One of the two is newer, or they are the same.
    assert not (newer(text, "1.2.3") and newer("1.2.3", text))
    return True


def _environment(data: bytes) -> object:
    held, place = environment.newest([data[: environment.SIZE], data[environment.SIZE :]])
    assert place in (0, 1)
    assert held.primary in ("A", "B", None)
    assert environment.decode(environment.encode(held)) == held
    return held.written


def _certificate(data: bytes) -> object:
    return not_after(data.decode("ascii", "replace"))


def _certificate_inside(data: bytes) -> object:
    """Changed below its armour, which hardly a change of its text leaves whole."""
    return not_after(ssl.DER_cert_to_PEM_cert(data))


def _checked(copy: bytes) -> bytes:
    """The same with a right check sum, or no mutation would get past it."""
    return zlib.crc32(copy[4:]).to_bytes(4, "little") + copy[4:]


def _environment_with_sum(data: bytes) -> object:
    copy = _checked(data.ljust(environment.SIZE, b"\0")[: environment.SIZE])
    found = environment.decode(copy)
    return found is not None and found.primary in ("A", "B", None)


PARSERS: dict[str, Understood] = {
    "ClientHello": Understood(tuple(map(first_flight, VERSIONS)), _client_hello, (ClientHelloError,)),
    "HTTP request": Understood((*REQUESTS[:2], b"GET /a%20b/x?q HTTP/1.1\r\nHost: a\r\n\r\n"), _request),
    "host and port": Understood((b"g.whatsapp.net:5222", b"[2001:db8::1]:443"), _host_port, (ValueError,)),
    "domain": Understood((b"relay.example.org", "bücher.example".encode(), b"192.0.2.1"), _domain, (ValueError,)),
    "Host header": Understood((b"porchlight.local:8199", b"[fd00::20]", b"192.168.1.20:80"), _our_host),
    "answer of the DNS": Understood(
        (b"\x08\x08\x08\x08", b"\x64\xff\x9b" + bytes(9) + b"\x08\x08\x08\x08", bytes(10) + b"\xff\xff\x0a\0\0\1"),
        _destination,
    ),
    "answer to a search": Understood((SEARCHED,), lambda data: description_of(data, "192.168.1.1"), (DamagedAnswer,)),
    "router's address": Understood(
        (b"http://192.168.1.1:5000/rootDesc.xml", b"http://192.168.1.1/"),
        lambda data: on_gateway(data.decode("latin-1"), "192.168.1.1"),
        (DamagedAnswer,),
    ),
    "feed": Understood((json.dumps(FEED).encode(),), _feed, (PorchlightError,)),
    "version": Understood((b"1.2.3", b"1.3.0-rc.1+x"), _version, (ValueError,)),
    "backup": Understood((BACKUP,), lambda data: backup.read(NOWHERE, data), (PorchlightError,)),
    "certificate": Understood((PEM.encode(),), _certificate, (ValueError,)),
    "certificate, inside": Understood(
        (ssl.PEM_cert_to_DER_cert(PEM[PEM.index(BEGIN) : PEM.index(END) + len(END)] + "\n"),),
        _certificate_inside,
        (ValueError,),
    ),
    "claim code": Understood((b"7KQ4-MXRP", "\uff17kq4\u2013mxrp ".encode()), _code),
    "boot script's word": Understood((environment.encode(environment.Environment(written=7)) * 2,), _environment),
    "boot script's word, sum right": Understood(
        (environment.encode(environment.Environment(written=7, trial="B"))[:120],), _environment_with_sum
    ),
}
