"""The data partition is damaged while the card is off: what can be repaired is kept, and the card relays anyway."""

import json
import os

import pytest

from appliance.status.state import State
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.eye import RELAYS
from tests.boot.owner import CODE, HOME_PAGE, Owner, sign_in
from tests.boot.person import chat, connect, exchange
from tests.boot.upstream import CHAT, MIB, Upstream, answer
from tests.boot.visitor import PAGE_PORT, Visitor

DATA = 4
# Bytes: the boot block and the first superblock of ext4; and the whole partition's beginning, journal included.
SUPERBLOCK = 2048
EVERYTHING = 64 * MIB


def relays(board: Board, upstream: Upstream, word: str, states: tuple[State, ...] = RELAYS) -> None:
    """A stream through the board reaches the upstream and comes back, byte for byte."""
    board.eye.wait_for(states, BOOT_TAKES, board.switched_on)
    said = chat(word, MIB)
    with connect(board.home, 443, with_tls=True) as person:
        assert exchange(person, said, MIB) == answer(CHAT)
        upstream.wait_for(said)


@pytest.fixture(scope="module")
def repaired(board: Board, owner: Owner) -> None:
    """The first superblock is gone: the plain check gives up, and a copy of it has to be used."""
    board.pull_the_plug()
    board.card.damage(DATA, bytes(SUPERBLOCK))
    board.switch_on()
    board.wait_for_port(PAGE_PORT)


@pytest.fixture(scope="module")
def lost(board: Board, repaired: None) -> None:
    """Nothing of the partition is left."""
    board.pull_the_plug()
    board.card.damage(DATA, os.urandom(EVERYTHING))
    board.switch_on()
    board.wait_for_port(PAGE_PORT)


def test_what_can_be_repaired_is_kept(board: Board, repaired: None) -> None:
    assert "the data partition is damaged; repairing it" in board.console.text
    assert board.shell.run("test -e /run/porchlight/data-lost || echo kept") == "kept"
    sign_in(Visitor(board.home))


def test_a_repaired_card_relays(board: Board, repaired: None, upstream: Upstream) -> None:
    relays(board, upstream, "after the repair")


def test_what_is_beyond_repair_is_made_anew_and_said(board: Board, lost: None) -> None:
    assert "the data partition is beyond repair; making it anew" in board.console.text
    assert "/var/lib/porchlight ext4 rw" in board.shell.run("cat /proc/mounts")
    visitor = Visitor(board.home)
    status = json.loads(visitor.get(f"{HOME_PAGE}status.json").body)
    assert "data-lost" in [problem["id"] for problem in status["problems"]], status
    # It is said at the next start, too.
    assert board.shell.run("ls -A /var/lib/porchlight | grep -cx -e in-use -e data-lost") == "2"
    # It belongs to whoever holds the card, as on the first day: there is a code again.
    board.console.wait_for(CODE, BOOT_TAKES)


def test_a_card_whose_data_were_lost_relays(board: Board, lost: None, upstream: Upstream) -> None:
    relays(board, upstream, "after the loss", (State.WAITING_TO_BE_CLAIMED,))
