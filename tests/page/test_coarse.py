"""What ``/metrics`` may tell: never one connection, never one moment."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from appliance.page.coarse import BYTES, EVENTS, STAND_STILL, Standing, coarse
from appliance.status.relay import QuotaStatus, RelayStatus

NUMBERS = st.integers(0, 10**13)


def status(number: int, classes: dict[str, int] | None = None) -> RelayStatus:
    return RelayStatus(
        1.0,
        "1",
        "running",
        counters={"connections": {"443": number}, "bytes_to_people": {"443": number}},
        by_reason={"refused": {"443": {"late": number}}, "session_seconds": {"443": classes or {}}},
        quota=QuotaStatus(1000, number, "2026-11"),
    )


@given(NUMBERS, NUMBERS)
def test_what_is_told_is_round_never_too_much_and_never_falls(one: int, other: int) -> None:
    less, more = coarse(status(min(one, other))), coarse(status(max(one, other)))
    for name, step in (("connections", EVENTS), ("bytes_to_people", BYTES)):
        told = more.counters[name]["443"]
        assert told % step == 0
        assert 0 <= max(one, other) - told < step
        assert less.counters[name]["443"] <= told
    reasons = more.by_reason.get("refused", {}).get("443", {})
    assert reasons.get("late", 0) == max(one, other) // EVENTS * EVENTS
    assert more.quota_used is not None
    assert less.quota_used is not None
    assert less.quota_used <= more.quota_used <= 1.0


def test_nine_people_do_not_show() -> None:
    measures = coarse(status(9, {"1": 4, "+Inf": 5}))
    assert measures.counters["connections"]["443"] == 0
    # Not even by the name of what happened to them.
    assert measures.by_reason == {}
    assert measures.histograms == {}


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_a_histogram_never_falls_from_class_to_class(numbers: list[int]) -> None:
    told = coarse(status(0, {str(number): value for number, value in enumerate(numbers)})).histograms
    classes = list(told.get("session_seconds", {}).get("443", {"": 0}).values())
    assert classes == sorted(classes)
    assert classes[-1] == sum(numbers) // EVENTS * EVENTS


def test_the_numbers_stand_still_for_a_while_and_then_follow() -> None:
    standing = Standing()
    first = standing.measures(replace(status(100), connections=7), 5000.0)
    assert first.connections == 10
    assert standing.measures(status(900), 5000.0 + STAND_STILL - 1) == first
    assert standing.measures(status(900), 5000.0 + STAND_STILL).counters["connections"]["443"] == 900


def test_without_a_limit_no_quota_is_told() -> None:
    assert coarse(RelayStatus(1.0, "1", "running")).quota_used is None
