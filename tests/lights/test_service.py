"""The loop, with time turned by hand: transcripts of pins, trouble, and what is said about them."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.errors import PinsError
from appliance.lights.board import Board, wiring_settings
from appliance.lights.board_light import MissingLightError
from appliance.lights.fixture import RETRY_EVERY, Socket
from appliance.lights.scenes import walk
from appliance.lights.service import FAREWELL, Lights
from appliance.lights.shade import DIM
from appliance.lights.unplug import read_word
from appliance.network.home import Home
from appliance.paths import Paths
from appliance.settings.declared import LightsSettings, Settings
from appliance.settings.load import Loaded
from appliance.status.gather import Situation
from appliance.status.relay import PortStatus, RelayStatus, UpstreamStatus
from appliance.status.state import Facts, State
from tests.lights.recording import PINS, Clock, RecordingBoard, wait_until

GREEN, AMBER, RED = PINS.gpios


class Told:
    """A watch that says what it is told to."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.settings = LightsSettings()
        self.fails = False
        self.facts = Facts(0, None, True)
        self.looks = 0

    def situation(self) -> Situation:
        self.looks += 1
        if self.fails:
            raise OSError("no such thing")
        loaded = Loaded(Settings(lights=self.settings), (), frozenset())
        return Situation(self.state, self.facts, Home((), (), ()), loaded)


class Bench:
    """The loop with everything around it recorded."""

    def __init__(self, folder: Path, state: State = State.RELAYING) -> None:
        self.clock = Clock()
        self.board = RecordingBoard(self.clock)
        self.told = Told(state)
        self.opening: Callable[[], Board] = lambda: self.board
        self.log: list[str] = []
        self.notified: list[str] = []
        self.paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
        self.paths.lights_status.parent.mkdir(parents=True)
        self.date: float | None = None
        self.lights = Lights(
            self.paths,
            self.told,
            (Socket(lambda settings: settings.enabled, lambda settings: self.opening(), wiring_settings),),
            notify=self.notified.append,
            say=self.log.append,
            clock=self.clock,
            date=lambda: self.date,
        )

    def run(self, seconds: float, happens: Callable[[float], None] = lambda now: None) -> None:
        self.lights.run(wait_until(self.clock, seconds, happens))

    @property
    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.paths.lights_status.read_bytes())
        return found


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
            assert "cannot tell" in str(bench.status["trouble"])
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


def test_the_night_is_dim_and_then_day_again(bench: Bench) -> None:
    bench.told.settings = LightsSettings(night="dim", night_from="22:00", night_to="07:00", brightness=60)
    evening = 1_795_730_398.0  # 2026-11-26T21:59:58Z

    bench.date = evening
    bench.run(10, lambda now: setattr(bench, "date", evening + now))
    assert bench.board.transcript[:2] == [(0.0, GREEN, 60), (2.0, GREEN, DIM)]


def test_a_dark_night_is_dark_and_the_status_says_what_is(bench: Bench) -> None:
    bench.told.settings = LightsSettings(night="off", night_from="22:00", night_to="07:00")
    bench.told.state = State.NO_NETWORK
    bench.date = 1_795_737_600.0  # 2026-11-27T00:00:00Z
    bench.run(10, lambda now: None)
    assert bench.board.transcript == []
    assert bench.board.begun[0] == (0.0, "no-network")


def ask(bench: Bench, what: str, at: float) -> None:
    bench.paths.lights_request.parent.mkdir(exist_ok=True)
    bench.paths.lights_request.write_text(json.dumps({"request": what, "at": at}))


def test_blink_so_that_i_find_you(bench: Bench) -> None:
    """Thirty seconds, by night too, and then the state again; asked once, it is done once."""
    bench.told.settings = LightsSettings(night="off", night_from="00:00", night_to="23:59")
    bench.date = 1_795_737_600.0
    shown: list[tuple[float, str]] = []

    def happens(now: float) -> None:
        if now == 2.0:
            ask(bench, "find", 1.9)
        if not shown or shown[-1][1] != bench.status["shown"]:
            shown.append((now, str(bench.status["shown"])))

    bench.run(60, happens)
    assert bench.board.begun == [(0.0, "relaying"), (2.0, "find"), (32.0, "relaying"), (60, "stopped")]
    assert [name for _now, name in shown] == ["relaying", "find", "relaying"]
    assert bench.status["state"] == "stopped"
    found = [one for one in bench.board.transcript if 2.0 <= one[0] < 4.0]
    assert found == [
        (when, pin, level)
        for when, level in ((2.0, 100), (2.2, 0), (2.4, 100), (3.4, 0))
        for pin in (GREEN, AMBER, RED)
    ]
    assert not [one for one in bench.board.transcript if 32.0 < one[0] < 60]


