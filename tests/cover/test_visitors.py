"""What curl and a browser get where the relay only passes on: port 587, and 7777, which is the same."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error

from appliance.relay.site import Page
from tests.cover.stock import Stock
from tests.cover.test_probes import browser, certificate_file, start
from tests.relay.running import PATIENCE, Relay

__all__ = ["browser", "certificate_file"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

# Whom a visitor asks for, and what nobody has a certificate for here: those that the relay makes are localhost's.
VISITED = "a_b"


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path) -> Iterator[Relay]:
    """A relay; behind its media port an nginx stands for WhatsApp's servers."""
    folder = tmp_path_factory.mktemp("visited")
    behind = Stock(folder / "nginx", certificate_file, Page(b"behind", "text/html", 0))
    found = start(folder / "relay", None, certificate_file, upstreams={"media": [f"127.0.0.1:{behind.tls}"]})
    yield found
    found.stop()
    behind.stop()


def curl(relay: Relay, scheme: str, certificate: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What curl says of a media port, to somebody who believes whoever made that certificate."""
    port = relay.media
    where = ["--connect-to", f"::127.0.0.1:{port}", f"{scheme}://{VISITED}:{port}/"]
    command = ["curl", "-sS", "--noproxy", "*", "--cacert", str(certificate), *options, *where]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_curl_names_a_certificate_that_is_for_another_name(relay: Relay, certificate_file: Path) -> None:
    done = curl(relay, "https", certificate_file)
    # CURLE_PEER_FAILED_VERIFICATION (libcurl-errors(3)).
    assert (done.returncode, done.stdout) == (60, "")
    assert "subject name" in done.stderr
    # It is the upstream's, and so is what comes to whoever does not mind.
    assert curl(relay, "https", certificate_file, "-k").stdout == "behind"


def test_curl_gets_nothing_without_tls(relay: Relay, certificate_file: Path) -> None:
    done = curl(relay, "http", certificate_file)
    # CURLE_GOT_NOTHING.
    assert (done.returncode, done.stdout) == (52, "")


def test_chromium_goes_to_no_port_of_mail(browser: Browser) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(Error, match="ERR_UNSAFE_PORT"):
            browser.new_page().goto(f"{scheme}://{VISITED}:587/")


def test_chromium_warns_on_the_other_port(relay: Relay, browser: Browser) -> None:
    with pytest.raises(Error, match="ERR_CERT_"):
        browser.new_page().goto(f"https://{VISITED}:{relay.media}/")
    with pytest.raises(Error, match="ERR_EMPTY_RESPONSE"):
        browser.new_page().goto(f"http://{VISITED}:{relay.media}/", timeout=PATIENCE * 1000)
