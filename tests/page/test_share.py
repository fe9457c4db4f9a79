"""What is passed on: link, QR code, values, message, sheet; and before it, what that means."""

import re
from html import unescape
from pathlib import Path

import pytest

from appliance.page.languages import LANGUAGES, catalogue
from appliance.page.qr import qr
from appliance.page.share import message, share_link
from appliance.settings.declared import ShareSettings
from tests.page.conftest import Page, Visitor
from tests.page.test_guard import ALL

NAMED = '[share]\ndomain = "relay.example.org"\nchat_port = 8443\n'
LINK = "https://wa.me/proxy?host=relay.example.org&chatPort=8443&mediaPort=587&chatTLS=true"

RISK = Path(__file__).parents[2] / "docs/risk.md"
NO_TRACE_AND_THE_LAW = (
    "You see no messages and keep no trace of who uses it. In most countries passing data on is legal; in some it is "
    "not. If you live in such a country, do not run this."
)
# The short form that the page shows of each section of docs/risk.md.
SHORT = {
    "What others learn about you": (
        "Whoever has the link knows your home's address on the internet. Those who block WhatsApp may get it too, and "
        "block or watch it."
    ),
    "What you do not learn, and cannot be made to tell": NO_TRACE_AND_THE_LAW,
    "What could happen": (
        "Give it to people whom you trust, and ask them to do the same. Do not put it on a public list."
    ),
    "The law": NO_TRACE_AND_THE_LAW,
    "Stopping": "You can turn it off at any time: the switch is on the start page.",
}


def test_the_link_is_whatsapps_own_form() -> None:
    link = share_link(ShareSettings(domain="relay.example.org"))
    assert link == "https://wa.me/proxy?host=relay.example.org&chatPort=443&mediaPort=587&chatTLS=true"
    assert "host=2001%3Adb8%3A%3A1&" in share_link(ShareSettings(domain="2001:db8::1"))


@pytest.mark.costly
def test_without_a_name_there_is_nothing_to_share(owner: Visitor) -> None:
    answer = owner.get("/share")
    assert "There is nothing to share yet" in answer.text
    assert 'href="/name"' in answer.body
    assert owner.get("/share/sheet").headers["Location"] == "/share"


@pytest.mark.costly
def test_everything_to_pass_on_stands_below_what_it_means(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text(NAMED)
    answer = owner.get("/share")
    plain = answer.body.replace("<wbr>", "").replace("&amp;", "&")
    assert LINK in plain
    assert plain.index("Before you share") < plain.index(LINK)
    assert "Proxy host relay.example.org Chat port 8443 Media port 587 Use TLS on" in answer.text
    assert '<svg aria-hidden="true"' in answer.body


def test_each_section_of_what_one_risks_has_its_sentence() -> None:
    assert re.findall(r"^## (.+)$", RISK.read_text(), re.MULTILINE) == list(SHORT)


@pytest.mark.costly
def test_each_of_these_sentences_stands_before_the_link_in_the_owners_language(page: Page, owner: Visitor) -> None:
    for code in LANGUAGES:
        page.paths.owner_file.write_text(f'[page]\nlanguage = "{code}"\n{NAMED}')
        _warns_before_the_link(unescape(owner.get("/share").body.replace("<wbr>", "")), code)


def _warns_before_the_link(body: str, code: str) -> None:
    assert f'<html lang="{LANGUAGES[code].tag}"' in body
    before = body[: body.index(LINK)]
    said = {sentence: str(catalogue(code).gettext(sentence)) for sentence in SHORT.values()}
    assert code == "en" or not set(said) & set(said.values())
    assert [sentence for sentence in said.values() if f"<li>{sentence}</li>" not in before] == []
    # Nor is the code of it, which comes as a drawing, above them.
    assert "<figure" not in before


@pytest.mark.costly
def test_the_link_is_nowhere_else_but_on_the_sheet(page: Page, owner: Visitor) -> None:
    """The sheet is what others get; the way to it is on the page with the warning, below it."""
    page.paths.owner_file.write_text(NAMED)
    addresses = [address for method, address, _ in ALL if method == "GET" and address != "/share"]
    assert "/" in addresses
    bodies = {address: owner.get(address).body for address in addresses}
    assert [address for address, body in bodies.items() if "wa.me/" in body] == ["/share/sheet"]
    leading = [address for address, body in bodies.items() if 'href="/share/sheet' in body]
    assert leading == []


@pytest.mark.costly
def test_the_message_is_offered_in_every_language(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text(NAMED)
    for code in LANGUAGES:
        _offers_the_message(owner, code)


def _offers_the_message(owner: Visitor, code: str) -> None:
    language = LANGUAGES[code]
    body = owner.get(f"/share?in={code}").body
    letter = re.search(r'<p class="copy letter"[^>]*>([^<]*)</p>', body)
    assert letter
    assert f'lang="{language.tag}" dir="{language.direction}"' in letter.group()
    assert LINK in letter.group(1).replace("&amp;", "&")
    assert "relay.example.org" in letter.group(1)
    sheet = owner.get(f"/share/sheet?in={code}").body
    assert f'<html lang="{language.tag}" dir="{language.direction}">' in sheet


def test_the_message_names_no_more_than_it_must() -> None:
    settings = ShareSettings(domain="relay.example.org")
    values = {value for one in message(settings) for value in one.values.values()}
    assert values == {"relay.example.org", 443, 587}


def test_a_qr_code_is_black_on_white_with_room_around_it_and_nothing_inline() -> None:
    drawn = qr(LINK)
    assert "#fff" in drawn
    assert "#000" in drawn
    assert "style=" not in drawn
    assert "viewBox" in drawn
