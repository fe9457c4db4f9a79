"""The pins, read from the chip's registers: what each state of the card looks like to somebody in the room."""

import time

from appliance.lights.language import DARK, Frame
from appliance.relay.use import WINDOW
from appliance.status.state import State
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.conftest import NOTICED
from tests.boot.eye import RELAYS, Span, find_order
from tests.boot.person import CHAT_BEGIN, connect
from tests.boot.upstream import Upstream

ALL = Frame(True, True, True)


def test_starting(board: Board) -> None:
    board.eye.wait_for(State.STARTING, BOOT_TAKES, find=find_order)


def test_no_network(board: Board, no_network: Span) -> None:
    starting = board.eye.wait_for(State.STARTING, 1, find=find_order)
    assert starting.begin < no_network.begin
    assert board.levels().outputs == ALL


def test_upstream_unreachable(unreachable: Span, no_network: Span) -> None:
    assert unreachable.begin > no_network.begin


def test_relaying(relaying: Span, waiting: Span) -> None:
    assert relaying.begin > waiting.begin


def test_relaying_in_use(board: Board, relaying: Span) -> None:
    """Not at once: the lights tell only of the window of time that is over (appliance/relay/use.py)."""
    since = time.monotonic()
    with connect(board.home, 5222) as person:
        person.sendall(CHAT_BEGIN)
        board.eye.wait_for(State.RELAYING_IN_USE, WINDOW + NOTICED, since)


def test_upstream_lost_and_found(board: Board, relaying: Span, upstream: Upstream) -> None:
    since = time.monotonic()
    upstream.set_reachable(False)
    try:
        board.eye.wait_for(State.UPSTREAM_UNREACHABLE, 2 * NOTICED, since)
    finally:
        upstream.set_reachable(True)
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_relay_stopped(board: Board, relaying: Span) -> None:
    since = time.monotonic()
    board.shell.run("systemctl stop porchlight-relay")
    try:
        board.eye.wait_for(State.STOPPED, NOTICED, since)
    finally:
        board.shell.run("systemctl start porchlight-relay")
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())


def test_killed_lights_claim_nothing(board: Board, relaying: Span) -> None:
    """The process dies without a word: within five seconds nothing claims that all is well, and then it is back."""
    board.shell.run("systemctl mask --runtime porchlight-lights")
    try:
        board.shell.run("systemctl kill --signal=KILL porchlight-lights")
        time.sleep(5)
        seen = board.levels()
        assert seen.lit == DARK
        assert seen.outputs == DARK
    finally:
        board.shell.run("systemctl unmask --runtime porchlight-lights; systemctl restart porchlight-lights")
    board.eye.wait_for(RELAYS, NOTICED, time.monotonic())
