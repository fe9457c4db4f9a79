"""Brightness, nights and soft edges: all pure."""

import datetime
import zoneinfo
from dataclasses import replace

import pytest

from appliance.lights.language import PATTERNS
from appliance.lights.shade import DIM, RAMP, TICK, Levels, brightness, is_night, levels, until_change
from appliance.settings.declared import LightsSettings
from appliance.status.state import State

NIGHT = LightsSettings(night="dim", night_from="22:00", night_to="07:00", time_zone="Europe/Vienna")


def at(clock: str, zone: str = "Europe/Vienna", day: str = "2026-11-25") -> float:
    when = datetime.datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return when.timestamp()


@pytest.mark.parametrize(
    ("clock", "night"),
    [("21:59", False), ("22:00", True), ("23:59", True), ("00:00", True), ("06:59", True), ("07:00", False)],
)
def test_a_night_over_midnight(clock: str, night: bool) -> None:
    assert is_night(NIGHT, at(clock)) is night


@pytest.mark.parametrize(("clock", "night"), [("00:59", False), ("01:00", True), ("08:59", True), ("09:00", False)])
def test_a_night_after_midnight(clock: str, night: bool) -> None:
    assert is_night(replace(NIGHT, night_from="01:00", night_to="09:00"), at(clock)) is night


def test_summer_and_winter_follow_the_clock_on_the_wall() -> None:
    """22:30 in Vienna is 20:30 UTC in July and 21:30 in November."""
    assert is_night(NIGHT, at("20:30", "UTC", "2026-07-25"))
    assert not is_night(NIGHT, at("20:30", "UTC", "2026-11-25"))
    assert is_night(NIGHT, at("21:30", "UTC", "2026-11-25"))


def test_without_a_zone_it_is_universal_time() -> None:
    assert is_night(replace(NIGHT, time_zone=""), at("22:00", "UTC"))
    assert not is_night(replace(NIGHT, time_zone=""), at("21:59", "UTC"))


def test_while_nobody_knows_the_time_it_is_day() -> None:
    assert not is_night(NIGHT, None)
    assert brightness(replace(NIGHT, night="off"), None) == 100


def test_a_night_of_no_length_never_comes() -> None:
    assert not is_night(replace(NIGHT, night_from="22:00", night_to="22:00"), at("22:00"))


@pytest.mark.parametrize(
    ("night", "bright", "by_day", "by_night"),
    [("on", 100, 100, 100), ("on", 40, 40, 40), ("dim", 100, 100, DIM), ("dim", 3, 3, 3), ("off", 60, 60, 0)],
)
def test_brightness(night: str, bright: int, by_day: int, by_night: int) -> None:
    settings = replace(NIGHT, night=night, brightness=bright)
    assert brightness(settings, at("12:00")) == by_day
    assert brightness(settings, at("03:00")) == by_night


def test_levels_are_the_frame_in_per_cent() -> None:
    assert levels(PATTERNS[State.RELAYING], 12.3, 35) == Levels(35, 0, 0)
    assert levels(PATTERNS[State.STOPPED], 0.5, 100) == Levels(0, 0, 100)
    assert levels(PATTERNS[State.STOPPED], 1.5, 100) == Levels(0, 0, 0)


def test_a_soft_lamp_swells_and_fades() -> None:
    pattern, now, seen = PATTERNS[State.STOPPED], 0.0, []
    while now < 2:
        seen.append((round(now, 2), levels(pattern, now, 100, soft=True).red))
        change = until_change(pattern, now, soft=True)
        assert change is not None
        assert change > 0
        now += change
    swelling = [level for when, level in seen if when < 0.5]
    fading = [level for when, level in seen if 1.0 <= when < 1.5]
    assert swelling == sorted(swelling)
    assert swelling[-1] == 100
    assert len(swelling) == RAMP // TICK
    assert fading == sorted(fading, reverse=True)
    assert fading[-1] == 0
    assert len(seen) == 2 * RAMP // TICK


def test_a_soft_lamp_that_stands_still_needs_no_steps() -> None:
    assert until_change(PATTERNS[State.RELAYING], 5.0, soft=True) is None
    assert levels(PATTERNS[State.RELAYING], 0.0, 100, soft=True) == Levels(100, 0, 0)


@pytest.mark.parametrize("state", State)
def test_soft_edges_keep_the_rhythm(state: State) -> None:
    """Each lamp is as bright in the middle of its step as a hard one."""
    pattern, begin = PATTERNS[state], 0
    for step in pattern.steps * 3:
        middle = (begin + step.lasts / 2) / 1000
        assert levels(pattern, middle, 80, soft=True) == levels(pattern, middle, 80)
        begin += step.lasts
