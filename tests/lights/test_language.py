"""The table: complete, told apart without colours, calm, and safe to look at."""

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest

from appliance.lights.language import (
    DARK,
    FLASH,
    FLICKER,
    GREEN,
    PATTERNS,
    WORDS,
    Frame,
    Pattern,
    Step,
    frame,
    until_change,
)
from appliance.status.state import State
from appliance.text import Text

Rhythm = tuple[tuple[int, int], ...]
PAIRS = list(combinations(State, 2))
RELAYING = {
    State.RELAYING,
    State.RELAYING_IN_USE,
    State.SETTINGS_MISTAKEN,
    State.NEEDS_ATTENTION,
    State.HARDWARE_TROUBLE,
}


def without_colours(pattern: Pattern) -> Rhythm:
    """How many lights are lit for how many milliseconds: what is left when colours and places cannot be told.

    The pattern has no beginning for somebody who looks up at any moment, so the same rhythm begun elsewhere counts as
    the same.
    """
    merged: list[list[int]] = []
    for one, lasts in pattern.steps:
        if merged and merged[-1][0] == sum(one):
            merged[-1][1] += lasts
        else:
            merged.append([sum(one), lasts])
    if len(merged) > 1 and merged[0][0] == merged[-1][0]:
        merged[0][1] += merged.pop()[1]
    if len(merged) == 1:
        return ((merged[0][0], 0),)
    rhythm = [(lit, lasts) for lit, lasts in merged]
    # The shortest part that repeats: three equal flashes and gaps are one flash and gap, played three times.
    for size in range(1, len(rhythm)):
        if len(rhythm) % size == 0 and rhythm[:size] * (len(rhythm) // size) == rhythm:
            rhythm = rhythm[:size]
            break
    return min(tuple(rhythm[turn:] + rhythm[:turn]) for turn in range(len(rhythm)))


def played(pattern: Pattern, seconds: float) -> Iterator[tuple[float, Frame]]:
    """Each change of the frame, as somebody sees it who follows ``until_change``."""
    now, before = 0.0, None
    while now < seconds:
        current = frame(pattern, now)
        if current != before:
            yield round(now, 3), current
        before = current
        change = until_change(pattern, now)
        if change is None:
            return
        assert change > 0
        now += change


def test_every_state_has_a_pattern_and_words() -> None:
    assert set(PATTERNS) == set(State) == set(WORDS)
    sentences = [one.looks for one in PATTERNS.values()]
    sentences += [one for words in WORDS.values() for one in (words.title, words.means, words.todo)]
    assert all(sentence and isinstance(sentence, Text) for sentence in sentences)
    assert len({pattern.looks for pattern in PATTERNS.values()}) == len(State)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_states_differ_without_colours(one: State, other: State) -> None:
    assert without_colours(PATTERNS[one]) != without_colours(PATTERNS[other])


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_states_differ_in_more_than_a_little_speed(one: State, other: State) -> None:
    """Who sees one pattern alone has nothing to compare it with: the same shape must be far faster or slower."""
    first, second = without_colours(PATTERNS[one]), without_colours(PATTERNS[other])
    if [lit for lit, _lasts in first] == [lit for lit, _lasts in second]:
        ratios = [max(a, b) / max(min(a, b), 1) for (_l, a), (_m, b) in zip(first, second, strict=True)]
        assert max(ratios) >= 3


@pytest.mark.parametrize("state", State)
def test_at_most_three_flashes_in_any_second(state: State) -> None:
    pattern = PATTERNS[state]
    changes = list(played(pattern, 3 * pattern.period / 1000 + 3))
    brighter = [now for (_before, a), (now, b) in pairwise(changes) if sum(b) > sum(a)]
    for begin in brighter:
        assert sum(begin <= flash < begin + 1 for flash in brighter) <= 3


# In these, nobody can use the relay and something is wrong.
WRONG = (State.NO_NETWORK, State.UPSTREAM_UNREACHABLE, State.NOT_REACHABLE, State.STOPPED)


def one_blur(pattern: Pattern) -> Rhythm:
    """Whether any light is lit: what is left through frosted glass, or from across the street."""
    steps = tuple(Step(Frame(any(one), False, False), lasts) for one, lasts in pattern.steps)
    return without_colours(Pattern(steps, pattern.looks))


@pytest.mark.parametrize("state", WRONG)
def test_what_stops_people_looks_like_nothing_else_even_as_one_blur(state: State) -> None:
    assert [other for other in State if one_blur(PATTERNS[other]) == one_blur(PATTERNS[state])] == [state]


def test_what_stops_people_is_dark_for_a_good_part_and_what_relays_never_is() -> None:
    """One glance tells: a light that stays on relays, or rests as its owner wants it."""

    def longest_dark(state: State) -> int:
        return max((lasts for one, lasts in PATTERNS[state].steps if one == DARK), default=0)

    assert all(longest_dark(state) >= 1000 for state in WRONG)
    assert all(longest_dark(state) <= FLICKER for state in RELAYING)


def test_every_state_shows_itself_within_a_few_seconds() -> None:
    """The longest that somebody has to look: two repetitions, or the steadiness of a light that does not blink."""
    assert max(pattern.period for pattern in PATTERNS.values()) <= 6000


def test_the_count_of_flashes_is_what_the_table_says() -> None:
    def flashes(state: State) -> int:
        return sum(lasts == FLASH and sum(one) == max(sum(other) for other, _l in PATTERNS[state].steps)
                   for one, lasts in PATTERNS[state].steps)  # fmt: skip

    counted = {state: flashes(state) for state in State if state is not State.STARTING and flashes(state)}
    assert counted == {
        State.NO_NETWORK: 1,
        State.UPSTREAM_UNREACHABLE: 2,
        State.NOT_REACHABLE: 3,
        State.SETTINGS_MISTAKEN: 2,
        State.NEEDS_ATTENTION: 3,
        State.HARDWARE_TROUBLE: 4,
    }


def test_calm_when_all_is_well() -> None:
    assert [one for _now, one in played(PATTERNS[State.RELAYING], 60)] == [GREEN]
    lit = sum(lasts for one, lasts in PATTERNS[State.RELAYING_IN_USE].steps if one == GREEN)
    assert lit / PATTERNS[State.RELAYING_IN_USE].period > 0.9
    paused = PATTERNS[State.PAUSED]
    assert sum(lasts for one, lasts in paused.steps if one != DARK) / paused.period < 0.2


def test_the_flicker_is_brief_and_green_alone() -> None:
    steps = PATTERNS[State.RELAYING_IN_USE].steps
    assert {one for one, _lasts in steps} == {GREEN, DARK}
    assert sum(lasts for _one, lasts in steps[1:]) <= 400


def test_green_means_that_it_relays() -> None:
    """Green alone for a second stands in the patterns of the states that relay, and in no other."""
    for state, pattern in PATTERNS.items():
        longest = max((lasts for one, lasts in pattern.steps if one == GREEN), default=0)
        assert (longest >= 1000) == (state in RELAYING)


def test_every_pattern_lights_something() -> None:
    """Dark is left for the case that nobody drives the pins any more."""
    for pattern in PATTERNS.values():
        assert any(one != DARK for one, _lasts in pattern.steps)


def test_a_pattern_as_it_is_played() -> None:
    amber = Frame(False, True, False)
    assert list(played(PATTERNS[State.UPSTREAM_UNREACHABLE], 2.7)) == [
        (0.0, amber),
        (0.2, DARK),
        (0.4, amber),
        (0.6, DARK),
        (2.2, amber),
        (2.4, DARK),
        (2.6, amber),
    ]


@pytest.mark.parametrize("state", State)
def test_a_timer_that_comes_early_or_late_keeps_the_rhythm(state: State) -> None:
    pattern = PATTERNS[state]
    begin = 0
    for one, lasts in pattern.steps * 1000:
        for early in (-0.0004, 0.0, 0.0004):
            assert frame(pattern, begin / 1000 + early) == one
        begin += lasts
