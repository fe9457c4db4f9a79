"""From the wish for a public certificate to a person's TLS: the service, certbot, pebble, and the real relay."""

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificate.authority import Authority
from tests.certificate.authority import running as open_for_business
from tests.certificate.conftest import NAME, Running
from tests.relay.conftest import certificate_file
from tests.relay.running import Relay, close_kept, wait_for
from tests.relay.test_wire import tls_connect

# A real authority, or a real client of one: each takes seconds, so they are for ./test.
pytestmark = pytest.mark.slow

# A fixture of another folder.
__all__ = ["certificate_file"]


@pytest.fixture
def relay(running: Running, tmp_path: Path, certificate_file: Path) -> Iterator[Relay]:
    """A relay on the same files as the service; its plain chat port is the authority's port 80."""
    found = Relay(tmp_path, None)
    (tmp_path / "state/relay").mkdir(parents=True)
    shutil.copy(certificate_file, tmp_path / "state/relay")
    yield found
    close_kept()
    found.stop()
    assert "mistake in porchlight" not in found.log


def served(relay: Relay) -> str:
    certificate = tls_connect(relay.tls).getpeercert(binary_form=True)
    assert certificate
    return ssl.DER_cert_to_PEM_cert(certificate)


def test_a_public_certificate_reaches_people(running: Running, relay: Relay, tmp_path: Path) -> None:
    with open_for_business(Authority(tmp_path / "authority", relay.chat)) as authority:
        relay.start()
        own = served(relay)
        assert relay.status["certificate"]["kind"] == "self-signed"
        # The relay has read its settings by now and keeps its ports; the service reads its own from the same file.
        with running.paths.owner_file.open("a") as file:
            file.write(f'\n[certificate]\nauthority = "{authority.directory}"\nauthority_roots = "{authority.roots}"\n')
        running.choose()
        running.start()
        good = running.until(lambda one: one.state == "good")
        wait_for(lambda: served(relay) != own, "the public certificate")
        assert served(relay) in running.issued.decode()
        wait_for(lambda: relay.status["certificate"]["kind"] == "public", "the status to say so")
        assert relay.status["certificate"]["not_after"] == good.not_after
        assert not relay.status["problems"]
    # Back to the own one.
    running.choose(**{"certificate.kind": "self-signed"})
    running.until(lambda one: one.state == "off")
    wait_for(lambda: served(relay) == own, "the relay's own certificate")
    assert NAME not in relay.log
