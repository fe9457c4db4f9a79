"""The plug is pulled right after a change on the setup page, and put back in: the card is as it was left.

And the clock: from 1970 to the time that was kept, and from there to what a time server says.
"""

import hashlib
import re
import ssl
from collections.abc import Iterator

import pytest

from tests.boot.board import BOOT_TAKES, Board
from tests.boot.eye import RELAYS
from tests.boot.home import TIME_SERVER, TIME_SERVERS, Home
from tests.boot.owner import HOME_PAGE, Owner, set_domain, sign_in
from tests.boot.person import chat, connect, exchange
from tests.boot.time_server import TimeServer, nobody_has_told, tell_anew, wait_until_told
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
def server(home: Home, board: Board, owner: Owner) -> Iterator[TimeServer]:
    """A time server, where nobody has answered so far: it is two days later than the board believes."""
    assert nobody_has_told(board)
    server = TimeServer(home, noon_after(int(board.shell.run("date +%s")) + 2 * DAY))
    yield server
    server.close()


def noon_after(moment: float) -> float:
    """Far from the quiet hour of updates, so that none is looked for."""
    return moment // DAY * DAY + 1.5 * DAY


@pytest.fixture(scope="module")
def kept_time(board: Board, server: TimeServer) -> int:
    """What the time server has told the board, and the board has kept."""
    tell_anew(board, server)
    board.shell.run("systemctl start porchlight-clock")
    return int(board.shell.run("stat -c %Y /var/lib/porchlight/clock/kept"))


@pytest.fixture(scope="module")
def before(board: Board, owner: Owner, server: TimeServer, kept_time: int) -> str:
    """The certificate's fingerprint before; the plug was pulled as soon as the page had said "saved"."""
    former = fingerprint(board)
    set_domain(owner.visitor, LAST_MOMENT)
    board.pull_the_plug()
    # For so long it lies in a drawer.
    server.tell(server.now + 5 * DAY)
    board.switch_on()
    board.wait_for_port(PAGE_PORT)
    return former


def test_setting_is_still_there(board: Board, before: str) -> None:
    visitor = Visitor(board.home)
    sign_in(visitor)
    assert visitor.get(f"{HOME_PAGE}name/own").form_with("domain").fields["domain"] == LAST_MOMENT


def test_clock_goes_on_from_the_kept_time(board: Board, before: str, kept_time: int) -> None:
    """A Pi has no clock, and neither has the emulated one: it starts in 1970. What was kept is a floor."""
    assert board.shell.run("ls /sys/class/rtc") == ""
    first = board.shell.run("journalctl -b -o short-unix --no-pager -t systemd | head -n 1")
    assert kept_time <= float(first.split()[0]) < kept_time + 10 * MINUTE


def test_time_server_is_heard_at_a_start(board: Board, before: str, kept_time: int, server: TimeServer) -> None:
    """By its name, which took a look-up, and through the firewall; nobody has helped."""
    said = wait_until_told(board, server)
    assert re.search(rf"time server {re.escape(TIME_SERVER)}:123 \(\S+\.{re.escape(TIME_SERVERS)}\)", said), said


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
