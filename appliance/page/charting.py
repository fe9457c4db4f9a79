"""The charts of the last day and the last month, as the start page shows them."""

from collections.abc import Sequence

from flask_babel import gettext
from markupsafe import Markup

from appliance.clock import since_boot, told
from appliance.history import keeper
from appliance.history.chart import chart
from appliance.history.rules import Bar, History, date_of, day, month
from appliance.paths import Paths
from appliance.status.words import data


def charts(paths: Paths) -> list[Markup]:
    """The last day, and the last month once somebody has told the date; none while nothing was relayed.

    Args:
        paths: where this instance keeps its files.
    """
    history, wall = keeper.stored(paths), told()
    drawn = [_drawn(day(history, since_boot()), "day", gettext("The last 24 hours"), gettext("24 hours ago"))]
    if wall is not None:
        bars = month(history, date_of(wall))
        drawn.append(_drawn(bars, "month", gettext("The last 30 days"), gettext("30 days ago")))
    return [one for one in drawn if one]


def of_this_month(paths: Paths) -> str:
    """How much was relayed this month, rounded up; empty when nobody has told the date, or when it was nothing."""
    wall = told()
    return "" if wall is None else _sum(keeper.stored(paths), date_of(wall)[:7])


def _sum(history: History, this_month: str) -> str:
    total = sum(one.coarse.bytes for date, one in history.days.items() if date.startswith(this_month))
    return data(total) if total else ""


def _drawn(bars: Sequence[Bar], name: str, title: str, first: str) -> Markup | None:
    values = [one.sum.bytes if one.sum else None for one in bars]
    known = [one for one in values if one is not None]
    if not any(known):
        return None
    top = data(max(known))
    said = gettext("%(total)s in all, %(most)s at most in one bar.", total=data(sum(known)), most=top)
    picture = chart(values, name=name, title=title, description=said, first=first, last=gettext("now"), top=top)
    return Markup("<h3>{}</h3>{}").format(title, Markup(picture))  # noqa: S704 - it escapes what stands in it
