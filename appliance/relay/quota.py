"""The month's quota: which bytes belong to which month, and when the relay rests. No input or output here.

A Pi has no clock of its own. At each start it believes that it is 1970, or the day on which its card was built, until a
time server tells better; and a time server can be wrong too. Three things must not happen: that bytes are
forgotten, that the relay takes a wrong clock for the next month and spends it early, and that it never comes back.
So (``advanced``):

- While nobody has told the time, the month stays what it was. Bytes of that while have no date yet. They count on top
  of the last known month, and when the time is known they belong to the month that it is then.
- A later month begins at nothing.
- An earlier month than the last one means that one of the two clocks was wrong, and nobody knows which. Everything
  that was counted in the later month counts in the earlier one too, and what comes counts in both, so that either way
  nothing is missing. A later month that the clock then passes by never was, and is dropped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

# A relayed byte passes the home's line twice: in from the one side and out to the other. Providers count both.
PASSES = 2
# The months that are kept beside the present one: the one before, and later ones after the clock went back.
MONTHS_KEPT = 4
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted.

    Args:
        month: which month it was when somebody last told the time, such as ``2026-11``; empty when nobody ever did.
        months: bytes by month, as the provider counts them.
        undated: bytes since then, while nobody has told the time.
    """

    month: str = ""
    months: Mapping[str, int] = field(default_factory=dict)
    undated: int = 0

    @property
    def used(self) -> int:
        """The bytes that count against the quota now."""
        return self.months.get(self.month, 0) + self.undated


def month_of(wall: float) -> str:
    """The month in UTC, which is what the card's clock shows.

    Args:
        wall: seconds since 1970.
    """
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m")


def advanced(count: Count, relayed: int, month: str | None) -> Count:
    """The count a while later.

    Args:
        count: before.
        relayed: bytes relayed since, both directions added up.
        month: which month it is now, None while nobody has told the time.
    """
    more = relayed * PASSES
    if month is None:
        return replace(count, undated=count.undated + more) if more else count
    if month == count.month and not more and not count.undated:
        return count
    months = dict(count.months)
    if month > count.month:
        months = {one: number for one, number in months.items() if one <= month}
        months.setdefault(month, 0)
    elif month < count.month:
        months[month] = months.get(month, 0) + months.get(count.month, 0)
    for one in months:
        if one >= month:
            months[one] += more + count.undated
    return Count(month, _kept(months, month))


def _kept(months: dict[str, int], month: str) -> dict[str, int]:
    """The present month, the one before it, and the nearest of those that were taken for later ones."""
    ordered = sorted(months)
    first = max(0, ordered.index(month) - 1)
    return {one: months[one] for one in ordered[first : first + MONTHS_KEPT]}


def to_json(count: Count) -> dict[str, Any]:
    """The count as it is kept in a file."""
    return {"month": count.month, "months": dict(count.months), "undated": count.undated}


def from_json(raw: Any) -> Count:
    """The count from a file.

    Raises:
        ValueError: this is no count.
    """
    try:
        found = Count(raw["month"], dict(raw["months"]), raw["undated"])
        numbers = [*found.months.values(), found.undated]
        names = [*found.months, *([found.month] if found.month else [])]
        fine = all(type(one) is int and one >= 0 for one in numbers) and all(MONTH.fullmatch(one) for one in names)
    except (TypeError, KeyError) as error:
        raise ValueError(f"no count of the month's data: {error}") from error
    if not fine or not isinstance(found.month, str) or (found.month and found.month not in found.months):
        raise ValueError("no count of the month's data")
    return found
