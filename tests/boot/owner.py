"""The owner of the card: claims it once, and goes the way from there to the link."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.boot import home
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.home import BOARD
from tests.boot.visitor import PAGE_PORT, Page, Visitor

HOME_PAGE = f"http://{BOARD}:{PAGE_PORT}/"
PASSWORD = "three quiet words"
DOMAIN = f"relay.{home.DOMAIN}"
CODE = r"Claim code: ([0-9A-Z]{4}-[0-9A-Z]{4})\b"


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who has claimed the card and set its domain.

    Args:
        visitor: the browser, signed in.
        code: the claim code, as it was read from the serial console.
    """

    visitor: Visitor
    code: str


def claim(board: Board) -> Owner:
    """Read the code that the console shows last, and claim the card with it through the page's own form."""
    board.console.wait_for(CODE, BOOT_TAKES)
    code = str(re.findall(CODE, board.console.text)[-1])
    visitor = Visitor(board.home)
    page = visitor.get(HOME_PAGE)
    page = visitor.submit(page, page.form_with("code"), code=code, password=PASSWORD, again=PASSWORD)
    assert page.status == 200, page.text
    assert page.url == f"{HOME_PAGE}name", "the next step is the name"
    return Owner(visitor, code)


def become_owner(board: Board) -> Owner:
    """Claim the card and set the domain: the first three steps of the way."""
    owner = claim(board)
    set_domain(owner.visitor, DOMAIN)
    return owner


def set_domain(visitor: Visitor, domain: str) -> Page:
    """Enter a name and save it."""
    page = visitor.get(f"{HOME_PAGE}name/own")
    saved = visitor.submit(page, page.form_with("domain"), domain=domain)
    assert saved.status == 200, saved.text
    return saved


def watch(visitor: Visitor, path: str, until: Callable[[Page], bool], timeout: float) -> Page:
    """Look at a page again and again, as its script does, until it says what is waited for.

    Raises:
        AssertionError: it does not say so in time; the message is what it says.
    """
    deadline = time.monotonic() + timeout
    while not until(page := visitor.get(f"{HOME_PAGE}{path}")):
        assert time.monotonic() < deadline, f"not within {timeout} s: {page.text}"
        time.sleep(2)
    return page


def sign_in(visitor: Visitor) -> Page:
    """Sign in with the password."""
    page = visitor.get(f"{HOME_PAGE}login")
    page = visitor.submit(page, page.form_with("password"), password=PASSWORD)
    assert page.status == 200, page.text
    return page
