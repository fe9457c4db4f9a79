"""Which bytes belong to which slot and day, and how coarsely it is told."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.history.rules import (
    DAYS,
    DAYS_KEPT,
    SLOT,
    SLOTS,
    History,
    Sum,
    advanced,
    date_of,
    day,
    days_from_json,
    days_to_json,
    month,
)

TODAY = "2026-11-25"


def test_a_day_is_made_of_quarters_of_an_hour_since_boot() -> None:
    history = advanced(History(), Sum(1, 1), 10, None)
    history = advanced(history, Sum(3, 20_000_001), SLOT - 1, None)
    history = advanced(history, Sum(0, 0), 2 * SLOT, None)
    bars = day(history, 2 * SLOT + 5)
    assert len(bars) == SLOTS
    # The device was not on yet; then one slot in use, one that nobody looked at, one without anything.
    assert [bar.sum for bar in bars[-4:]] == [None, Sum(10, 30_000_000), None, Sum()]
    assert bars[-1].start == 2 * SLOT
    history = advanced(history, Sum(), SLOT * (SLOTS + 1), None)
    # The first one is a day old.
    assert 0 not in history.slots
    assert len(history.slots) == 2


def test_days_run_by_the_date_once_somebody_has_told_it() -> None:
    history = advanced(History(), Sum(5, 1), 10, None)
    assert history.days == {}
    assert history.undated == Sum(5, 1)
    history = advanced(history, Sum(1, 1), 20, "2026-11-24")
    assert history.days == {"2026-11-24": Sum(6, 2)}
    assert not history.undated
    history = advanced(history, Sum(1, 11_000_000), 30, TODAY)
    bars = month(history, TODAY)
    assert len(bars) == DAYS
    assert [bar.sum for bar in bars[-3:]] == [None, Sum(10, 10_000_000), Sum(10, 20_000_000)]
    assert [bar.start for bar in bars[-2:]] == ["2026-11-24", TODAY]
    assert bars[0].start == "2026-10-27"


def test_a_clock_that_was_wrong_for_a_while_costs_no_day() -> None:
    history = History(days={"2026-11-24": Sum(10, 10)})
    history = advanced(history, Sum(1, 1), 10, "2031-01-01")
    history = advanced(history, Sum(2, 2), 20, TODAY)
    assert [bar.sum for bar in month(history, TODAY)[-2:]] == [Sum(10, 10_000_000), Sum(10, 10_000_000)]
    for number in range(1, 29):
        history = advanced(history, Sum(1, 1), 30, f"2032-02-{number:02}")
        history = advanced(history, Sum(1, 1), 30, f"2032-03-{number:02}")
    assert len(history.days) == DAYS_KEPT


def test_nothing_small_can_be_told_from_anything_else_small() -> None:
    assert Sum(1, 1).coarse == Sum(10, 9_999_999).coarse == Sum(10, 10_000_000)
    assert Sum(0, 0).coarse == Sum()
    assert Sum(11, 10_000_001).coarse == Sum(20, 20_000_000)


@given(st.integers(0, 10**7), st.integers(0, 10**15))
def test_rounding_never_hides_and_is_done_once(connections: int, count: int) -> None:
    coarse = Sum(connections, count).coarse
    assert 0 <= coarse.connections - connections < 10
    assert 0 <= coarse.bytes - count < 10_000_000
    assert coarse.coarse == coarse


def test_what_the_card_keeps_is_coarse_and_comes_back() -> None:
    history = History({7: Sum(3, 3)}, {TODAY: Sum(3, 12_345_678)}, Sum())
    kept = days_to_json(history)
    assert kept == {TODAY: [10, 20_000_000]}
    assert days_from_json(kept) == {TODAY: Sum(10, 20_000_000)}


@pytest.mark.parametrize(
    "damaged",
    [[], 7, {"x": [1, 2]}, {TODAY: [1]}, {TODAY: 1}, {TODAY: [-1, 2]}, {TODAY: ["1", 2]}, {"2026-1-1": [1, 2]}],
)
def test_what_is_no_record_is_refused(damaged: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        days_from_json(damaged)


def test_the_date_is_in_utc() -> None:
    assert date_of(datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC).timestamp()) == TODAY
