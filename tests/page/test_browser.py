"""The start page in a real browser, in situations that take hours or a defect: it follows them by itself.

``tests/browser/`` goes the whole way with the real programs. ``PORCHLIGHT_MORE_PICTURES`` names a folder for pictures.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as Tab

from appliance.clock import since_boot
from appliance.page.risk import PARTS
from appliance.status import lights, update
from appliance.status.relay import PortStatus, QuotaStatus, RelayStatus, UpstreamStatus, publish
from appliance.status.update import UpdateStatus
from appliance.text import text
from appliance.update import service as update_service
from appliance.update.record import Outcome, Record
from tests.browser.chromium import CHROMIUM, OPTIONS, SIZES
from tests.page.conftest import PASSWORD, Page, code_of

pytestmark = pytest.mark.browser
# Seconds by which a word is ahead of its time, so that it is not old before a busy machine has read it.
AHEAD = 60.0


class Relay:
    """Publishes the status of a relay that people use, once a second, until it is told to end."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.trouble = ""
        self.quota: QuotaStatus | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            ports = (PortStatus(443, "chat-tls", self.trouble), PortStatus(587, "media"))
            upstreams = {"chat": UpstreamStatus(True), "media": UpstreamStatus(True)}
            people = 0 if self.quota and self.quota.reached else 23
            moment = since_boot() + AHEAD
            now = RelayStatus(moment, "0.1.0", "running", 2, people, 27500, ports, upstreams, quota=self.quota)
            publish(self.page.paths.relay_status, replace(now, used_lately=people > 0))
            state = "needs-attention" if self.trouble else "relaying-in-use"
            if self.quota and self.quota.reached:
                state = "quota-reached"
            # At once, as the lights do: while it is written, the page may read it.
            lights.publish(self.page.paths.lights_status, lights.LightsStatus(moment, state))
            if self._ended.wait(0.5):
                return


@pytest.fixture
def relay(page: Page) -> Iterator[Relay]:
    found = Relay(page)
    yield found
    found.end()


@pytest.fixture
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed; ./test installs it")
    with sync_playwright() as started:
        found = started.chromium.launch(executable_path=str(CHROMIUM), args=OPTIONS)
        yield found
        found.close()


def seen(tab: Tab) -> list[str]:
    """Everything that the console complains about, and every request that fails or goes elsewhere."""
    found: list[str] = []
    tab.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: found.append(str(error)))
    tab.on("request", lambda asked: None if "//127.0.0.1:" in asked.url else found.append(asked.url))
    tab.on("requestfailed", lambda asked: found.append(f"failed: {asked.url}"))
    return found


def fits(tab: Tab) -> bool:
    """Whether nothing is wider than the window, and everything to press but the steps is large enough for a thumb."""
    wide = tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    small = tab.evaluate(
        """[...document.querySelectorAll("button, input:not([type=hidden]), a.button, nav a")]
           .map(one => one.type == "checkbox" && one.closest("label") || one)
           .filter(one => one.checkVisibility() && !one.closest(".way"))
           .filter(one => one.getBoundingClientRect().height < 40).length"""
    )
    return not wide and small == 0


def claim(tab: Tab, page: Page) -> None:
    """Claim the card and skip the way, as somebody does who only wants to look."""
    tab.goto(f"http://127.0.0.1:{page.port}/")
    tab.fill("#code", code_of(page.paths))
    tab.fill("#password", PASSWORD)
    tab.fill("#again", PASSWORD)
    tab.click("text=Make it mine")
    # With all that belongs to it: whoever goes on before a picture has come gives it up, and that is a complaint.
    tab.wait_for_url("**/name")
    tab.click("text=Start")
    tab.wait_for_url(f"http://127.0.0.1:{page.port}/")


