"""The issued certificate goes before the relay's own one, and never leaves the relay without any."""

import ssl
from pathlib import Path

import pytest

from appliance.relay import certificate
from appliance.relay.certificate import FILE, Certificate
from appliance.settings.problem import Problem
from tests.relay.conftest import StartRelay
from tests.relay.running import Upstream, read_exactly, wait_for
from tests.relay.test_wire import HELLO, tls_connect


def pem(folder: Path) -> bytes:
    """A key and its certificate."""
    certificate.make(folder)
    return (folder / FILE).read_bytes()


def der(text: bytes) -> bytes:
    """The certificate of such a file, as a client sees it."""
    return ssl.PEM_cert_to_DER_cert(text[text.index(b"-----BEGIN CERTIFICATE-----") :].decode())


def what_is_wrong(one: Certificate) -> Problem | None:
    """Its problem, if it has one."""
    return one.problem


def test_handed_over_and_taken_away(start_relay: StartRelay, upstream: Upstream, tmp_path: Path) -> None:
    relay = start_relay(send_proxy="off")
    client = tls_connect(relay.tls, HELLO)
    own = client.getpeercert(binary_form=True)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    issued = relay.folder / "state/certificate/relay.pem"
    issued.parent.mkdir()
    text = pem(tmp_path / "issued")
    issued.write_bytes(text)
    wait_for(lambda: tls_connect(relay.tls).getpeercert(binary_form=True) == der(text), "the issued certificate")
    issued.unlink()
    wait_for(lambda: tls_connect(relay.tls).getpeercert(binary_form=True) == own, "its own certificate")
    assert not relay.status["problems"]
    server.sendall(b"still here")
    assert read_exactly(client, 10) == b"still here"


def test_there_at_the_start(start_relay: StartRelay, tmp_path: Path) -> None:
    relay = start_relay()
    relay.stop()
    issued = relay.folder / "state/certificate/relay.pem"
    issued.parent.mkdir()
    issued.write_bytes(pem(tmp_path / "issued"))
    relay.start()
    assert tls_connect(relay.tls).getpeercert(binary_form=True) == der(issued.read_bytes())


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_damaged_at_the_start(tmp_path: Path, damage: bytes) -> None:
    """Then its own one is made and used, and somebody is told."""
    issued = tmp_path / "relay.pem"
    issued.write_bytes(damage)
    one = Certificate(tmp_path / "own", issued)
    assert one.follow()
    assert one.context is not None
    assert one.problem is not None
    assert str(issued) in one.problem.what
    assert not one.follow()
    issued.write_bytes(pem(tmp_path / "issued"))
    former = one.context
    assert one.follow()
    assert one.context is not former
    assert one.problem is None


def test_damaged_later(tmp_path: Path) -> None:
    issued = tmp_path / "relay.pem"
    issued.write_bytes(pem(tmp_path / "issued"))
    one = Certificate(tmp_path / "own", issued)
    assert one.follow()
    # Nothing of its own is made as long as it is not needed.
    assert not (tmp_path / "own").exists()
    former = one.context
    issued.write_bytes(b"")
    assert not one.follow()
    assert one.context is former
    assert what_is_wrong(one) is not None
    issued.unlink()
    assert one.follow()
    assert what_is_wrong(one) is None
    assert (tmp_path / "own" / FILE).exists()
