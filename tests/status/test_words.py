"""Every state has words, and the number of people stays coarse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.lights.language import WORDS
from appliance.status.relay import QuotaStatus, RelayStatus
from appliance.status.state import State
from appliance.status.words import data, data_used, people, rounded_up


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


@pytest.mark.parametrize(
    ("number", "words"),
    [(10**6, "1 MB"), (1_500_000, "1.5 MB"), (200 * 10**9, "200 GB"), (1_500 * 10**9, "1.5 TB"), (10**16, "10,000 TB")],
)
def test_data_in_words(number: int, words: str) -> None:
    assert data(number) == words


@pytest.mark.parametrize(
    ("used", "words"), [(0, "0 %"), (51_999_999_999, "25 %"), (199_999_999_999, "99 %"), (10**15, "100 %")]
)
def test_the_months_data_is_told_in_whole_hundredths_and_full_only_when_it_is(used: int, words: str) -> None:
    assert data_used(QuotaStatus(200 * 10**9, used, "2026-11")) == f"{words} of 200 GB used"
