"""What is written in a day is reckoned from what was seen."""

import pytest

from tests.boot.wear import DAY, Spell, written_in_a_day

SPELLS = (
    Spell(frozenset(), 1, 100.0),
    Spell(frozenset({"a"}), 40, 10.0),
    Spell(frozenset({"a", "b"}), 60, 10.0),
    Spell(frozenset(), 2, 200.0),
)


def test_each_file_counts_as_often_as_it_is_written_and_the_rest_by_time() -> None:
    found = written_in_a_day(SPELLS, {"a": 144, "b": 1})
    assert found == {"a": 144 * 60 * 512, "b": 60 * 512, "": 3 * 512 * DAY // 300}


def test_a_file_that_was_never_written_cannot_be_reckoned() -> None:
    with pytest.raises(AssertionError, match=r"not seen: \['c'\]"):
        written_in_a_day(SPELLS, {"a": 144, "b": 1, "c": 1})


def test_a_file_that_nobody_has_listed_is_told() -> None:
    with pytest.raises(AssertionError, match=r"unexpected: \['b'\]"):
        written_in_a_day(SPELLS, {"a": 144})
