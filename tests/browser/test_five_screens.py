"""From plugged in to shared, as a volunteer does it: five screens, two widths, two languages, real programs."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect
from playwright.sync_api import Page as Tab

from appliance.page.guard import OPEN
from tests.browser.chromium import SIZES
from tests.browser.home import PAGE, Card
from tests.browser.looks import complaints, faults, picture
from tests.home.household import SEEN
from tests.page.test_guard import make_app

pytestmark = [pytest.mark.browser, pytest.mark.namespaces]

PASSWORD = "correct horse battery"
NAME = "lamp.example.org"
# Milliseconds: what the page promises for a verdict, and what a busy machine adds.
LIVE = 40_000
LANGUAGES = ("en", "fa")


def claim(tab: Tab, card: Card) -> None:
    tab.goto(f"{PAGE}/")
    tab.fill("#code", card.code.lower())
    tab.fill("#password", PASSWORD)
    tab.fill("#again", PASSWORD)
    tab.click("main button.primary")
    tab.wait_for_url(f"{PAGE}/name")


def try_name(tab: Tab, secret: str) -> None:
    tab.fill("#secret", secret)
    tab.click("main form[action='/name/free'] button.primary")


def pages() -> Iterator[str]:
    """Every page that somebody can open, from the URL map: a new one is looked at by itself."""
    with tempfile.TemporaryDirectory() as folder:
        for rule in make_app(Path(folder)).url_map.iter_rules():
            if "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint not in OPEN:
                yield rule.rule


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_from_plugged_in_to_shared(card: Card, window: Callable[..., BrowserContext], size: str, language: str) -> None:
    tab = window(size, language).new_page()
    wrong = complaints(tab)
    found: list[str] = []

    def look(name: str) -> None:
        found.extend(faults(tab))
        picture(tab, f"{name}-{size}-{language}")

    # 1 and 2: found, and claimed.
    tab.goto(f"{PAGE}/")
    assert tab.get_attribute("html", "lang") == language
    assert tab.get_attribute("html", "dir") == ("rtl" if language == "fa" else "ltr")
    look("setup-2-claim")
    claim(tab, card)
    look("setup-3-name")
    # 3: a name; first with a wrong password, whose error is shown at once and in words.
    tab.click("a[href='/name/free']")
    tab.wait_for_url(f"{PAGE}/name/free")
    look("setup-3-name-free")
    tab.click("main summary")
    tab.click("main a[href*='custom']")
    tab.fill("#domain", NAME)
    tab.fill("#update_url", f"http://127.0.0.1:{card.provider.port}/nic/update?hostname=%h&myip=%i")
    tab.fill("#user", "alice")
    card.provider.answer = 200, "badauth"
    try_name(tab, "wrong")
    expect(tab.locator(".verdict.bad")).to_be_visible(timeout=LIVE)
    look("setup-3-name-refused")
    card.provider.answer = 200, f"good {SEEN}"
    try_name(tab, "right")
    expect(tab.locator(".verdict.good")).to_be_visible(timeout=LIVE)
    tab.click(".onward a")
    tab.wait_for_url(f"{PAGE}/open")
    # 4: the router, which is asked only now.
    assert "443" not in card.home.rules()
    tab.click("button[name=open][value=yes]")
    expect(tab.locator(".verdict.good")).to_be_visible(timeout=LIVE)
    look("setup-4-open")
    assert "443" in card.home.rules()
    tab.click(".onward a")
    tab.wait_for_url(f"{PAGE}/outside")
    # 5: a phone outside opens the link, and the page sees it arrive by itself.
    look("setup-5-waiting")
    link = urlsplit(tab.text_content("main p.copy") or "")
    assert link.netloc == NAME
    assert b"200 OK" in card.knock(link.path)
    expect(tab.locator(".verdict.good")).to_be_visible(timeout=LIVE)
    look("setup-5-arrived")
    tab.click(".onward a")
    tab.wait_for_url(f"{PAGE}/share/risk")
    look("setup-5-known")
    tab.click(".onward a")
    tab.wait_for_url(f"{PAGE}/share")
    assert f"host={NAME}" in (tab.text_content("#link") or "")
    expect(tab.locator("svg.qr")).to_be_visible()
    look("setup-5-share")
    # And then it is lived with.
    tab.goto(f"{PAGE}/")
    expect(tab.locator(".todo-list")).to_have_count(0, timeout=LIVE)
    look("home")
    if language == "en":
        picture(tab, f"page-{size}", whole=False)
    for path in pages():
        tab.goto(f"{PAGE}{path}")
        found.extend(faults(tab))
        picture(tab, f"at{path.replace('/', '-')}-{size}-{language}")
    assert found == []
    assert [one for one in wrong if "username fields" not in one] == []


def test_each_step_can_be_skipped_and_come_back_to_without_javascript(
    card: Card, window: Callable[..., BrowserContext]
) -> None:
    tab = window("phone", java_script_enabled=False).new_page()
    claim(tab, card)
    for path in ("/open", "/outside", "/share"):
        tab.click(".onward a")
        tab.wait_for_url(f"{PAGE}{path}")
        if path == "/outside":
            # Neither name nor address yet: the way back is offered; the way on is, too.
            tab.click(".onward a[href='/share/risk']")
            tab.click(".onward a[href='/share']")
            tab.wait_for_url(f"{PAGE}/share")
            break
    tab.click(".way a[href='/open']")
    tab.click("button[name=open][value=yes]")
    for _ in range(LIVE // 1000):
        if tab.locator(".verdict.good").count():
            break
        tab.wait_for_timeout(1000)
        tab.click("noscript a, a.button[href='/open']")
    expect(tab.locator(".verdict.good")).to_be_visible()
    tab.goto(f"{PAGE}/")
    tab.select_option("#language", "fa")
    tab.click("form.language button")
    expect(tab.locator("html")).to_have_attribute("dir", "rtl")
    tab.click("form[action='/logout'] button")
    tab.wait_for_url(f"{PAGE}/login")
    assert tab.get_attribute("html", "dir") == "rtl"
