"""From claimed to shared on the booted card: the owner's way through the setup page, with a router that listens."""

import re
import time
from contextlib import suppress

import pytest

from tests.boot.board import Board
from tests.boot.conftest import NOTICED
from tests.boot.eye import Span
from tests.boot.owner import DOMAIN, HOME_PAGE, Owner, watch
from tests.boot.person import chat, exchange, tls
from tests.boot.upstream import CHAT, Upstream, answer
from tests.boot.visitor import Page
from tests.home.household import SEEN

# The ports that the router is asked for: chat in TLS, and media.
PORTS = {443, 587}
# What somebody says who comes in through the router, in bytes.
SOME = 100_000
GOOD = '<div class="verdict good"'


def is_good(page: Page) -> bool:
    """Whether the page's verdict is that all is well."""
    return GOOD in page.body


@pytest.fixture(scope="module")
def opened(board: Board, owner: Owner, relaying: Span) -> Page:
    """The step with the router, done: the owner has pressed, and the page says that the ports are open."""
    assert board.home.mapped() == set(), "nobody has said yet that the router may be asked"
    page = owner.visitor.get(f"{HOME_PAGE}open")
    assert not is_good(page)
    begun = time.monotonic()
    page = owner.visitor.submit(page, page.form_with("open"), open="yes")
    assert page.status == 200
    page = watch(owner.visitor, "open", is_good, NOTICED)
    print(f"the router was asked, and the page knew: {time.monotonic() - begun:.0f} s, emulated")
    return page


def test_domain_leads_home(board: Board, owner: Owner, opened: Page) -> None:
    """The router has told its outer address meanwhile: the record to set is exact, and right already."""
    page = watch(owner.visitor, "name/own", is_good, NOTICED)
    assert "The name leads to your home" in page.text
    assert SEEN in page.text


def test_router_lets_people_in_and_to_nothing_else(board: Board, opened: Page) -> None:
    assert board.home.mapped() == PORTS
    with pytest.raises(ConnectionRefusedError):
        board.home.come_in(8199, timeout=5).close()


def test_a_phone_outside_shows_that_the_way_is_open(board: Board, owner: Owner, opened: Page) -> None:
    page = owner.visitor.get(f"{HOME_PAGE}outside")
    assert "Waiting for your phone" in page.text
    assert '<svg aria-hidden="true"' in page.body, "a code for the phone's camera"
    found = re.search(rf"https://{re.escape(DOMAIN)}(/s/[A-Za-z0-9_-]+)<", page.body)
    assert found, page.text
    with tls(board.home.come_in(443)) as phone:
        phone.sendall(f"GET {found[1]} HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n".encode())
        heard = b""
        with suppress(ConnectionError):
            while piece := phone.recv(65536):
                heard += piece
    assert heard.startswith(b"HTTP/1.1 200 "), heard[:200]
    page = watch(owner.visitor, "outside", is_good, NOTICED)
    assert "your phone came in from outside" in page.text


def test_bytes_come_through_the_router(board: Board, opened: Page, upstream: Upstream) -> None:
    said = chat("through the router", SOME)
    with tls(board.home.come_in(443)) as person:
        assert exchange(person, said, SOME) == answer(CHAT)[:SOME]
        # Whoever leaves without having read everything resets the connection, and what is on its way is lost.
        assert bytes(upstream.wait_for(said).received) == said


def test_port_tells_when_it_was_reached(board: Board, owner: Owner, opened: Page) -> None:
    page = owner.visitor.get(f"{HOME_PAGE}outside")
    told = dict(re.findall(r'<dt>Port (\d+) .*?<dd class="(\w*)"', page.body, re.DOTALL))
    assert told.keys() >= {"443", "5222", "80", "587", "7777"}
    assert told["443"] == "good", page.text
    assert "last reached from outside" in page.text


def test_link_and_code_are_there_to_share(board: Board, owner: Owner, opened: Page) -> None:
    page = owner.visitor.get(f"{HOME_PAGE}share")
    link = f"https://wa.me/proxy?host={DOMAIN}&amp;chatPort=443&amp;mediaPort=587&amp;chatTLS=true"
    assert link in page.body.replace("<wbr>", "")
    assert '<svg aria-hidden="true"' in page.body
    sheet = owner.visitor.get(f"{HOME_PAGE}share/sheet?in=fa")
    assert sheet.status == 200
    assert 'dir="rtl"' in sheet.body, "Babel's data and the catalogues are on the card"


def test_start_page_has_nothing_left_to_do(board: Board, owner: Owner, opened: Page) -> None:
    page = owner.visitor.get(HOME_PAGE)
    assert page.status == 200
    assert "todo-list" not in page.body, page.text


def test_ports_are_closed_again_on_the_owners_word(board: Board, owner: Owner, opened: Page) -> None:
    page = owner.visitor.get(f"{HOME_PAGE}open")
    owner.visitor.submit(page, page.form_with("open"), open="no")
    deadline = time.monotonic() + NOTICED
    while board.home.mapped():
        assert time.monotonic() < deadline, "the router still leads people here"
        time.sleep(1)
    page = owner.visitor.get(f"{HOME_PAGE}open")
    owner.visitor.submit(page, page.form_with("open"), open="yes")
    watch(owner.visitor, "open", is_good, NOTICED)
    assert board.home.mapped() == PORTS
