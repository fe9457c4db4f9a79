"""The loop, with time turned by hand: transcripts of pins, trouble, and what is said about them."""

from itertools import pairwise
from pathlib import Path

import pytest

from appliance.errors import PinsError
from appliance.lights.board import Board
from appliance.lights.fixture import RETRY_EVERY
from appliance.lights.service import FAREWELL
from appliance.settings.declared import LightsSettings
from appliance.status.state import State
from appliance.text import Text, translated
from tests.lights.bench import Bench
from tests.lights.recording import PINS

GREEN, AMBER, RED = PINS.gpios


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


TRANSCRIPTS: dict[State, list[tuple[float, int, int]]] = {
    State.STARTING: [
        (0.0, GREEN, 100),
        (0.2, GREEN, 0),
        (0.4, AMBER, 100),
        (0.6, AMBER, 0),
        (0.8, RED, 100),
        (1.0, RED, 0),
        (1.2, GREEN, 100),
        (1.4, GREEN, 0),
        (1.6, AMBER, 100),
        (1.8, AMBER, 0),
    ],
    State.WAITING_TO_BE_CLAIMED: [
        (0.0, GREEN, 100),
        (0.0, RED, 100),
        (0.8, GREEN, 0),
        (0.8, AMBER, 100),
        (0.8, RED, 0),
        (1.6, GREEN, 100),
        (1.6, AMBER, 0),
        (1.6, RED, 100),
    ],
    State.NOT_REACHABLE: [
        (0.0, AMBER, 100),
        (0.2, AMBER, 0),
        (0.4, AMBER, 100),
        (0.6, AMBER, 0),
        (0.8, AMBER, 100),
        (1.0, AMBER, 0),
    ],
    State.PAUSED: [(0.0, AMBER, 100), (1.0, AMBER, 0)],
    State.UPDATING: [
        (0.0, RED, 100),
        (0.5, AMBER, 100),
        (1.0, GREEN, 100),
        (1.5, GREEN, 0),
        (1.5, AMBER, 0),
        (1.5, RED, 0),
    ],
    State.SETTINGS_MISTAKEN: [
        (0.0, GREEN, 100),
        (0.0, AMBER, 100),
        (0.2, AMBER, 0),
        (0.4, AMBER, 100),
        (0.6, AMBER, 0),
    ],
    State.HARDWARE_TROUBLE: [
        (0.0, GREEN, 100),
        (0.0, RED, 100),
        (0.2, RED, 0),
        (0.4, RED, 100),
        (0.6, RED, 0),
        (0.8, RED, 100),
        (1.0, RED, 0),
        (1.2, RED, 100),
        (1.4, RED, 0),
    ],
    State.SAFE_TO_UNPLUG: [(0.0, GREEN, 100), (0.0, AMBER, 100), (0.0, RED, 100)],
    State.NO_NETWORK: [(0.0, RED, 100), (0.2, RED, 0), (1.8, RED, 100)],
    State.UPSTREAM_UNREACHABLE: [(0.0, AMBER, 100), (0.2, AMBER, 0), (0.4, AMBER, 100), (0.6, AMBER, 0)],
    State.QUOTA_REACHED: [(0.0, AMBER, 100), (0.0, RED, 100)],
    State.RELAYING: [(0.0, GREEN, 100)],
    State.RELAYING_IN_USE: [(0.0, GREEN, 100)],
    State.NEEDS_ATTENTION: [
        (0.0, GREEN, 100),
        (0.0, AMBER, 100),
        (0.2, AMBER, 0),
        (0.4, AMBER, 100),
        (0.6, AMBER, 0),
        (0.8, AMBER, 100),
        (1.0, AMBER, 0),
    ],
    State.STOPPED: [(0.0, RED, 100), (1.0, RED, 0)],
}


@pytest.mark.parametrize("state", State)
def test_the_first_two_seconds_of_each_state(tmp_path: Path, state: State) -> None:
    bench = Bench(tmp_path, state)
    bench.run(1.95)
    assert [one for one in bench.board.transcript if one[0] < 1.95] == TRANSCRIPTS[state]


def test_a_new_state_begins_its_pattern_at_its_beginning(bench: Bench) -> None:
    def happens(now: float) -> None:
        if now >= 3.2:
            bench.told.state = State.UPSTREAM_UNREACHABLE

    bench.run(4.35, happens)
    assert bench.board.transcript[:6] == [
        (0.0, GREEN, 100),
        (3.5, GREEN, 0),
        (3.5, AMBER, 100),
        (3.7, AMBER, 0),
        (3.9, AMBER, 100),
        (4.1, AMBER, 0),
    ]
    assert bench.board.begun == [
        (0.0, State.RELAYING),
        (3.5, State.UPSTREAM_UNREACHABLE),
        (4.35, State.STOPPED),
    ]


