"""The neutral page: dull, the same for one card at all times, and another one for each card."""

import re
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from appliance.relay import neutral
from appliance.relay.certificate import Certificate
from appliance.relay.own_certificate import FILE, NOT_MADE_BEFORE
from appliance.relay.site import Page
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, read_to_end, wait_for
from tests.relay.test_certificate import issued
from tests.relay.test_cover import ask
from tests.relay.test_wire import tls_connect

# Everybody on loopback is at home, and would be led to the setup page; a request without a Host cannot be.
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
# More cards than there will be in most countries.
CARDS = 500


def page(number: int) -> Page:
    return neutral.site(number.to_bytes(4)).pages[b"/index.html"]


def shown(relay: Relay) -> tuple[str, str, bytes]:
    """What a prober gets: date, ETag and body, the same on both ports."""
    found = []
    for client in (relay.connect(relay.chat, REQUEST), tls_connect(relay.tls, REQUEST)):
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\nServer: nginx\r\n")
        date, tag = (re.search(rb"\r\n%s: ([^\r]+)" % name, head) for name in (b"Last-Modified", b"ETag"))
        assert date
        assert tag
        found.append((date[1].decode(), tag[1].decode(), body))
    assert found[0] == found[1]
    return found[0]


def test_it_tells_nothing() -> None:
    for number in range(CARDS):
        body = page(number).body
        # Nothing of ours, nothing that leads elsewhere, and no date.
        assert not re.search(rb"porch|whatsapp|relay|proxy|raspberr|href|src=|://|\b20\d\d\b", body, re.IGNORECASE), (
            body
        )
        assert 200 < len(body) < 800
        lines = body.decode("ascii").split("\n")
        assert lines[0].lower() == "<!doctype html>"
        assert "<title></title>" not in lines


def test_it_is_all_there_is() -> None:
    site = neutral.site(b"a card")
    body = site.pages[b"/index.html"].body
    assert ask(site, "GET /")[2] == ask(site, "GET /index.html")[2] == body
    assert ask(site, "GET /x")[0] == "404 Not Found"


def test_cards_have_no_page_in_common() -> None:
    pages = [page(number) for number in range(CARDS)]
    assert len({one.body for one in pages}) == CARDS
    assert len({one.modified for one in pages}) == CARDS
    # Lengths stand in the ETag, and cannot all differ.
    assert len({len(one.body) for one in pages}) > 100
    latest = NOT_MADE_BEFORE.timestamp()
    assert all(latest - 2 * 366 * 86400 <= one.modified < latest for one in pages)
    # Nor a line that a search could be for, but for those that each page of the world has.
    common = set.intersection(*(set(one.body.decode().split("\n")) for one in pages))
    assert common <= {"<head>", "</head>", "<body>", "</body>", "</html>"}


def test_a_card_s_page_is_its_own_for_good() -> None:
    assert page(7) == page(7)
    assert neutral.site(b"a card").pages[b"/index.html"].modified == 1740383749


def test_nothing_that_everybody_sees_leads_to_it(certificate_file: Path) -> None:
    pem = certificate_file.read_text()
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    assert neutral.seed_of(pem[begin:]) is None
    # The key alone counts, however its lines end, and whatever certificate stands beside it.
    assert neutral.seed_of(pem) == neutral.seed_of(pem[:begin].replace("\n", "\r\n"))
    other = issued(2e9).decode()
    assert neutral.seed_of(other) != neutral.seed_of(pem)
    # Also as openssl wrote keys of this kind for long.
    key = serialization.load_pem_private_key(pem[:begin].encode(), None)
    old = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    assert b"BEGIN EC PRIVATE KEY" in old
    assert neutral.seed_of(old.decode()) is not None


def test_it_is_drawn_by_the_own_key_whichever_certificate_is_used(tmp_path: Path, certificate_file: Path) -> None:
    own, public = tmp_path / "relay", tmp_path / "relay.pem"
    own.mkdir()
    shutil.copy(certificate_file, own)
    kept = Certificate(own, public, lambda: 1.9e9)
    assert kept.seed is None
    kept.follow()
    first = kept.seed
    assert first == neutral.seed_of(certificate_file.read_text())
    public.write_bytes(issued(2e9))
    assert kept.follow()
    assert kept.served
    assert kept.served.kind == "public"
    assert kept.seed == first
    # Half of a new one changes nothing.
    (own / FILE).write_bytes(certificate_file.read_bytes()[:300])
    kept.follow()
    assert kept.problems
    assert kept.seed == first


@pytest.mark.costly
def test_two_fresh_cards_share_nothing_and_each_keeps_its_own(start_relay: StartRelay) -> None:
    first, second = start_relay(fresh=True, workers=2), start_relay(fresh=True)
    seen = shown(first)
    for one, other in zip(seen, shown(second), strict=True):
        assert one != other
    # Whichever of its processes answers, with new settings, and after a restart.
    assert {shown(first) for _ in range(8)} == {seen}
    before = first.workers()
    first.settings["idle_timeout"] = 1000
    first.write_settings()
    wait_for(lambda: not set(before) & set(first.workers()), "new processes")
    assert shown(first) == seen
    first.stop()
    assert shown(first.start()) == seen


@pytest.mark.costly
def test_without_a_certificate_it_is_no_common_one_either(start_relay: StartRelay) -> None:
    def without(number: int) -> bytes:
        relay = start_relay(fresh=True)
        relay.stop()
        file = relay.folder / "state/relay" / FILE
        file.unlink()
        # Folders in its place: none can be made, nor these put aside.
        for name in (file, file.with_suffix(".damaged")):
            (name / "full").mkdir(parents=True)
        relay.start()
        assert relay.status["certificate"] is None, number
        return read_to_end(relay.connect(relay.chat, REQUEST)).partition(b"\r\n\r\n")[2]

    assert without(0) != without(1)
