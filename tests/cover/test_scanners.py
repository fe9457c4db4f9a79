"""What nmap and testssl.sh say of the relay on 80 and 443, beside nginx, and on 587, beside the upstream behind it."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import unescape
from pathlib import Path

import pytest

from appliance.relay import own_certificate
from appliance.relay.site import Page
from tests.cover.inside import ASKING
from tests.cover.release import inside
from tests.cover.scanned import CHAT, CHAT_TLS, MEDIA, NGINX, PLAIN_CHAT, RELAY, UPSTREAM, Road
from tests.cover.stock import Stock
from tests.relay.running import PATIENCE, Relay

pytestmark = [pytest.mark.long, pytest.mark.namespaces, pytest.mark.timeout(2400)]

# What would name the relay, or what it is made of.
TELLING = re.compile(r"porchlight|whatsapp|haproxy|python|gevent|raspberr", re.IGNORECASE)
# Seconds for one program, on a machine that does something else too.
SCAN_TAKES = 1200
# Versions, kinds of ciphers, their order, forward secrecy, what the server says of itself, headers, vulnerabilities.
ASKED = ("-p", "-s", "-P", "-f", "-S", "-h", "-U")
# One line or more of each of them.
SAID = (
    *(r"TLS 1\.3 +offered", r"ALPN.*http/1\.1", r"Strong encryption.*offered", r"Has server cipher order"),
    *(r"forward secrecy", r"Session Ticket RFC 5077 hint +300 seconds", r"Common Name \(CN\) +localhost"),
    *(r"HTTP Status Code +200 OK", r"Server banner +nginx", r"Heartbleed .*not vulnerable", r"LUCKY13 "),
)


@dataclass(frozen=True, slots=True)
class Service:
    """What nmap says of a port.

    Args:
        fields: the name, product, version and so on, and how it was found out; the fingerprint of what it does not
            know, without day and time.
        scripts: what each of its default scripts says.
    """

    fields: dict[str, str]
    scripts: dict[str, str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scanned")


@pytest.fixture(scope="module")
def road(folder: Path) -> Iterator[Road]:
    with Road(folder) as road:
        yield road


@pytest.fixture(scope="module")
def upstream(road: Road, folder: Path) -> Iterator[Stock]:
    """What the relay passes 587 on to: a server of TLS with another certificate and another page."""
    (folder / "other").mkdir()
    own_certificate.make(folder / "other")
    page = Page(b"<!DOCTYPE html><title>Another one</title>\n", "text/html", 1_700_000_000)
    place = (UPSTREAM, CHAT, MEDIA)
    found = Stock(folder / "upstream", folder / "other" / own_certificate.FILE, page, place, road.servers)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def relay(road: Road, upstream: Stock, folder: Path) -> Iterator[Relay]:
    ports = {"chat_tls_port": CHAT_TLS, "chat_ports": [PLAIN_CHAT, CHAT], "media_ports": [MEDIA], "balancer_ports": []}
    found = Relay(folder / "relay", None, listen=[RELAY], **ports)
    found.upstreams |= {group: [f"{UPSTREAM}:{MEDIA}"] for group in ("chat", "http", "media")}
    found.program = road.servers.command(*inside(found.folder, "python3", "-m", "appliance", "relay"))
    own = found.folder / "state/relay"
    own.mkdir(parents=True)
    own_certificate.make(own)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def nginx(road: Road, relay: Relay, folder: Path) -> Iterator[Stock]:
    """With the relay's page, its date and its certificate."""
    head, _, body = asked_from_far(road).partition(b"\r\n\r\n")
    date = re.search(rb"\r\nLast-Modified: ([^\r]+)", head)
    assert date, head
    page = Page(body, "text/html", int(parsedate_to_datetime(date[1].decode("ascii")).timestamp()))
    file = shutil.copy(relay.folder / "state/relay" / own_certificate.FILE, folder)
    found = Stock(folder / "nginx", Path(file), page, (NGINX, CHAT, CHAT_TLS), road.servers)
    yield found
    found.stop()


def asked_from_far(road: Road) -> bytes:
    """The relay's page."""

    def ask() -> bytes:
        with socket.create_connection((RELAY, CHAT), PATIENCE) as connection:
            connection.sendall(ASKING)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    return road.scanner.inside(ask)


