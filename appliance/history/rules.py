"""Which bytes belong to which quarter of an hour and which day, and how exactly that may be told. No input or output.

A relay may have one single user, and then a curve of the day says when that person wrote
(``appliance/page/coarse.py``). So what is shown is rounded up to tens of connections and to 10 MB: one letter looks
like a photo, and one person like ten. And the quarters of an hour stay in memory: the card keeps whole days alone, so
that who takes it away learns how much it was used and not when.

The day runs by the time since boot, which is always right; the month by the date, once somebody has told it. What was
relayed before that belongs to the day that is then told.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.page.coarse import BYTES, EVENTS

# Seconds of one slot of the day's chart, and how many slots that are.
SLOT = 900
SLOTS = 96
# Days in the month's chart, and kept: some more, for a clock that was wrong for a while.
DAYS = 30
DAYS_KEPT = 40
DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sum:
    """What was relayed in some time: new connections, and bytes of both directions."""

    connections: int = 0
    bytes: int = 0

    def __add__(self, more: "Sum") -> "Sum":
        return Sum(self.connections + more.connections, self.bytes + more.bytes)

    def __bool__(self) -> bool:
        return bool(self.connections or self.bytes)

    @property
    def coarse(self) -> "Sum":
        """As exactly as it may be shown or kept: rounded up."""
        return Sum(-(-self.connections // EVENTS) * EVENTS, -(-self.bytes // BYTES) * BYTES)


@dataclass(frozen=True, slots=True)
class History:
    """The past.

    Args:
        slots: by number of the slot since boot.
        days: by date in UTC, such as ``2026-11-25``.
        undated: what was relayed since boot before anybody told the date.
    """

    slots: Mapping[int, Sum] = field(default_factory=dict)
    days: Mapping[str, Sum] = field(default_factory=dict)
    undated: Sum = Sum()


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart.

    Args:
        start: of its time: seconds since boot for a slot, the date for a day.
        sum: what may be shown; None for a time of which nothing is known.
    """

    start: int | str
    sum: Sum | None


def date_of(wall: float) -> str:
    """The date in UTC, which is what the card's clock shows.

    Args:
        wall: seconds since 1970.
    """
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d")


def advanced(history: History, more: Sum, now: float, date: str | None) -> History:
    """The history a while later.

    Args:
        history: before.
        more: what was relayed since.
        now: seconds since boot.
        date: which day it is, None while nobody has told it.
    """
    slot = int(now // SLOT)
    slots = {number: one for number, one in history.slots.items() if slot - SLOTS < number <= slot}
    slots[slot] = slots.get(slot, Sum()) + more
    if date is None:
        return History(slots, history.days, history.undated + more)
    days = {**history.days, date: history.days.get(date, Sum()) + history.undated + more}
    return History(slots, {one: days[one] for one in sorted(days)[-DAYS_KEPT:]})


def day(history: History, now: float) -> list[Bar]:
    """The last 24 hours, the oldest first; before the device was switched on nothing is known.

    Args:
        history: what is known.
        now: seconds since boot.
    """
    last = int(now // SLOT)
    numbers = range(last - SLOTS + 1, last + 1)
    return [Bar(number * SLOT, history.slots[number].coarse if number in history.slots else None) for number in numbers]


def month(history: History, date: str) -> list[Bar]:
    """The last 30 days, the oldest first.

    Args:
        history: what is known.
        date: today's.
    """
    today = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC)
    dates = [(today - timedelta(days=ago)).strftime("%Y-%m-%d") for ago in reversed(range(DAYS))]
    return [Bar(one, history.days[one].coarse if one in history.days else None) for one in dates]


def days_to_json(history: History) -> dict[str, list[int]]:
    """The days as the card keeps them."""
    coarse = {date: one.coarse for date, one in history.days.items()}
    return {date: [one.connections, one.bytes] for date, one in coarse.items()}


def days_from_json(raw: Any) -> dict[str, Sum]:
    """The days from the card.

    Raises:
        ValueError: these are none.
    """
    try:
        found = {}
        for date, numbers in raw.items():
            connections, count = numbers
            if not DATE.fullmatch(date) or not all(type(one) is int and one >= 0 for one in numbers):
                raise ValueError(f"no day: {date}")
            found[date] = Sum(connections, count)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"no days: {error}") from error
    return {date: found[date] for date in sorted(found)[-DAYS_KEPT:]}
