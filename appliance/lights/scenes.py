"""What the lights can show, with its name: the states, and what somebody asks them for. No input or output here."""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.health.reach import REACHED_WITHIN, reached
from appliance.lights.language import (
    ALL,
    AMBER,
    DARK,
    FLASH,
    GAP,
    GREEN,
    PATTERNS,
    PAUSE,
    RED,
    WORDS,
    Frame,
    Pattern,
    Step,
)
from appliance.lights.one_lamp import ONE_LAMP
from appliance.status.facts import Facts
from appliance.status.state import State
from appliance.text import Text, text

# Seconds. Long enough to walk through the rooms of a home and look.
FIND_LASTS = 30.0
# Each pattern of a test is seen twice, and for no less than this many seconds.
TEST_LASTS = 4.0
# The answer to a short press: the longest rhythm is played three times.
ANSWER_LASTS = 10.0
HEARD_LASTS = 2.0
# How far the way out is open, as the flashes count it.
NO_NETWORK, NO_UPSTREAM, NOT_REACHED, OPEN = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that the lights can show.

    Args:
        name: for the status and the log; that of a state, or one of those below.
        title: what it means, in a few words.
        three: on the three lamps.
        one: on a single lamp.
    """

    name: str
    title: str
    three: Pattern
    one: Pattern


def of_state(state: State) -> Scene:
    """How a state is shown."""
    return Scene(state.value, WORDS[state].title, PATTERNS[state], ONE_LAMP[state])


def _blinking(name: str, title: Text, steps: tuple[Step, ...], looks: Text) -> Scene:
    """A scene whose rhythm is the same on three lamps and on one."""
    one = Pattern(tuple(Step(AMBER if step.frame == ALL else step.frame, step.lasts) for step in steps), looks)
    return Scene(name, title, Pattern(steps, looks), one)


def _steady(name: str, title: Text, frame: Frame, one: tuple[Step, ...], looks: Text) -> Scene:
    return Scene(name, title, Pattern((Step(frame, 1000),), looks), Pattern(one, looks))


FIND = _blinking(
    "find",
    text("Here I am"),
    (Step(ALL, FLASH), Step(DARK, GAP), Step(ALL, 1000), Step(DARK, 1000)),
    text("All lights together: one short flash, one long one, and again"),
)
HEARD = _blinking(
    "heard",
    text("The button was understood"),
    (Step(ALL, FLASH), Step(DARK, GAP)),
    text("All lights together blink evenly and fast"),
)
# While the button is held down: what happens if it is let go now.
HELD = _steady(
    "held", text("Let go: the lights show how the network is"), GREEN, (Step(GREEN, 1000),), text("Green is on")
)
HELD_LONG = _steady(
    "held-long",
    text("Let go: you can claim this porchlight again"),
    AMBER,
    (Step(AMBER, 500), Step(DARK, 500)),
    text("Amber is on"),
)
HELD_TOO_LONG = _steady(
    "held-too-long", text("Let go: nothing happens"), DARK, (Step(DARK, 1000),), text("The lights are dark")
)
HELD_VERY_LONG = Scene(
    "held-very-long",
    text("Let go: everything is set back to how the card was when it was new"),
    Pattern((Step(RED, FLASH), Step(DARK, GAP)), text("Red blinks evenly and fast")),
    Pattern((Step(RED, FLASH), Step(DARK, GAP)), text("Red blinks evenly and fast")),
)


def answer(count: int) -> Scene:
    """How the network is: all lights together flash that many times, then a pause."""
    steps = [step for _ in range(count) for step in (Step(ALL, FLASH), Step(DARK, GAP))]
    titles = {
        NO_NETWORK: text("The network: no router found"),
        NO_UPSTREAM: text("The network: the router is there, WhatsApp does not answer"),
        NOT_REACHED: text("The network: WhatsApp answers, and nobody from outside has got in lately"),
        OPEN: text("The network: WhatsApp answers, and people from outside get in"),
    }
    looks = text("All lights together flash %(count)s times, then a pause", count=count)
    return _blinking(f"network-{count}", titles[count], (*steps[:-1], Step(DARK, PAUSE)), looks)


def how_far(facts: Facts) -> int:
    """How far the way is open, from the router to people outside, whatever else is going on.

    Args:
        facts: what is known. That people get in is believed when somebody has.
    """
    chat = facts.alive.upstreams.get("chat") if facts.alive else None
    if chat is None or not chat.reachable:
        return NO_UPSTREAM if facts.connected else NO_NETWORK
    last = reached(facts)
    return OPEN if last is not None and facts.now - last <= REACHED_WITHIN else NOT_REACHED


def walk() -> Iterator[tuple[Scene, float]]:
    """All states one after the other, and for how many seconds each is shown."""
    for state in State:
        scene = of_state(state)
        yield scene, max(TEST_LASTS, 2 * max(scene.three.period, scene.one.period) / 1000)
