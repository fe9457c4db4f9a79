"""What somebody asks of the lights, with time turned by hand: nights, tests, the button, and two things at once."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.lights.board import Board
from appliance.lights.board_light import MissingLightError
from appliance.lights.fixture import Socket
from appliance.lights.scenes import walk
from appliance.lights.service import Lights
from appliance.lights.shade import DIM
from appliance.lights.unplug import read_word
from appliance.settings.declared import LightsSettings
from appliance.status.relay import PortStatus, RelayStatus, UpstreamStatus
from appliance.status.state import Facts, State
from tests.lights.bench import Bench
from tests.lights.recording import PINS, RecordingBoard, wait_until

GREEN, AMBER, RED = PINS.gpios


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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
