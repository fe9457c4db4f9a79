"""A card in a file, and the updates of it."""

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.status import relay as relay_status
from appliance.status.relay import RelayStatus, UpstreamStatus
from appliance.update.disk import Memory
from appliance.update.environment import OFFSETS, SIZE
from tests.update.card import Card


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """A card on which nothing was remembered yet."""
    path = tmp_path / "card"
    path.write_bytes(bytes(OFFSETS[1] + SIZE))
    return Memory(path)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The places of one instance; all folders of services are there."""
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    folders = [found.state, found.run, found.relay_status.parent, found.update_wish.parent, found.update_upload.parent]
    folders += [one.parent for one in (found.install_order, found.install_answer, found.slot_answer, found.verdict)]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return found


@pytest.fixture
def card(paths: Paths, memory: Memory) -> Card:
    """A card that relays, with slot A running."""
    upstreams = {"chat": UpstreamStatus(True)}
    relay_status.publish(paths.relay_status, RelayStatus(since_boot(), "0.1.0", "running", upstreams=upstreams))
    return Card(paths, memory)


@pytest.fixture
def brought(paths: Paths) -> str:
    """A bundle where one may lie."""
    paths.update_upload.touch()
    return str(paths.update_upload)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """An HTTPS server that this process trusts: its address, and the folder that it shows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=36500))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = tmp_path / "server.pem"
    plain = serialization.NoEncryption()
    pem.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    folder = tmp_path / "www"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *words: object) -> None:
            """Nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{listening.server_address[1]}/update.json", folder
        listening.shutdown()
