"""What is passed on: link, QR code, values, message, sheet; and before it, what that means."""

import re

import pytest

from appliance.page.languages import LANGUAGES
from appliance.page.qr import qr
from appliance.page.share import message, share_link
from appliance.settings.declared import ShareSettings
from tests.page.conftest import Page, Visitor
from tests.page.test_guard import ALL

NAMED = '[share]\ndomain = "relay.example.org"\nchat_port = 8443\n'
LINK = "https://wa.me/proxy?host=relay.example.org&chatPort=8443&mediaPort=587&chatTLS=true"


def test_the_link_is_whatsapps_own_form() -> None:
    link = share_link(ShareSettings(domain="relay.example.org"))
    assert link == "https://wa.me/proxy?host=relay.example.org&chatPort=443&mediaPort=587&chatTLS=true"
    assert "host=2001%3Adb8%3A%3A1&" in share_link(ShareSettings(domain="2001:db8::1"))


def test_without_a_name_there_is_nothing_to_share(owner: Visitor) -> None:
    answer = owner.get("/share")
    assert "There is nothing to share yet" in answer.text
    assert 'href="/name"' in answer.body
    assert owner.get("/share/sheet").headers["Location"] == "/share"


def test_everything_to_pass_on_stands_below_what_it_means(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text(NAMED)
    answer = owner.get("/share")
    plain = answer.body.replace("<wbr>", "").replace("&amp;", "&")
    assert LINK in plain
    assert plain.index("Before you share") < plain.index(LINK)
    assert "Proxy host relay.example.org Chat port 8443 Media port 587 Use TLS on" in answer.text
    assert '<svg aria-hidden="true"' in answer.body


def test_the_link_is_nowhere_else_but_on_the_sheet(page: Page, owner: Visitor) -> None:
    """The sheet is what others get; the way to it is on the page with the warning, below it."""
    page.paths.owner_file.write_text(NAMED)
    addresses = [address for method, address, _ in ALL if method == "GET" and address != "/share"]
    assert "/" in addresses
    bodies = {address: owner.get(address).body for address in addresses}
    assert [address for address, body in bodies.items() if "wa.me/" in body] == ["/share/sheet"]
    leading = [address for address, body in bodies.items() if 'href="/share/sheet' in body]
    assert leading == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_message_is_offered_in_every_language(page: Page, owner: Visitor, code: str) -> None:
    page.paths.owner_file.write_text(NAMED)
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