def test_the_start_page_follows_by_itself(page: Page, relay: Relay, browser: Browser) -> None:
    tab = browser.new_context(color_scheme="dark").new_page()
    page_address = f"http://127.0.0.1:{page.port}/"
    claim(tab, page)
    tab.wait_for_selector("text=People use it")
    relay.trouble = "Port 443 is in use by nginx."
    tab.wait_for_selector("text=Port 443 is in use by nginx.", timeout=20_000)
    assert tab.url == page_address


@pytest.mark.parametrize("size", SIZES)
def test_the_months_data_runs_out_while_the_page_is_open(page: Page, relay: Relay, browser: Browser, size: str) -> None:
    width, height = SIZES[size]
    tab = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light").new_page()
    complaints = seen(tab)
    relay.quota = QuotaStatus(200 * 10**9, 52 * 10**9, "2026-11")
    claim(tab, page)
    tab.wait_for_selector("text=26 % of 200 GB used")
    assert fits(tab)
    _picture(tab, f"quota-{size}")
    relay.quota = QuotaStatus(200 * 10**9, 200 * 10**9, "2026-11")
    tab.wait_for_selector("text=Resting until next month", timeout=20_000)
    tab.wait_for_selector("text=100 % of 200 GB used")
    assert fits(tab)
    assert complaints == []
    _picture(tab, f"quota-reached-{size}")


@pytest.mark.parametrize("size", SIZES)
def test_an_update_that_failed_stays_in_sight(page: Page, relay: Relay, browser: Browser, size: str) -> None:
    """A later look that found nothing new does not hide it, on the page where updates are asked for."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    claim(context.new_page(), page)
    tab = context.new_page()
    complaints = seen(tab)
    failed = update_service.words(Record("9.9.9", "B", "0.1.0", outcome=Outcome.FAILED))
    nothing = text("There is no newer version than this one.")
    page.paths.update_status.parent.mkdir(exist_ok=True)
    update.publish(page.paths.update_status, UpdateStatus(since_boot(), "idle", said=nothing, failed=failed))
    tab.goto(f"http://127.0.0.1:{page.port}/settings/update")
    tab.wait_for_selector("text=Version 9.9.9 did not work here, so version 0.1.0 runs again.")
    tab.wait_for_selector("text=There is no newer version than this one.")
    _picture(tab, f"update-failed-{size}")
    assert fits(tab)
    assert complaints == []


@pytest.mark.parametrize("size", SIZES)
def test_what_somebody_should_know_is_read_before_the_link(page: Page, browser: Browser, size: str) -> None:
    """From the step before to the link, and back from there."""
    width, height = SIZES[size]
    tab = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light").new_page()
    complaints = seen(tab)
    page.paths.owner_file.write_text('[share]\ndomain = "relay.example.org"\n')
    claim(tab, page)
    for language, direction in (("en", "ltr"), ("fa", "rtl")):
        tab.select_option("#language", language)
        tab.click("form.language button")
        tab.goto(f"http://127.0.0.1:{page.port}/outside")
        tab.click(".onward a")
        tab.wait_for_url("**/share/risk")
        # Read aloud, it is one title with parts below it, each a list.
        assert tab.locator("main h1").count() == 1
        assert tab.locator("main h2 + ul").count() == tab.locator("main h2").count() == len(PARTS)
        assert tab.evaluate("getComputedStyle(document.querySelector('.known li')).direction") == direction
        assert fits(tab)
        _picture(tab, f"known-{size}-{language}")
        tab.click(".onward a")
        tab.wait_for_url("**/share")
        assert fits(tab)
        _picture(tab, f"share-{size}-{language}")
        tab.click(".before a")
        tab.wait_for_url("**/share/risk")
    # Whoever goes on before a picture has come gives it up.
    assert [one for one in complaints if not one.startswith("failed: ")] == []


def _picture(tab: Tab, name: str) -> None:
    """For a person's eye, where one asks for it; the README does not show it."""
    if folder := os.environ.get("PORCHLIGHT_MORE_PICTURES"):
        tab.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
