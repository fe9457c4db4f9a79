"""The language of the lights: one table from state to pattern, meaning and what to do. No input or output here.

Everything that speaks of the lights comes from this table: the pins, the page, the drawing in the terminal,
docs/lights.md and its picture. Four rules hold it together, each with a test:

- Told apart without colours: two states differ in how many lights are lit when. The number of short flashes counts
  how far the way out is open: one, not even the network; two, the network but not WhatsApp; three, WhatsApp but not
  from outside. Beside a green light that stays on it relays, and they count what waits for you: two, the settings;
  three, anything else that the setup page names; four, the device itself.
- Calm when nothing is wrong: a steady green light, which flickers every few seconds while people use it; two steady
  lights while the month's data is used up, one slow light while the owner lets it pause.
- The flicker is a fixed rhythm that no connection starts or ends (``appliance.relay.use``).
- Never more than three flashes within a second, for people with photosensitive epilepsy (WCAG 2.3.1).
"""

from dataclasses import dataclass
from typing import NamedTuple

from appliance.status.state import State
from appliance.text import Text, text


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
GREEN_AND_RED = Frame(True, False, True)
AMBER_AND_RED = Frame(False, True, True)
ALL = Frame(True, True, True)

# Milliseconds. A flash of 200 ms is plainly seen and plainly short; the pauses between series are at least
# four times as long as those within, so that nobody miscounts.
FLASH = 200
GAP = 200
PAUSE = 1600
# Part of a flicker: too short to count, long enough to be seen.
FLICKER = 120