def test_the_farewell_is_one_red_flash_and_then_the_pins_are_let_go(bench: Bench) -> None:
    bench.run(10)
    assert bench.board.transcript == [(0.0, GREEN, 100), (10.0, GREEN, 0), (10.0, RED, 100)]
    assert bench.board.closed
    assert bench.status["state"] == "stopped"
    assert bench.notified[-1] == "STOPPING=1"
    assert FAREWELL >= 0.5


def test_the_service_manager_hears_from_it(bench: Bench) -> None:
    bench.run(60)
    assert bench.notified[1] == "READY=1"
    assert bench.notified.count("READY=1") == 1
    assert 115 <= bench.notified.count("WATCHDOG=1") <= 125


def test_it_wakes_no_more_often_than_it_must(bench: Bench) -> None:
    wakes: list[float] = []
    bench.run(60, wakes.append)
    assert len(wakes) <= 125
    bench.told.state = State.STARTING
    assert 115 <= bench.told.looks <= 125


def test_what_it_says_about_itself(bench: Bench) -> None:
    written: list[float] = []

    def happens(now: float) -> None:
        if now >= 5:
            bench.told.state = State.RELAYING_IN_USE
        if not written or written[-1] != bench.status["written"]:
            written.append(float(str(bench.status["written"])))

    bench.run(20, happens)
    assert all(later - earlier <= 2.0 + 1e-9 for earlier, later in pairwise(written))
    assert 10 <= len(written) <= 14
    assert not list(bench.paths.lights_status.parent.glob(".*"))


def test_pins_that_are_missing_are_said_and_tried_again(bench: Bench) -> None:
    attempts: list[float] = []

    def opening() -> Board:
        attempts.append(bench.clock.now)
        if bench.clock.now < 12:
            raise PinsError("Another program holds the pins.", "means", "todo")
        return bench.board

    bench.opening = opening
    seen: dict[str, str] = {}
    bench.run(20, lambda now: seen.__setitem__(str(bench.status["trouble"]), str(bench.status["state"])))
    assert seen == {"Another program holds the pins.": "relaying", "": "relaying"}
    assert attempts == [0.0, RETRY_EVERY, 2 * RETRY_EVERY, 3 * RETRY_EVERY]
    assert bench.log == ["lights: Another program holds the pins.", "lights: The trouble is over."]
    assert bench.board.transcript[0] == (15.0, GREEN, 100)


def test_pins_that_fail_later_are_let_go_and_tried_again(bench: Bench) -> None:
    bench.told.state = State.STOPPED
    closed: list[bool] = []

    def happens(now: float) -> None:
        bench.board.trouble = "The chip is gone." if 3 <= now < 6 else ""
        if now == 4:
            closed.append(bench.board.closed)
            assert bench.status["trouble"] == "The chip is gone."

    bench.run(20, happens)
    assert closed == [True]
    assert bench.log == ["lights: The chip is gone.", "lights: The trouble is over."]


def test_lights_that_are_turned_off(bench: Bench) -> None:
    def happens(now: float) -> None:
        bench.told.settings = LightsSettings(enabled=not 3 <= now < 6)
        if 4 <= now < 6:
            assert bench.board.closed
            assert bench.status["trouble"] == ""

    bench.run(10, happens)
    assert [state for _now, state in bench.board.begun] == [State.RELAYING, State.RELAYING, State.STOPPED]


def test_turned_off_from_the_start_touches_no_pin(bench: Bench) -> None:
    bench.told.settings = LightsSettings(enabled=False)
    bench.run(10)
    assert bench.board.begun == []
    assert bench.status == {"written": 10.0, "state": "stopped", "trouble": "", "note": "", "shown": "stopped"}


def test_who_cannot_look_does_not_claim_that_all_is_well(bench: Bench) -> None:
    def happens(now: float) -> None:
        bench.told.fails = 3 <= now < 6
        if now == 4:
            assert bench.status["state"] == "stopped"
            trouble = bench.status["trouble"]
            assert "cannot tell" in str(trouble)
            # What the page shows of it can be said in any language.
            assert isinstance(trouble, Text)
            assert translated(trouble, lambda template: template.replace("cannot tell", "ne savent pas")) != trouble
            assert bench.board.shown.green == 0

    bench.run(10, happens)
    assert [state for _now, state in bench.board.begun][1] == State.STOPPED
    assert len(bench.log) == 2


def test_a_status_that_cannot_be_written_is_said_once(bench: Bench) -> None:
    bench.paths.lights_status.parent.rmdir()
    bench.run(10)
    assert len(bench.log) == 1
    assert "cannot be written" in bench.log[0]
    assert bench.board.transcript[0] == (0.0, GREEN, 100)
