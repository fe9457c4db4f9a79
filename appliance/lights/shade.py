"""How bright the lamps are at one moment: the pattern, the owner's brightness, the night, soft edges. All pure."""

import datetime
from typing import NamedTuple

from appliance.lights.language import DARK, Frame, Pattern
from appliance.settings.declared import LightsSettings

# Per cent. Seen in a dark room, and not lighting it up.
DIM = 8
# Milliseconds in which a soft lamp swells or fades, and between two of its steps: an eye sees no steps at 50 a second.
RAMP, TICK = 160, 20


class Levels(NamedTuple):
    """The three lamps at one moment, each from 0 (dark) to 100 (as bright as it can be)."""

    green: int
    amber: int
    red: int


OFF = Levels(0, 0, 0)


def is_night(settings: LightsSettings, now: float | None) -> bool:
    """Whether it is night where the lights are.

    Args:
        settings: when the night begins and ends, and by whose clock.
        now: seconds since 1970; None while nobody has told the card the time, and then it is day: lights that stay
            dark for an unknown time could be taken for broken ones.
    """
    if now is None or settings.night_from == settings.night_to:
        return False
    zone: datetime.tzinfo = datetime.UTC
    if settings.time_zone:
        # Only then: it costs memory and time at the start.
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(settings.time_zone)
    clock = f"{datetime.datetime.fromtimestamp(now, zone):%H:%M}"
    # Both have two digits for the hour (settings.kinds), so that they compare as texts.
    if settings.night_from < settings.night_to:
        return settings.night_from <= clock < settings.night_to
    return clock >= settings.night_from or clock < settings.night_to


def brightness(settings: LightsSettings, now: float | None) -> int:
    """Per cent at this moment; 0 means dark.

    Args:
        settings: the owner's.
        now: seconds since 1970, None while it is not known.
    """
    if settings.night == "on" or not is_night(settings, now):
        return settings.brightness
    return min(DIM, settings.brightness) if settings.night == "dim" else 0


def levels(pattern: Pattern, seconds: float, bright: int, *, soft: bool = False) -> Levels:
    """What the lamps show ``seconds`` after the pattern began.

    Args:
        pattern: of the language.
        seconds: since its beginning.
        bright: per cent.
        soft: whether a lamp swells and fades instead of switching.
    """
    before, current, gone, left = _moment(pattern, seconds)
    if not soft or before == current:
        return _scaled(current, bright)
    ramp = min(RAMP, (gone + left) / 2)
    part = min(1.0, (gone + TICK) / ramp)
    return Levels(*(round(bright * (was + (now - was) * part)) for was, now in zip(before, current, strict=True)))


def until_change(pattern: Pattern, seconds: float, *, soft: bool = False) -> float | None:
    """Seconds from there until ``levels`` says something else, always more than zero; None when it never does."""
    if len(pattern.steps) == 1:
        return None
    before, current, gone, left = _moment(pattern, seconds)
    if soft and before != current and gone + TICK < min(RAMP, (gone + left) / 2):
        return min(TICK, left) / 1000
    return left / 1000


def _scaled(frame: Frame, bright: int) -> Levels:
    return Levels(*(bright if lit else 0 for lit in frame))


def _moment(pattern: Pattern, seconds: float) -> tuple[Frame, Frame, float, float]:
    """The frame before, the frame that stands, and for how many milliseconds it has stood and will stand."""
    # Half a millisecond forward: a timer that comes a trifle early belongs to the step that it was set for.
    position = (seconds * 1000 + 0.5) % pattern.period
    before = pattern.steps[-1].frame if seconds * 1000 + 0.5 >= pattern.period else DARK
    if len(pattern.steps) == 1:
        before = pattern.steps[0].frame
    for step in pattern.steps:
        if position < step.lasts:
            return before, step.frame, position, step.lasts - position + 0.5
        position -= step.lasts
        before = step.frame
    # Rounding put the position at the period's very end, which is its beginning.
    return pattern.steps[-1].frame, pattern.steps[0].frame, 0.0, float(pattern.steps[0].lasts)
