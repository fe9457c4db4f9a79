"""Which certificate people get: a publicly issued one while it is valid, else the relay's own."""

import datetime
import re
import shutil
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from appliance.relay.certificate import Certificate
from appliance.relay.validity import not_after
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, Upstream, read_exactly, wait_for
from tests.relay.test_wire import HELLO, tls_connect

DAY = 86400


def issued(until: float, *, authority: bool = True) -> bytes:
    """Key and chain in one file, valid until then (seconds since 1970)."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority")])

    def made(name: str, public: ec.EllipticCurvePublicKey, end: float) -> bytes:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        found = (
            x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(datetime.datetime.fromtimestamp(int(end), datetime.UTC))
            .sign(issuer_key, hashes.SHA256())
        )
        return found.public_bytes(serialization.Encoding.PEM)

    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = [made("relay.example.org", key.public_key(), until)]
    if authority:
        chain.append(made("An authority", issuer_key.public_key(), until - DAY))
    return private + b"".join(chain)


@pytest.mark.parametrize("until", ["2026-05-05", "2049-12-31", "2050-01-01", "2120-06-01", "9999-12-31"])
def test_the_end_of_a_certificate(until: str) -> None:
    wanted = datetime.datetime.fromisoformat(until).replace(tzinfo=datetime.UTC).timestamp()
    # The first one counts, which is the relay's; RFC 5280 writes years from 2050 on in another form.
    assert not_after(issued(wanted).decode()) == wanted


def test_the_end_of_the_own_one_is_what_the_library_says(certificate_file: Path) -> None:
    pem = certificate_file.read_bytes()
    known = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT") :])
    assert not_after(pem.decode()) == known.not_valid_after_utc.timestamp()


def test_the_own_one_has_the_fields_of_one_that_openssl_makes(certificate_file: Path, tmp_path: Path) -> None:
    common = tmp_path / "common.pem"
    wanted = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
    run("req", *wanted, "-days", "3650", "-keyout", str(tmp_path / "key.pem"), "-out", str(common))
    run("x509", "-in", str(certificate_file), "-out", str(own := tmp_path / "own.pem"))
    ours, theirs = fields(own), fields(common)
    assert len(theirs) > 30
    assert ours == theirs
    # Not only their names: each is about this key.
    assert run("verify", "-x509_strict", "-CAfile", str(own), str(own)).endswith(": OK\n")


def fields(file: Path) -> list[str]:
    """A certificate's structure in DER, without what is drawn by chance, and without sizes, which depend on that."""
    chance = re.compile(r"^ *\d+:|hl=\d+ l= *\d+ |(?<=UTCTIME)  .*|(?<=[0-9A-F:])[0-9A-F]{34,40}$")
    return [chance.sub("", one) for one in run("asn1parse", "-in", str(file)).splitlines()]


def run(*command: str) -> str:
    return subprocess.run(["openssl", *command], capture_output=True, text=True, check=True).stdout


@given(st.data())
def test_what_is_no_certificate_has_no_end(data: st.DataObject) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(PEM))
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(der)))
    damaged = [ssl.DER_cert_to_PEM_cert(bytes(one)) for one in (der, der[:cut])]
    for text in (data.draw(st.text(max_size=200)), *damaged):
        with suppress(ValueError):
            assert isinstance(not_after(text), int)


PEM = issued(2e9, authority=False).decode().partition("-----END PRIVATE KEY-----\n")[2]


@pytest.fixture
def own(tmp_path: Path, certificate_file: Path) -> Path:
    folder = tmp_path / "relay"
    folder.mkdir()
    shutil.copy(certificate_file, folder)
    return folder


