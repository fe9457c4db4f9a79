"""docs/cover.md: each row's probe is sent to the relay and to nginx, and "like nginx" has to be true, or untrue."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.relay import certificate
from tests.cover.probes import PROBES, Server
from tests.cover.release import inside
from tests.cover.stock import Stock
from tests.relay.running import Relay, Upstream, close_kept, free_ports

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

DOCUMENT = Path(__file__).parents[2] / "docs/cover.md"
ROW = re.compile(r"^\| `([a-z0-9.-]+)` \| [^|]+ \| (yes|no) \| [^|]+ \|$", re.MULTILINE)
LIKE_NGINX = dict(ROW.findall(DOCUMENT.read_text("utf-8")))
# What would name the relay, or what it is made of.
TELLING = re.compile(r"porchlight|whatsapp|haproxy|python|gevent|raspberr", re.IGNORECASE)


@pytest.fixture(scope="module")
def certificate_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    certificate.make(folder)
    return folder / certificate.FILE


def start(folder: Path, upstream: Upstream | None, certificate_file: Path) -> Relay:
    relay = Relay(folder, upstream)
    relay.program = inside(folder, "python3", "-m", "appliance", "relay")
    (folder / "state/relay").mkdir(parents=True)
    shutil.copy(certificate_file, folder / "state/relay")
    return relay.start()


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path) -> Iterator[Relay]:
    upstream = Upstream(free_ports(40)[-1])
    found = start(tmp_path_factory.mktemp("cover") / "relay", upstream, certificate_file)
    yield found
    found.stop()
    upstream.stop()
    close_kept()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path, relay: Relay) -> Iterator[Relay]:
    """A relay whose upstream does not answer."""
    found = start(tmp_path_factory.mktemp("alone") / "relay", None, certificate_file)
    assert found.status["upstreams"]["chat"]["reachable"] is False
    yield found
    found.stop()


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path) -> Iterator[Stock]:
    found = Stock(tmp_path_factory.mktemp("stock") / "nginx", certificate_file)
    yield found
    found.stop()


def test_the_table_and_the_probes_have_the_same_rows() -> None:
    assert sorted(LIKE_NGINX) == sorted(PROBES)


@pytest.mark.parametrize("name", PROBES)
def test_what_comes_is_as_the_table_says(name: str, relay: Relay, alone: Relay, stock: Stock) -> None:
    probe = PROBES[name]
    ours = probe(Server(relay.chat, relay.tls))
    theirs = probe(Server(stock.plain, stock.tls))
    assert (ours == theirs) is (LIKE_NGINX[name] == "yes"), (ours, theirs)
    # Whether WhatsApp can be reached shows to nobody who does not speak like an app.
    assert probe(Server(alone.chat, alone.tls)) == ours


def test_nmap_finds_no_name(relay: Relay) -> None:
    ports = f"{relay.chat},{relay.tls},{relay.media}"
    command = ["nmap", "-sV", "-Pn", "-n", "--unprivileged", "-p", ports, "127.0.0.1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    assert said.count("/tcp open") == 3, said
    assert not TELLING.search(said), said


def test_testssl_sees_nginx_s_versions(relay: Relay, stock: Stock, tmp_path: Path) -> None:
    def protocols(port: int) -> list[str]:
        command = ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1", "-p"]
        said = subprocess.run(
            [*command, f"localhost:{port}"], capture_output=True, text=True, check=False, timeout=400, cwd=tmp_path
        ).stdout
        return re.findall(r"^ (?:SSLv[23]|TLS 1|NPN|ALPN).*$", said, re.MULTILINE)

    ours = protocols(relay.tls)
    assert len(ours) >= 6
    assert ours == protocols(stock.tls)
