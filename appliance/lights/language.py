"""The language of the lights: one table from state to pattern. No input or output here.

Everything that speaks of the lights comes from this table: the pins, the drawing in the terminal, docs/lights.md and
its picture. Three rules hold it together, each with a test:

- Told apart without colours: two states differ in how many lights are lit when. The number of short flashes counts
  how far the way out is open: one, not even the network; two, the network but not WhatsApp; three, it relays but
  something waits for you.
- Calm when nothing is wrong: a steady green light, with a short blink every few seconds as long as people use it; two
  steady lights while the relay rests as its owner wants it.
- Never more than three flashes within a second, for people with photosensitive epilepsy (WCAG 2.3.1).
"""

from dataclasses import dataclass
from typing import NamedTuple

from appliance.status.state import State


class Frame(NamedTuple):
    """The three lights at one moment: lit or dark."""

    green: bool
    amber: bool
    red: bool


DARK = Frame(False, False, False)
GREEN = Frame(True, False, False)
AMBER = Frame(False, True, False)
RED = Frame(False, False, True)
GREEN_AND_AMBER = Frame(True, True, False)
AMBER_AND_RED = Frame(False, True, True)

# Milliseconds. A flash of 200 ms is plainly seen and plainly short; the pauses between series are at least
# four times as long as those within, so that nobody miscounts.
FLASH = 200
GAP = 200
PAUSE = 1600


class Step(NamedTuple):
    """One frame and how long it stands, in milliseconds."""

    frame: Frame
    lasts: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the lights do in one state.

    Args:
        steps: played one after the other, again and again.
        looks: what somebody sees, in words; ``appliance.status.words`` says what it means and what to do.
    """

    steps: tuple[Step, ...]
    looks: str

    @property
    def period(self) -> int:
        """Milliseconds until the pattern begins anew."""
        return sum(step.lasts for step in self.steps)


def _flashes(count: int, lit: Frame, rest: Frame = DARK) -> tuple[Step, ...]:
    """A series of short flashes and a pause."""
    series = (Step(lit, FLASH), Step(rest, GAP)) * count
    return (*series[:-1], Step(rest, PAUSE))


PATTERNS: dict[State, Pattern] = {
    State.STARTING: Pattern(
        (
            Step(GREEN, FLASH),
            Step(DARK, GAP),
            Step(AMBER, FLASH),
            Step(DARK, GAP),
            Step(RED, FLASH),
            Step(DARK, GAP),
        ),
        "One light after the other, evenly: green, amber, red",
    ),
    State.NO_NETWORK: Pattern(_flashes(1, RED), "Red flashes once, then a pause"),
    State.UPSTREAM_UNREACHABLE: Pattern(_flashes(2, AMBER), "Amber flashes twice, then a pause"),
    # It may stand for days and nothing is wrong, so it does not blink.
    State.QUOTA_REACHED: Pattern((Step(AMBER_AND_RED, 1000),), "Amber and red are on together, without blinking"),
    State.RELAYING: Pattern((Step(GREEN, 1000),), "Green is on, without blinking"),
    State.RELAYING_IN_USE: Pattern(
        (Step(GREEN, 2800), Step(DARK, FLASH)), "Green is on, and blinks off for a moment every three seconds"
    ),
    State.NEEDS_ATTENTION: Pattern(
        _flashes(3, GREEN_AND_AMBER, GREEN), "Green is on; amber beside it flashes three times, then a pause"
    ),
    State.STOPPED: Pattern((Step(RED, 1000), Step(DARK, 1000)), "Red goes slowly on and off"),
}


def frame(pattern: Pattern, seconds: float) -> Frame:
    """What the lights show ``seconds`` after the pattern began."""
    return _step(pattern, seconds)[0]


def until_change(pattern: Pattern, seconds: float) -> float | None:
    """Seconds from there to the pattern's next step, always more than zero; None for a light that never changes."""
    if len(pattern.steps) == 1:
        return None
    return _step(pattern, seconds)[1] / 1000


def _step(pattern: Pattern, seconds: float) -> tuple[Frame, float]:
    """The frame that stands at that time, and for how many milliseconds more."""
    # Half a millisecond forward: a timer that comes a trifle early belongs to the step that it was set for.
    position = (seconds * 1000 + 0.5) % pattern.period
    for step in pattern.steps:
        if position < step.lasts:
            return step.frame, step.lasts - position + 0.5
        position -= step.lasts
    # Rounding put the position at the period's very end, which is its beginning.
    return pattern.steps[0].frame, float(pattern.steps[0].lasts)