def told_by_nmap(road: Road, address: str, *ports: int) -> dict[int, Service]:
    """What it says of each port: services and versions, and its default scripts."""
    asked = ["-sV", "-sC", "-Pn", "-n", "--unprivileged", "-p", ",".join(map(str, ports)), "-oX", "-", address]
    said = subprocess.run(
        road.scanner.command("nmap", *asked), capture_output=True, text=True, check=True, timeout=SCAN_TAKES
    ).stdout
    print(said)
    found = {}
    for port, rest in re.findall(r'<port protocol="tcp" portid="(\d+)">(.*?)</port>', said, re.DOTALL):
        assert '<state state="open"' in rest, said
        fields = _attributes(re.findall(r"<service ([^>]*)>", rest)[0])
        # Day, and time of the day, of a fingerprint.
        fields = {name: re.sub(r"%D=[^%]*%Time=[^%]*", "", value) for name, value in fields.items()}
        scripts = [_attributes(one) for one in re.findall(r"<script ([^>]*)>", rest)]
        found[int(port)] = Service(fields, {one["id"]: one["output"] for one in scripts})
    assert sorted(found) == sorted(ports), said
    return found


def _attributes(element: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', element)}


def told_by_testssl(road: Road, folder: Path, address: str, port: int) -> list[str]:
    """What it says line by line, without when and where it was."""
    # Nobody answers names here, and it would wait for minutes.
    options = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", address]
    found = subprocess.run(
        road.scanner.command("testssl", *options, *ASKED, f"example.org:{port}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=SCAN_TAKES,
        cwd=folder,
    ).stdout
    # By chance: its client often leaves before a ticket of TLS 1.3 comes, from either. Rows of cover.md try it.
    found = re.sub(r"(?<=Session Resumption) .*", "", found)
    # Both clocks are this machine's; a second may end in between.
    found = re.sub(r"(?<=HTTP clock skew) +[+-]?[01] sec", "", found)
    print(found)
    lines = found.replace(address, "it").splitlines()
    for kind in SAID:
        assert re.search(kind, found), f"nothing like {kind!r} in: {found}"
    return [one for one in lines if not re.match(r" (?:Start|Done) 20", one)]


@pytest.fixture(scope="module")
def services(road: Road, relay: Relay, nginx: Stock) -> dict[str, dict[int, Service]]:
    """What nmap says of each, by address."""
    wanted = {RELAY: (CHAT, CHAT_TLS, MEDIA, PLAIN_CHAT), NGINX: (CHAT, CHAT_TLS), UPSTREAM: (MEDIA,)}
    with ThreadPoolExecutor(len(wanted)) as pool:
        found = {address: pool.submit(told_by_nmap, road, address, *ports) for address, ports in wanted.items()}
        return {address: one.result() for address, one in found.items()}


@pytest.mark.parametrize("port", [CHAT, CHAT_TLS])
def test_nmap_says_of_it_what_it_says_of_nginx(services: dict[str, dict[int, Service]], port: int) -> None:
    ours, theirs = services[RELAY][port], services[NGINX][port]
    assert ours == theirs
    # It is sure, and not for the sake of the port's number alone.
    assert (ours.fields["product"], ours.fields["method"], ours.fields["conf"]) == ("nginx", "probed", "10")
    assert "version" not in ours.fields
    assert "http-title" in ours.scripts


def test_nmap_says_of_587_what_it_says_of_the_upstream(services: dict[str, dict[int, Service]]) -> None:
    assert services[RELAY][MEDIA] == services[UPSTREAM][MEDIA]
    assert services[RELAY][MEDIA].scripts["http-title"] == "Another one"


def test_nmap_says_of_5222_what_it_says_of_80(services: dict[str, dict[int, Service]]) -> None:
    """Scripts are chosen by the port's number, too: one of them asks 5222 for XMPP."""
    assert services[RELAY][PLAIN_CHAT].fields == services[RELAY][CHAT].fields


def test_nmap_finds_no_name(services: dict[str, dict[int, Service]]) -> None:
    assert not TELLING.search(str(services[RELAY]))


def test_testssl_sees_what_it_sees_of_nginx(road: Road, relay: Relay, nginx: Stock, folder: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda address: told_by_testssl(road, folder, address, CHAT_TLS), (RELAY, NGINX))
    assert ours == theirs


def test_testssl_sees_on_587_what_it_sees_of_the_upstream(
    road: Road, relay: Relay, upstream: Stock, folder: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda address: told_by_testssl(road, folder, address, MEDIA), (RELAY, UPSTREAM))
    assert ours == theirs
