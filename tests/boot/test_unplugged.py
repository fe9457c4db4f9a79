"""The plug is pulled right after a change on the setup page, and put back in: the card is as it was left."""

import hashlib
import ssl

import pytest

from tests.boot.board import BOOT_TAKES, Board
from tests.boot.eye import RELAYS
from tests.boot.owner import HOME_PAGE, Owner, set_domain, sign_in
from tests.boot.person import chat, connect, exchange
from tests.boot.upstream import CHAT, MIB, Upstream, answer
from tests.boot.visitor import PAGE_PORT, Visitor

DAY, MINUTE = 86400, 60
LAST_MOMENT = "last-moment.example.org"


def fingerprint(board: Board) -> str:
    """Of the certificate that the relay shows."""
    with connect(board.home, 443, with_tls=True) as person:
        assert isinstance(person, ssl.SSLSocket)
        return hashlib.sha256(person.getpeercert(binary_form=True) or b"").hexdigest()


@pytest.fixture(scope="module")
def kept_time(board: Board, owner: Owner) -> int:
    """The time that somebody has told the board, two days after what it believed."""
    # As timesyncd does when a time server has answered; the emulated home has none.
    board.shell.run(f"date -s @$(($(date +%s) + {2 * DAY}))")
    board.shell.run("mkdir -p /run/systemd/timesync; touch /run/systemd/timesync/synchronized")
    board.shell.run("systemctl start porchlight-clock")
    return int(board.shell.run("date +%s"))


@pytest.fixture(scope="module")
def before(board: Board, owner: Owner, kept_time: int) -> str:
    """The certificate's fingerprint before; the plug was pulled as soon as the page had said "saved"."""
    former = fingerprint(board)
    set_domain(owner.visitor, LAST_MOMENT)
    board.pull_the_plug()
    board.switch_on()
    board.wait_for_port(PAGE_PORT)
    return former


def test_setting_is_still_there(board: Board, before: str) -> None:
    visitor = Visitor(board.home)
    sign_in(visitor)
    assert visitor.get(f"{HOME_PAGE}name/own").form_with("domain").fields["domain"] == LAST_MOMENT


def test_clock_goes_on_from_the_kept_time(board: Board, before: str, kept_time: int) -> None:
    """A Pi has no clock, and neither has the emulated one: it starts in 1970."""
    assert board.shell.run("ls /sys/class/rtc") == ""
    now = int(board.shell.run("date +%s"))
    assert kept_time - MINUTE <= now < kept_time + DAY
    # It is a floor and no more: nobody has told the time yet, and what needs the date knows that.
    assert board.shell.run("test -e /run/systemd/timesync/synchronized || echo nobody", check=False) == "nobody"


def test_relays_again(board: Board, before: str, upstream: Upstream) -> None:
    board.eye.wait_for(RELAYS, BOOT_TAKES, board.switched_on)
    said = chat("after the power cut", MIB)
    with connect(board.home, 443, with_tls=True) as person:
        assert exchange(person, said, MIB) == answer(CHAT)
        upstream.wait_for(said)


def test_certificate_is_the_same(board: Board, before: str) -> None:
    assert fingerprint(board) == before


def test_code_is_shown_no_more(board: Board, before: str) -> None:
    board.console.wait_for(r"http://porchlight\.local/", BOOT_TAKES)
    assert "Claim code" not in board.console.text
    assert "CLAIM-CODE.txt" not in board.card.names()
