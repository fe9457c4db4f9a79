"""An eye on the lights: looks at the pins all the time, and tells which pattern they showed and when."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from appliance.lights.language import ALL, DARK, PATTERNS, Frame, Pattern, Step
from appliance.lights.one_lamp import ONE_LAMP
from appliance.status.state import State

# What the lights show while the card relays and nothing is wrong: which of the two, people decide.
RELAYS = (State.RELAYING, State.RELAYING_IN_USE)
# What a lamp of one colour says, as frames of which all three lights are on or off.
ONE_COLOUR: dict[State, Pattern] = {
    state: Pattern(
        tuple(Step(DARK if step.frame == DARK else ALL, step.lasts) for step in pattern.steps), pattern.looks
    )
    for state, pattern in ONE_LAMP.items()
}
# Seconds. A flash lasts 0.2: five looks at it; the parts of a flicker 0.12: three.
LOOK_EVERY = 0.04
# Seconds between the looks before and after a change that was seen half done; shorter than any step.
CHANGES_WITHIN = 0.11
# Full repetitions of a pattern before it counts as seen, and seconds for one that never changes: longer than the
# longest time for which a blinking pattern stands still.
REPETITIONS = 2
STEADY = 6.0


class Look(NamedTuple):
    """One look at the lights; the time is that of ``time.monotonic``."""

    at: float
    frame: Frame


class Span(NamedTuple):
    """One frame and from when to when it stood."""

    frame: Frame
    begin: float
    end: float

    @property
    def lasts(self) -> float:
        """Seconds."""
        return self.end - self.begin


def settled(looks: Sequence[Look]) -> list[Look]:
    """What was seen, without looks at a change that was under way.

    The pins are set one after another, and a look may fall between two of them: it sees some lights as they were and
    some as they will be. A step of a pattern lasts several looks and is never taken for that.
    """
    return [one for number, one in enumerate(looks) if not _under_way(looks, number)]


def _under_way(looks: Sequence[Look], number: int) -> bool:
    if not 0 < number < len(looks) - 1:
        return False
    before, one, after = looks[number - 1 : number + 2]
    if one.frame in (before.frame, after.frame) or after.at - before.at > CHANGES_WITHIN:
        return False
    return all(now in (old, new) for old, now, new in zip(before.frame, one.frame, after.frame, strict=True))


def spans(looks: Sequence[Look]) -> list[Span]:
    """What was seen, put together; a change lies half-way between two looks."""
    found: list[Span] = []
    looks = settled(looks)
    begin = looks[0].at if looks else 0.0
    for one, following in pairwise(looks):
        if following.frame != one.frame:
            change = (one.at + following.at) / 2
            found.append(Span(one.frame, begin, change))
            begin = change
    if looks:
        found.append(Span(looks[-1].frame, begin, looks[-1].at))
    return found


def find(pattern: Pattern, looks: Sequence[Look]) -> Span | None:
    """The first time at which a pattern was shown, told by what was seen and by nothing else.

    Args:
        pattern: from the language of the lights.
        looks: in the order of time.

    Returns:
        The repetitions that show it, None when it was not shown.
    """
    seen = spans(looks)
    if len(pattern.steps) == 1:
        steady = (one for one in seen if one.frame == pattern.steps[0].frame and one.lasts >= STEADY)
        return next(steady, None)
    length = len(pattern.steps) * REPETITIONS
    # The last span is not over yet, so nobody knows how long it lasts.
    for start in range(len(seen) - length):
        window = seen[start : start + length]
        if all(_fits(one, pattern, number) for number, one in enumerate(window)):
            return Span(window[0].frame, window[0].begin, window[-1].end)
    return None


def find_order(pattern: Pattern, looks: Sequence[Look]) -> Span | None:
    """The first time at which a pattern's lights were lit in its order, however long each stood.

    For the time in which the board starts: all programs are being loaded at once, and the lights, which keep
    their rhythm, leave steps out that they are too late for. Only for a pattern whose order no other has.
    """
    order = [step.frame for step in pattern.steps if step.frame != DARK] * REPETITIONS
    seen = [one for one in spans(looks) if one.frame != DARK]
    for start in range(len(seen) - len(order) + 1):
        window = seen[start : start + len(order)]
        if [one.frame for one in window] == order:
            return Span(window[0].frame, window[0].begin, window[-1].end)
    return None


def _fits(span: Span, pattern: Pattern, number: int) -> bool:
    """Whether a span is that step, give or take what an emulated board on a busy machine is late.

    Patterns with the same order of frames differ by a factor of five in one of their times.
    """
    step = pattern.steps[number % len(pattern.steps)]
    seconds = step.lasts / 1000
    return span.frame == step.frame and 0.5 * seconds - LOOK_EVERY <= span.lasts <= 1.9 * seconds + 0.15


def told(looks: Sequence[Look], last: int | None = 24) -> str:
    """The last things seen, or all, for a person who reads a failure: ``G..`` is green alone, 0.20 its seconds."""
    texts = []
    for one in spans(looks)[-last if last else None :]:
        letters = "".join(letter if lit else "." for letter, lit in zip("GAR", one.frame, strict=True))
        texts.append(f"{letters} {one.lasts:.2f}")
    return ", ".join(texts) or "nothing seen"


class Eye:
    """Looks at the lights until it is closed.

    Args:
        look: reads the lights' frame; may raise OSError or ValueError while the board is off.
        table: what the lights speak.
    """

    def __init__(self, look: Callable[[], Frame], table: Mapping[State, Pattern] = PATTERNS) -> None:
        self._look, self._table = look, table
        self._looks: list[Look] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="eye", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking; what was seen stays."""
        self._closed.set()
        self._thread.join()

    def looks(self, since: float = 0.0) -> list[Look]:
        """Everything seen after that time."""
        return [one for one in list(self._looks) if one.at >= since]

    def wait_for(
        self,
        state: State | tuple[State, ...],
        timeout: float,
        since: float = 0.0,
        find: Callable[[Pattern, Sequence[Look]], Span | None] = find,
    ) -> Span:
        """Wait until the lights show a state.

        Args:
            state: which, or which of several.
            timeout: seconds.
            since: what was seen before that time does not count.
            find: how it is recognised.

        Raises:
            AssertionError: they do not show it in time.
        """
        deadline = time.monotonic() + timeout
        wanted = (state,) if isinstance(state, State) else state
        while True:
            looks = self.looks(since)
            found = next((span for one in wanted if (span := find(self._table[one], looks))), None)
            if found:
                return found
            assert time.monotonic() < deadline, f"no {', '.join(wanted)} in {timeout} s; the lights: {told(looks)}"
            time.sleep(0.5)

    def _watch(self) -> None:
        due = time.monotonic()
        while not self._closed.is_set():
            try:
                frame = self._look()
            except (OSError, ValueError):
                break
            self._looks.append(Look(time.monotonic(), frame))
            due = max(due + LOOK_EVERY, time.monotonic() + LOOK_EVERY / 4)
            self._closed.wait(due - time.monotonic())