def test_a_test_from_the_page_walks_through_all_states(bench: Bench) -> None:
    ask(bench, "test", 0.0)
    bench.run(sum(lasts for _scene, lasts in walk()) + 5)
    assert [name for _now, name in bench.board.begun] == [*State, "relaying", "stopped"]
    begun = [when for when, _name in bench.board.begun]
    assert [round(later - earlier, 1) for earlier, later in pairwise(begun)][: len(State)] == [
        round(lasts, 1) for _scene, lasts in walk()
    ]


def test_a_request_of_yesterday_is_none(bench: Bench) -> None:
    bench.clock.now = 1000.0
    ask(bench, "find", 900.0)
    bench.run(1010)
    assert [name for _now, name in bench.board.begun] == ["relaying", "stopped"]


def hold(bench: Bench, begin: float, end: float) -> Callable[[float], None]:
    bench.board.button = False
    return lambda now: setattr(bench.board, "button", begin <= now < end)


@pytest.mark.parametrize(
    ("reachable", "connected", "reached_at", "count"),
    [(False, False, None, 1), (False, True, None, 2), (True, True, None, 3), (True, True, 60, 4), (True, False, 60, 4)],
)
def test_a_short_press_shows_the_network(
    bench: Bench, reachable: bool, connected: bool, reached_at: int | None, count: int
) -> None:
    ports = (PortStatus(443, "chat", reached_outside=reached_at),)
    relay = RelayStatus(100.0, "0", "running", ports=ports, upstreams={"chat": UpstreamStatus(reachable)})
    bench.told.facts = Facts(100.0, relay, connected)
    bench.run(20, hold(bench, 2.0, 2.5))
    names = [name for _now, name in bench.board.begun]
    assert names == ["relaying", "held", f"network-{count}", "relaying", "stopped"]
    assert not bench.paths.button_request.exists()


@pytest.mark.parametrize(("held", "word"), [(4.0, "claim"), (16.0, "reset"), (10.0, ""), (70.0, "")])
def test_longer_presses_are_passed_on(bench: Bench, held: float, word: str) -> None:
    bench.run(100, hold(bench, 2.0, 2.0 + held))
    names = [name for _now, name in bench.board.begun]
    stages = [name for name in names if name.startswith("held")]
    assert stages == ["held", "held-long", "held-too-long", "held-very-long"][: 1 + sum(held > at for at in (3, 8, 15))]
    assert ("heard" in names) == bool(word)
    assert names[-2:] == ["relaying", "stopped"]
    if word:
        assert bench.paths.button_request.read_text() == word
        assert f"lights: The button asks for: {word}." in bench.log
    else:
        assert not bench.paths.button_request.exists()


def test_a_button_is_read_often_and_without_one_nothing_is(bench: Bench) -> None:
    wakes: list[float] = []
    bench.board.button = False
    bench.run(10, wakes.append)
    assert 245 <= len(wakes) <= 275


def test_two_things_at_once_each_in_its_own_rhythm(tmp_path: Path) -> None:
    bench = Bench(tmp_path, State.UPSTREAM_UNREACHABLE)
    lamp = RecordingBoard(bench.clock, one_lamp=True)
    opened: list[float] = []

    def open_lamp(settings: LightsSettings) -> Board:
        opened.append(bench.clock.now)
        if bench.clock.now < 7:
            raise MissingLightError("There is none.")
        return lamp

    pins = Socket(lambda settings: True, lambda settings: bench.board)
    lights = Lights(
        bench.paths,
        bench.told,
        (pins, Socket(lambda settings: settings.board_light, open_lamp)),
        say=bench.log.append,
        clock=bench.clock,
    )
    notes: list[str] = []
    lights.run(wait_until(bench.clock, 20, lambda now: notes.append(str(bench.status["note"]))))
    assert opened == [0.0, 5.0, 10.0]
    assert notes[0] == "There is none."
    assert notes[-1] == ""
    assert bench.log == [], "a board without a light of its own is no trouble"
    assert lamp.closed
    assert bench.board.closed
    assert [one for one in lamp.transcript if one[0] < 20] == [
        one for one in bench.board.transcript if 10 <= one[0] < 20
    ], "two flashes are two flashes on either"


def test_other_pins_in_the_settings_are_taken_at_once(bench: Bench) -> None:
    def happens(now: float) -> None:
        bench.told.settings = LightsSettings(green_gpio=5 if now >= 3 else 0, brightness=50 if now >= 6 else 100)

    opened: list[float] = []

    def opening() -> Board:
        opened.append(bench.clock.now)
        return bench.board

    bench.opening = opening
    bench.run(10, happens)
    assert opened == [0.0, 3.0]


def test_nothing_is_said_after_that_the_plug_may_be_pulled(bench: Bench) -> None:
    bench.told.state = State.SAFE_TO_UNPLUG
    bench.run(10)
    assert [name for _now, name in bench.board.begun] == ["safe-to-unplug"]


def test_the_settings_are_left_for_the_last_moment(bench: Bench) -> None:
    bench.told.settings = LightsSettings(green_gpio=5, active_low=True, night="off")
    bench.run(10)
    assert read_word(bench.paths.lights_farewell) == bench.told.settings
