"""Numbers in plain words, as the page, the screen and ``porchlight check`` say them.

The states in words stand in ``appliance.lights.language``, beside their patterns.
"""

from appliance.status.relay import QuotaStatus, RelayStatus
from appliance.text import Text, text


def people(relay: RelayStatus | None) -> Text:
    """How many people are connected, as coarse as a neighbour needs to know.

    One person's app keeps a few connections open, and an exact number at an exact moment could give somebody away,
    so the numbers are round and speak of connections.
    """
    at_most = rounded_up(relay.connections if relay else 0)
    if at_most == 0:
        return text("Nobody is connected")
    return text("Up to %(number)s connections", number=f"{at_most:,}")


def data_used(quota: QuotaStatus) -> Text:
    """How much of the month's data is used up, in whole hundredths."""
    part = min(100, quota.used * 100 // quota.limit)
    return text("%(part)s %% of %(limit)s used", part=part, limit=data(quota.limit))


def data(number: int) -> str:
    """An amount of data in the largest unit that it reaches, with one decimal at most: ``200 GB``, ``1.5 TB``."""
    for unit, size in (("TB", 10**12), ("GB", 10**9)):
        if number >= size:
            return f"{number / size:,.1f}".removesuffix(".0") + f" {unit}"
    return f"{number / 10**6:.1f}".removesuffix(".0") + " MB"


def rounded_up(connections: int) -> int:
    """The next round number: 0, 10, 20 … 100, 200 … 1,000, 2,000 …; never below ``connections``."""
    if connections <= 0:
        return 0
    step = 10
    while step * 10 < connections:
        step *= 10
    return -(-connections // step) * step
