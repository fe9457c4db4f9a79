"""The month's quota: the rules by themselves, and what the meter keeps over restarts, power cuts and damage."""

import itertools
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import clock
from appliance.relay import meter
from appliance.relay.meter import DAMAGED, NO_CLOCK, WRITE_EVERY, Meter
from appliance.relay.quota import MONTHS_KEPT, PASSES, Count, advanced, from_json, month_of, to_json
from appliance.status.relay import QuotaStatus

LIMIT = 1000
NOVEMBER, DECEMBER = "2026-11", "2026-12"
MONTHS = st.sampled_from(["1970-01", "2026-10", NOVEMBER, DECEMBER, "2027-01", "2036-02"])
STEPS = st.lists(st.tuples(st.integers(0, 1000), st.none() | MONTHS), max_size=30)


def at(month: str) -> float:
    """Noon on the second day of a month, in seconds since 1970."""
    return datetime.fromisoformat(f"{month}-02T12:00:00+00:00").timestamp()


def counted(*steps: tuple[int, str | None]) -> Count:
    count = Count()
    for relayed, month in steps:
        count = advanced(count, relayed, month)
    return count


def test_a_byte_counts_twice_since_it_passes_the_line_twice() -> None:
    assert PASSES == 2
    assert counted((100, NOVEMBER), (50, NOVEMBER)).used == 300


def test_the_next_month_begins_at_nothing() -> None:
    assert counted((100, NOVEMBER), (0, DECEMBER)).used == 0
    assert counted((100, NOVEMBER), (7, DECEMBER)).used == 14
    assert month_of(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp()) == NOVEMBER
    assert month_of(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) == DECEMBER


def test_without_a_clock_the_month_goes_on() -> None:
    count = counted((100, NOVEMBER), (5, None))
    assert (count.month, count.used) == (NOVEMBER, 210)
    # What came in that while belongs to the month that is then told, whichever it is.
    assert advanced(count, 0, NOVEMBER).used == 210
    assert advanced(count, 0, DECEMBER).used == 10


def test_a_clock_that_goes_back_gives_nothing_back() -> None:
    back = counted((100, NOVEMBER), (5, DECEMBER), (1, NOVEMBER))
    assert back.used == 212
    # If December was right after all, nothing of it is missing either.
    assert advanced(back, 0, DECEMBER).used == 12


def test_a_clock_that_was_far_ahead_does_not_stay_in_the_way() -> None:
    mended = counted((100, NOVEMBER), (5, "2036-02"), (1, NOVEMBER))
    assert mended.used == 212
    assert advanced(mended, 3, DECEMBER).used == 6
    assert advanced(advanced(mended, 3, DECEMBER), 0, "2036-02").used == 0


@given(STEPS, st.integers(0, 1000))
def test_without_a_later_month_no_byte_is_ever_missing(steps: list[tuple[int, str | None]], more: int) -> None:
    """Whatever the clock did before: from now on, as long as no later month is told, the count only grows."""
    count = counted(*steps)
    for month in (None, count.month or None, "1970-01", None, "1970-01"):
        later = advanced(count, more, month)
        assert later.used >= count.used + more * PASSES
        count = later


@given(STEPS)
@pytest.mark.costly
def test_all_bytes_of_one_month_count_in_it(steps: list[tuple[int, str | None]]) -> None:
    """Bytes that were relayed since the clock last entered the month for good are all there."""
    count = counted(*steps)
    if not count.month:
        assert count.used == PASSES * sum(relayed for relayed, _month in steps)
        return
    here = list(itertools.takewhile(lambda step: step[1] in (None, count.month), reversed(steps)))
    assert count.used >= PASSES * sum(relayed for relayed, _month in here)
    assert len(count.months) <= MONTHS_KEPT
    assert from_json(json.loads(json.dumps(to_json(count)))) == count


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["month", "months", "undated", NOVEMBER]), inner, max_size=4)
        ),
    )
)
@pytest.mark.costly
def test_nonsense_is_no_count(raw: object) -> None:
    try:
        found = from_json(raw)
    except ValueError:
        return
    assert found.used >= 0


