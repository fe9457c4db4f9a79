"""The owner of the card: claims it once, and names it."""

from dataclasses import dataclass

from tests.boot.board import BOOT_TAKES, Board
from tests.boot.home import BOARD
from tests.boot.visitor import PAGE_PORT, Page, Visitor

HOME_PAGE = f"http://{BOARD}:{PAGE_PORT}/"
PASSWORD = "three quiet words"
DOMAIN = "relay.example.org"


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who has claimed the card and set its domain.

    Args:
        visitor: the browser, signed in.
        code: the claim code, as it was read from the serial console.
    """

    visitor: Visitor
    code: str


def become_owner(board: Board) -> Owner:
    """Read the code from the console, claim the card, set the domain: all through the page's own forms."""
    code = board.console.wait_for(r"Claim code: ([0-9A-Z]{4}-[0-9A-Z]{4})\b", BOOT_TAKES)[1]
    visitor = Visitor(board.home)
    page = visitor.get(HOME_PAGE)
    page = visitor.submit(page, page.form_with("code"), code=code, password=PASSWORD, again=PASSWORD)
    assert page.status == 200, page.text
    set_domain(visitor, DOMAIN)
    return Owner(visitor, code)


def set_domain(visitor: Visitor, domain: str) -> Page:
    """Enter a name and save it."""
    page = visitor.get(f"{HOME_PAGE}share")
    saved = visitor.submit(page, page.form_with("domain"), domain=domain)
    assert saved.status == 200, saved.text
    return saved


def sign_in(visitor: Visitor) -> Page:
    """Sign in with the password."""
    page = visitor.get(f"{HOME_PAGE}login")
    page = visitor.submit(page, page.form_with("password"), password=PASSWORD)
    assert page.status == 200, page.text
    return page
