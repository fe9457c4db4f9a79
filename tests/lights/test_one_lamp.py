"""One lamp alone: a rhythm of its own for each state, calm when all is well, and safe to look at."""

from itertools import combinations, pairwise

import pytest

from appliance.lights.language import DARK, PATTERNS, Pattern
from appliance.lights.one_lamp import ONE_LAMP
from appliance.lights.scenes import FIND, HEARD, NO_NETWORK, NO_UPSTREAM, NOT_REACHED, OPEN, answer
from appliance.lights.shade import levels
from appliance.status.state import State
from appliance.text import text
from tests.lights.test_language import played, without_colours

# What one lamp can show: the states, and what somebody can ask for.
RHYTHMS: dict[str, Pattern] = {state.value: pattern for state, pattern in ONE_LAMP.items()} | {"find": FIND.one}
ANSWERS = [answer(count) for count in (NO_NETWORK, NO_UPSTREAM, NOT_REACHED, OPEN)]


def lit(pattern: Pattern) -> Pattern:
    """The pattern with one colour for all: what a lamp of one colour shows."""
    steps = (step._replace(frame=step.frame if step.frame == DARK else ON) for step in pattern.steps)
    return Pattern(tuple(steps), text(""))


ON = FIND.one.steps[0].frame


def test_every_state_has_a_rhythm() -> None:
    assert set(ONE_LAMP) == set(State)
    assert all(pattern.looks for pattern in ONE_LAMP.values())


@pytest.mark.parametrize(("one", "other"), list(combinations(RHYTHMS, 2)))
def test_two_states_differ_by_their_rhythm(one: str, other: str) -> None:
    first, second = without_colours(lit(RHYTHMS[one])), without_colours(lit(RHYTHMS[other]))
    assert first != second
    if len(first) == len(second) and len(first) > 1:
        ratios = [max(a, b) / max(min(a, b), 1) for (_l, a), (_m, b) in zip(first, second, strict=True)]
        assert max(ratios) >= 3


def test_one_lamp_is_one_lamp() -> None:
    for pattern in RHYTHMS.values():
        assert all(sum(step.frame) <= 1 for step in pattern.steps)


def test_the_colour_is_one_that_the_three_lamps_show_in_that_state() -> None:
    for state, pattern in ONE_LAMP.items():
        shown = {frame for step in PATTERNS[state].steps for frame in [step.frame]}
        for step in pattern.steps:
            if step.frame != DARK:
                assert any(all(a <= b for a, b in zip(step.frame, frame, strict=True)) for frame in shown)


@pytest.mark.parametrize("pattern", [*RHYTHMS.values(), HEARD.one, *(scene.one for scene in ANSWERS)])
def test_at_most_three_flashes_in_any_second(pattern: Pattern) -> None:
    changes = list(played(pattern, 3 * pattern.period / 1000 + 3))
    brighter = [now for (_before, a), (now, b) in pairwise(changes) if sum(b) > sum(a)]
    for begin in brighter:
        assert sum(begin <= flash < begin + 1 for flash in brighter) <= 3


@pytest.mark.parametrize("count", [NO_NETWORK, NO_UPSTREAM, NOT_REACHED, OPEN])
def test_the_answer_to_a_short_press_can_be_counted(count: int) -> None:
    scene = answer(count)
    for pattern in (scene.one, scene.three):
        shown = [frame != DARK for _now, frame in played(pattern, pattern.period / 1000 - 0.01)]
        assert shown == [True, False] * count
        assert any(levels(pattern, 0.0, 100))
    assert str(count) in scene.three.looks
