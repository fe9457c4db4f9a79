"""What the tests of updates do with a board: offer, ask, restart, look at what is remembered."""

import base64
import json
import time

from appliance.status.update import AT_WORK
from appliance.update.disk import Memory
from appliance.update.environment import Environment, Slot
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card
from tests.boot.eye import RELAYS
from tests.boot.owner import HOME_PAGE, sign_in
from tests.boot.person import chat, connect, exchange
from tests.boot.release import Server
from tests.boot.upstream import CHAT, MIB, Upstream, answer
from tests.boot.visitor import Page, Visitor

# Seconds for writing a slot, with an emulated board on a busy machine.
INSTALLING_TAKES = 3000.0
# RAUC's curl reads this file, and so does Python when it is told to.
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
UPDATES = f"{HOME_PAGE}settings/update"
STATUS = "cat /run/porchlight/update/status.json"


def status(board: Board) -> dict[str, object]:
    """What page and lights read about the update."""
    found = json.loads(board.shell.run(STATUS))
    assert isinstance(found, dict)
    return found


def wait_for_word(board: Board, word: str, timeout: float) -> dict[str, object]:
    """Wait until the update has ended one way or the other, and says a word: its status."""
    deadline = time.monotonic() + timeout
    while (found := status(board))["phase"] in AT_WORK or word not in json.dumps(found["said"]):
        journal = "journalctl -b --no-pager -o cat -u 'porchlight-stick@*' -u porchlight-update | tail -n 60"
        assert time.monotonic() < deadline, f"{found}\n{board.shell.run(journal, check=False)}"
        time.sleep(1)
    return found


def let_it_trust(board: Board, server: Server) -> None:
    """Put the server's certificate among those of the authorities, in memory."""
    text = base64.b64encode(server.certificate.encode()).decode()
    command = f"echo {text} | base64 -d >>{AUTHORITIES}; systemctl set-environment SSL_CERT_FILE={AUTHORITIES}"
    board.shell.run(command)


def ask_for_update(board: Board, wish: str) -> None:
    """What the page does when its owner presses the button."""
    watch_restarts(board)
    board.shell.run(f"echo '{wish}' >/run/porchlight/wish/update.new; cd /run/porchlight/wish; mv update.new update")


def wait_until_off(board: Board, timeout: float) -> None:
    """Wait for the restart."""
    deadline = time.monotonic() + timeout
    while board.monitor.execute("query-status")["status"] != "shutdown":
        assert time.monotonic() < deadline, f"no restart in {timeout} s:\n{board.console.tail()}"
        time.sleep(1)


def watch_restarts(board: Board) -> None:
    """Let a restart end the emulator's board and not the emulator: then the network adapter can be put in again."""
    board.monitor.execute("set-action", reboot="shutdown", shutdown="pause")


def start_again(board: Board) -> None:
    """What a board does at a restart; the emulated one gets its network adapter anew."""
    board.pull_the_plug()
    board.switch_on()


def read_the_page(board: Board) -> tuple[Visitor, Page]:
    """The owner's browser and the page about updates; signed in anew, since a clock that nobody sets may go back."""
    visitor = Visitor(board.home)
    sign_in(visitor)
    return visitor, visitor.get(UPDATES)


def try_it(board: Board, card: Card, slot: Slot) -> dict[str, object]:
    """Start the system that was just installed, and wait until it has been judged: its status, once nothing is done."""
    assert remembered(card).trial == slot
    start_again(board)
    board.console.wait_for(f"porchlight: slot {slot} is on trial, 2 tries left after this one", BOOT_TAKES)
    deadline = time.monotonic() + BOOT_TAKES
    units = "-u porchlight-good -u porchlight-record -u porchlight-verdict"
    while remembered(card).trial:
        assert time.monotonic() < deadline, board.shell.run(f"journalctl {units} --no-pager", check=False)
        time.sleep(1)
    # What was remembered for the next start came first.
    while (found := status(board))["phase"] != "idle":
        assert time.monotonic() < deadline, found
        time.sleep(1)
    return found


def remembered(card: Card) -> Environment:
    """What lies on the card."""
    return Memory(card.path).read()


def relays(board: Board, upstream: Upstream, word: str) -> None:
    """A stream through the board reaches the upstream and comes back, byte for byte."""
    board.eye.wait_for(RELAYS, BOOT_TAKES, board.switched_on)
    said = chat(word, MIB)
    with connect(board.home, 443, with_tls=True) as person:
        assert exchange(person, said, MIB) == answer(CHAT)
        upstream.wait_for(said)
