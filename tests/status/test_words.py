"""Every state has words, and the number of people stays coarse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.status.relay import RelayStatus
from appliance.status.state import State
from appliance.status.words import WORDS, people, rounded_up


@pytest.mark.parametrize("state", State)
def test_every_state_says_what_it_means_and_what_to_do(state: State) -> None:
    words = WORDS[state]
    assert words.title
    assert not words.title.endswith(".")
    assert words.means.endswith(".")
    assert words.todo.endswith(".")


@given(st.integers(0, 10**6))
def test_the_number_is_round_and_never_too_small(connections: int) -> None:
    shown = rounded_up(connections)
    assert shown >= connections
    assert (
        shown == 0 or str(shown).strip("0") in {str(digit) for digit in range(1, 10)} or str(shown)[1:].strip("0") == ""
    )
    assert (shown == 0) == (connections == 0)


@pytest.mark.parametrize(
    ("connections", "shown"), [(0, 0), (1, 10), (10, 10), (11, 20), (99, 100), (101, 200), (2500, 3000)]
)
def test_round_numbers(connections: int, shown: int) -> None:
    assert rounded_up(connections) == shown


def test_people_in_words() -> None:
    assert people(None) == "Nobody is connected"
    assert people(RelayStatus(1.0, "1", "running", connections=3)) == "Up to 10 connections"