class Step(NamedTuple):
    """One frame and how long it stands, in milliseconds."""

    frame: Frame
    lasts: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the lights do in one state.

    Args:
        steps: played one after the other, again and again.
        looks: what somebody sees, in words.
    """

    steps: tuple[Step, ...]
    looks: Text

    @property
    def period(self) -> int:
        """Milliseconds until the pattern begins anew."""
        return sum(step.lasts for step in self.steps)


@dataclass(frozen=True, slots=True)
class Words:
    """One state in words.

    Args:
        title: a few words, for a headline.
        means: what it means for the people who use the relay.
        todo: what the volunteer does now.
    """

    title: Text
    means: Text
    todo: Text

    def __str__(self) -> str:
        return f"{self.title}. {self.means} {self.todo}"


def _flashes(count: int, lit: Frame, rest: Frame = DARK) -> tuple[Step, ...]:
    """A series of short flashes and a pause."""
    series = (Step(lit, FLASH), Step(rest, GAP)) * count
    return (*series[:-1], Step(rest, PAUSE))


TABLE: dict[State, tuple[Pattern, Words]] = {
    State.STARTING: (
        Pattern(
            (
                Step(GREEN, FLASH),
                Step(DARK, GAP),
                Step(AMBER, FLASH),
                Step(DARK, GAP),
                Step(RED, FLASH),
                Step(DARK, GAP),
            ),
            text("One light after the other, evenly: green, amber, red"),
        ),
        Words(
            text("Getting ready"),
            text("Your porchlight is starting and looks for WhatsApp."),
            text("Nothing to do: this takes a minute or two after the power comes on."),
        ),
    ),
    # It may wait for an evening and nothing is wrong: lively, but slow.
    State.WAITING_TO_BE_CLAIMED: (
        Pattern(
            (Step(GREEN_AND_RED, 800), Step(AMBER, 800)),
            text("The two outer lights and the middle one take turns, slowly"),
        ),
        Words(
            text("Waiting for you"),
            text("Your porchlight is on and reaches WhatsApp. Nobody has set it up yet."),
            text("Open http://porchlight.local/ on a phone or computer in your home, and follow the steps there."),
        ),
    ),
    State.NO_NETWORK: (
        Pattern(_flashes(1, RED), text("Red flashes once, then a pause")),
        Words(
            text("No connection to the internet"),
            text("Your porchlight has no way out, so nobody can use it at the moment."),
            text(
                "Check that the network cable sits tight at both ends and that your router is on. The rest happens "
                "by itself."
            ),
        ),
    ),
    State.UPSTREAM_UNREACHABLE: (
        Pattern(_flashes(2, AMBER), text("Amber flashes twice, then a pause")),
        Words(
            text("WhatsApp does not answer"),
            text(
                "Your home network works, but WhatsApp cannot be reached from it. Nobody can use the relay meanwhile."
            ),
            text(
                "Check whether other web pages open in your home. If they do, wait: porchlight keeps trying by itself."
            ),
        ),
    ),
    State.NOT_REACHABLE: (
        Pattern(_flashes(3, AMBER), text("Amber flashes three times, then a pause")),
        Words(
            text("Not reached from outside"),
            text("Your porchlight reaches WhatsApp, but people outside your home do not reach your porchlight."),
            text("Open the setup page: it says what stands in the way, and what to do."),
        ),
    ),
    State.RELAYING: (
        Pattern((Step(GREEN, 1000),), text("Green is on, without blinking")),
        Words(
            text("All is well"),
            text("Your porchlight is on and reaches WhatsApp."),
            text("Nothing to do. People find you by the link that you share with them."),
        ),
    ),
    State.RELAYING_IN_USE: (
        Pattern(
            (Step(GREEN, 3600), Step(DARK, FLICKER), Step(GREEN, FLICKER), Step(DARK, FLICKER)),
            text("Green is on, and flickers for a moment every four seconds"),
        ),
        Words(
            text("People use it"),
            text("Your porchlight is on, and in the last minutes people reached WhatsApp through it."),
            text("Nothing to do. Thank you for leaving the light on."),
        ),
    ),
    # It may stand for days and nothing is wrong, so it does not blink.
    State.QUOTA_REACHED: (
        Pattern((Step(AMBER_AND_RED, 1000),), text("Amber and red are on together, without blinking")),
        Words(
            text("Resting until next month"),
            text(
                "Your porchlight has passed on as much data as you allow in a month. Nobody can use it until the next "
                "one begins."
            ),
            text("Nothing to do: it goes on by itself on the first. To go on now, allow more data on the setup page."),
        ),
    ),
    State.PAUSED: (
        Pattern((Step(AMBER, 1000), Step(DARK, 5000)), text("Amber is on for one second in every six")),
        Words(
            text("Switched off by you"),
            text("You have switched the relay off, or let it pause for a while. Nobody can use it meanwhile."),
            text("A pause ends by itself. To go on now, switch the relay on again on the setup page."),
        ),
    ),
    State.UPDATING: (
        Pattern(
            (Step(RED, 500), Step(AMBER_AND_RED, 500), Step(ALL, 500), Step(DARK, 500)),
            text("The lights come on one by one, red first, then go dark"),
        ),
        Words(
            text("Updating"),
            text("Your porchlight is getting a new version. The relay may stop for a moment."),
            text("Do not unplug it. This takes a few minutes."),
        ),
    ),
    State.SETTINGS_MISTAKEN: (
        Pattern(_flashes(2, GREEN_AND_AMBER, GREEN), text("Green is on; amber beside it flashes twice, then a pause")),
        Words(
            text("Working, with a mistake in the settings"),
            text("Your porchlight relays, but a part of its settings cannot be understood and does not apply."),
            text("Read on the setup page which part it is, and mend it when you have a moment."),
        ),
    ),
    State.NEEDS_ATTENTION: (
        Pattern(
            _flashes(3, GREEN_AND_AMBER, GREEN),
            text("Green is on; amber beside it flashes three times, then a pause"),
        ),
        Words(
            text("Working, but something needs you"),
            text("People can write to each other through your porchlight, but not everything works as it should."),
            text("Read on the setup page what it is, and follow it when you have a moment."),
        ),
    ),
    State.HARDWARE_TROUBLE: (
        Pattern(_flashes(4, GREEN_AND_RED, GREEN), text("Green is on; red beside it flashes four times, then a pause")),
        Words(
            text("Working, but the device is in trouble"),
            text("Your porchlight relays, but its power, its memory card or its cooling is not as it should be."),
            text("Read on the setup page which it is, and see to it soon: it may stop at any time."),
        ),
    ),
    State.STOPPED: (
        Pattern((Step(RED, 1000), Step(DARK, 1000)), text("Red goes slowly on and off")),
        Words(
            text("The relay is not running"),
            text("Nobody can use your porchlight at the moment."),
            text(
                "It tries to start again by itself. If this stays for five minutes, unplug the power, wait ten seconds "
                "and plug it in again."
            ),
        ),
    ),
    # Without blinking, so that it can still be shown when nothing runs any more.
    State.SAFE_TO_UNPLUG: (
        Pattern((Step(ALL, 1000),), text("All three lights are on, without blinking; then they go out")),
        Words(
            text("Safe to unplug"),
            text("Your porchlight is switched off, and everything is stored."),
            text("Pull the plug. To switch it on again, plug it in."),
        ),
    ),
}
PATTERNS: dict[State, Pattern] = {state: pattern for state, (pattern, _words) in TABLE.items()}
WORDS: dict[State, Words] = {state: words for state, (_pattern, words) in TABLE.items()}


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
