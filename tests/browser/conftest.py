"""Chromium on the neighbour's computer of a whole home."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.chromium import CHROMIUM, OPTIONS, SIZES
from tests.browser.home import Card, browser_program, living_home
from tests.relay.running import close_kept


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    """A card in a home, with everything running."""
    with living_home(tmp_path) as found:
        yield found
    close_kept()


@pytest.fixture
def browser(card: Card, tmp_path: Path) -> Iterator[Browser]:
    """The browser of somebody at home."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed; ./test installs it")
    with sync_playwright() as started:
        program = browser_program(card.home, CHROMIUM, tmp_path)
        found = started.chromium.launch(executable_path=str(program), args=OPTIONS)
        yield found
        found.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Open a window: its size by name, its language."""
    with ExitStack() as stack:

        def opened(size: str, language: str = "en", **options: object) -> BrowserContext:
            width, height = SIZES[size]
            viewport = {"width": width, "height": height}
            context = browser.new_context(viewport=viewport, locale=language, color_scheme="light", **options)  # type: ignore[arg-type]
            stack.callback(context.close)
            return context

        yield opened