class Bench:
    """A meter with its two files, and the two clocks in the test's hand."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.card, self.ram = folder / "card" / "month.json", folder / "ram" / "month.json"
        for file in (self.card, self.ram):
            file.parent.mkdir()
        self.wall: float | None = at(NOVEMBER)
        self.uptime = 100_000.0
        monkeypatch.setattr(meter, "since_boot", lambda: self.uptime)
        self.relayed = 0
        self.meter = self.fresh()

    def fresh(self) -> Meter:
        """The service has started anew."""
        self.relayed = 0
        self.meter = Meter(self.card, self.ram, lambda: self.wall)
        return self.meter

    def cut(self) -> None:
        """The power was away: what was in RAM is gone, and time since boot begins anew."""
        self.ram.unlink(missing_ok=True)
        self.uptime = 30.0
        self.fresh()

    def relay(self, count: int = 0, *, after: float = 1.0, limit: int = LIMIT) -> QuotaStatus:
        self.uptime += after
        self.relayed += count
        status = self.meter.turn(limit, self.relayed)
        assert status is not None
        return status


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_at_the_limit_it_is_reached(bench: Bench) -> None:
    assert not bench.relay(499).reached
    assert bench.relay(1) == QuotaStatus(LIMIT, 1000, NOVEMBER)
    assert bench.relay().reached
    assert not bench.relay(limit=2 * LIMIT).reached
    bench.wall = at(DECEMBER)
    assert bench.relay() == QuotaStatus(LIMIT, 0, DECEMBER)


def test_without_a_quota_nothing_is_counted_and_nothing_written(bench: Bench) -> None:
    assert bench.meter.turn(0, 10**12) is None
    bench.uptime += 10 * WRITE_EVERY
    assert bench.meter.turn(0, 2 * 10**12) is None
    assert not bench.card.exists()
    assert not bench.ram.exists()
    # What was relayed before somebody set a quota does not count against it.
    bench.relayed = 2 * 10**12
    assert bench.relay(3).used == 6


@pytest.mark.slow
def test_the_card_is_written_at_most_once_in_half_an_hour(bench: Bench) -> None:
    written = []
    former = None
    for _ in range(4 * 3600):
        bench.relay(1)
        now = bench.card.stat().st_ino if bench.card.exists() else None
        if now != former:
            former = now
            written.append(bench.uptime)
    assert len(written) == 4 * 2
    assert all(later - earlier >= WRITE_EVERY for earlier, later in itertools.pairwise(written))
    # And not at all when there is nothing new.
    stamp = bench.card.stat().st_mtime_ns
    bench.relay(after=WRITE_EVERY)
    stamp = bench.card.stat().st_mtime_ns
    bench.relay(after=WRITE_EVERY)
    assert bench.card.stat().st_mtime_ns == stamp


def test_restarts_of_the_service_lose_nothing_and_write_no_oftener(bench: Bench) -> None:
    bench.relay(10)
    stamp = bench.card.stat().st_mtime_ns
    for number in range(20):
        bench.fresh()
        assert bench.relay(1).used == 20 + 2 * (number + 1)
    assert bench.card.stat().st_mtime_ns == stamp
    bench.fresh()
    bench.relay(after=WRITE_EVERY)
    assert bench.card.stat().st_mtime_ns > stamp


def test_a_power_cut_costs_at_most_the_last_ten_minutes(bench: Bench) -> None:
    bench.relay(100)
    bench.relay(100, after=WRITE_EVERY)
    bench.relay(7)
    bench.cut()
    assert bench.relay().used == 400
    # A card that is cut off every few minutes is not written at every start.
    stamp = bench.card.stat().st_mtime_ns
    bench.relay(100, after=WRITE_EVERY - 60)
    assert bench.card.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("wrong", [None, 0.0, at("2026-01"), at("2026-10")])
def test_a_clock_that_is_not_set_after_a_power_cut_resumes_nothing(bench: Bench, wrong: float | None) -> None:
    bench.relay(500, after=WRITE_EVERY)
    bench.cut()
    bench.wall = wrong
    assert bench.relay().reached
    bench.wall = at(NOVEMBER)
    assert bench.relay().reached
    bench.wall = at(DECEMBER)
    assert not bench.relay().reached


def test_a_clock_that_stays_unset_is_said_after_a_while(bench: Bench) -> None:
    bench.cut()
    bench.wall = None
    assert bench.relay(1).trouble == ""
    assert bench.relay(1, after=WRITE_EVERY).trouble == NO_CLOCK
    bench.wall = at(NOVEMBER)
    assert bench.relay(1) == QuotaStatus(LIMIT, 6, NOVEMBER)


@pytest.mark.parametrize("damage", ["", "{}", "[]", "null", '{"count": 1, "crc32": 2}', "\0\0\0", "digit"])
def test_a_damaged_count_is_put_aside_and_said(bench: Bench, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    bench.relay(300, after=WRITE_EVERY)
    whole = bench.card.read_text()
    assert "600" in whole
    bench.card.write_text(whole.replace("600", "100") if damage == "digit" else damage)
    damaged = bench.card.read_text()
    bench.cut()
    assert bench.relay(1) == QuotaStatus(LIMIT, 2, NOVEMBER, DAMAGED)
    assert bench.card.with_suffix(".damaged").read_text() == damaged
    assert DAMAGED in caplog.text
    # It is told for the rest of the month, and then it is over.
    assert bench.relay(1, after=WRITE_EVERY).trouble == DAMAGED
    bench.wall = at(DECEMBER)
    assert bench.relay().trouble == ""


def test_a_card_that_cannot_be_written_is_said_and_not_tried_all_the_time(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    # Folders where files should be: neither readable nor replaceable, as on a failing card, also for root.
    for file in (bench.card, bench.card.with_suffix(".damaged")):
        (file / "x").mkdir(parents=True)
    status = bench.relay(1, after=WRITE_EVERY)
    assert "cannot be written" in status.trouble
    for _ in range(100):
        assert "cannot be written" in bench.relay(1).trouble
    assert "cannot be written" in bench.relay(1, after=WRITE_EVERY).trouble
    assert len(caplog.records) == 2
    assert status.used == 2


def test_the_clock_is_believed_when_timesyncd_has_set_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYSTEMD", "TIMESYNCD", "SYNCHRONIZED"):
        monkeypatch.setattr(clock, name, tmp_path / name)
    # Without timesyncd somebody else looks after the clock, unless it shows a time that is past.
    assert clock.told() is not None
    monkeypatch.setattr(time, "time", lambda: 3600.0)
    assert clock.told() is None
    monkeypatch.undo()
    for name in ("SYSTEMD", "TIMESYNCD", "SYNCHRONIZED"):
        monkeypatch.setattr(clock, name, tmp_path / name)
    (tmp_path / "SYSTEMD").mkdir()
    (tmp_path / "TIMESYNCD").touch()
    assert clock.told() is None
    (tmp_path / "SYNCHRONIZED").touch()
    assert clock.told() is not None