def test_a_public_one_is_used_as_long_as_it_is_valid(own: Path, tmp_path: Path) -> None:
    clock: list[float | None] = [1.9e9]
    public = tmp_path / "certificate/relay.pem"
    kept = Certificate(own, public, lambda: clock[0])
    assert kept.follow()
    first = kept.rules
    assert kept.served
    assert kept.served.kind == "self-signed"
    assert not kept.follow()
    public.parent.mkdir()
    public.write_bytes(issued(2e9))
    assert kept.follow()
    assert kept.served
    assert (kept.served.kind, kept.served.not_after) == ("public", 2e9)
    assert kept.rules is not first
    assert not kept.problems
    # While nobody has told the time, no certificate is old: the clock of a card that starts is.
    clock[0] = None
    assert not kept.follow()
    clock[0] = 2e9
    assert kept.follow()
    assert kept.served
    assert kept.served.kind == "self-signed"
    assert kept.rules is first
    assert "expired" in kept.problems[0].what
    assert not kept.follow()
    # A clock that was wrong for a while.
    clock[0] = 2e9 - 1
    assert kept.follow()
    assert kept.served.kind == "public"
    assert not kept.problems
    clock[0] = 2e9 + DAY
    assert kept.follow()
    # Renewed late.
    public.write_bytes(issued(2.1e9))
    assert kept.follow()
    assert kept.served.not_after == 2.1e9
    assert not kept.problems
    public.unlink()
    assert kept.follow()
    assert kept.rules is first
    assert not kept.problems


def test_a_useless_public_one_changes_nothing(own: Path, tmp_path: Path) -> None:
    public = tmp_path / "relay.pem"
    kept = Certificate(own, public, lambda: 1.9e9)
    public.write_bytes(issued(2e9)[:300])
    assert kept.follow()
    assert kept.served
    assert kept.served.kind == "self-signed"
    assert "cannot be used (it is damaged" in kept.problems[0].what
    public.write_bytes(issued(2e9))
    assert kept.follow()
    assert kept.served.kind == "public"
    assert not kept.problems
    former = kept.rules
    # Half a renewal: what was in use stays in use.
    public.write_bytes(issued(2.1e9)[:400])
    assert not kept.follow()
    assert kept.rules is former
    assert kept.problems


@pytest.mark.costly
def test_the_relay_takes_it_up_and_lets_it_go(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off")
    assert relay.status["certificate"]["kind"] == "self-signed"
    client = tls_connect(relay.tls, HELLO)
    own_one = client.getpeercert(binary_form=True)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    file = relay.folder / "state/certificate/relay.pem"
    file.parent.mkdir()
    until = int(time.time()) + 90 * DAY
    fresh = file.with_name("new")
    fresh.write_bytes(issued(until))
    fresh.rename(file)
    wait_for(lambda: served(relay) != own_one, "the public one to be served")
    # The workers serve it a moment before the parent says so.
    wait_for(lambda: relay.status["certificate"] == {"kind": "public", "not_after": until}, "the status to say so")
    file.write_bytes(issued(int(time.time()) - DAY))
    wait_for(lambda: served(relay) == own_one, "the own one to stand in")
    wait_for(lambda: ["expired" in one["what"] for one in relay.status["problems"]] == [True], "the status to say why")
    server.sendall(b"still here")
    assert read_exactly(client, 10) == b"still here"


@pytest.mark.costly
@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_what_is_there_at_the_start_counts(start_relay: StartRelay, damage: bytes) -> None:
    relay = start_relay()
    own_one = served(relay)
    relay.stop()
    file = relay.folder / "state/certificate/relay.pem"
    file.parent.mkdir()
    file.write_bytes(damage)
    relay.start()
    assert served(relay) == own_one
    assert "cannot be used" in relay.status["problems"][0]["what"]
    relay.stop()
    file.write_bytes(issued(time.time() + 90 * DAY))
    relay.start()
    assert served(relay) != own_one
    assert not relay.status["problems"]
    file.unlink()
    wait_for(lambda: served(relay) == own_one, "the own one to stand in")
    assert not relay.status["problems"]


def served(relay: Relay) -> bytes | None:
    return tls_connect(relay.tls).getpeercert(binary_form=True)
