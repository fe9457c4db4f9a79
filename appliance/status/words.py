"""What each state means for a volunteer, in plain words: the page, the screen and ``porchlight check`` read it here."""

from dataclasses import dataclass

from appliance.status.relay import QuotaStatus, RelayStatus
from appliance.status.state import State


@dataclass(frozen=True, slots=True)
class Words:
    """One state in words.

    Args:
        title: a few words, for a headline.
        means: what it means for the people who use the relay.
        todo: what the volunteer does now.
    """

    title: str
    means: str
    todo: str

    def __str__(self) -> str:
        return f"{self.title}. {self.means} {self.todo}"


WORDS: dict[State, Words] = {
    State.STARTING: Words(
        "Getting ready",
        "Your porchlight is starting and looks for WhatsApp.",
        "Nothing to do: this takes a minute or two after the power comes on.",
    ),
    State.NO_NETWORK: Words(
        "No connection to the internet",
        "Your porchlight has no way out, so nobody can use it at the moment.",
        "Check that the network cable sits tight at both ends and that your router is on. The rest happens by itself.",
    ),
    State.UPSTREAM_UNREACHABLE: Words(
        "WhatsApp does not answer",
        "Your home network works, but WhatsApp cannot be reached from it. Nobody can use the relay meanwhile.",
        "Check whether other web pages open in your home. If they do, wait: porchlight keeps trying by itself.",
    ),
    State.QUOTA_REACHED: Words(
        "Resting until next month",
        "Your porchlight has passed on as much data as you allow in a month. Nobody can use it until the next one "
        "begins.",
        "Nothing to do: it goes on by itself on the first. To go on now, raise monthly_quota in porchlight.toml.",
    ),
    State.RELAYING: Words(
        "All is well",
        "Your porchlight is on and reaches WhatsApp. Nobody is connected at this moment.",
        "Nothing to do. People find you by the link that you share with them.",
    ),
    State.RELAYING_IN_USE: Words(
        "People are connected",
        "Your porchlight is on, and somebody reaches WhatsApp through it right now.",
        "Nothing to do. Thank you for leaving the light on.",
    ),
    State.NEEDS_ATTENTION: Words(
        "Working, but something needs you",
        "People can write to each other through your porchlight, but not everything works as it should.",
        "Read on the setup page what it is, and follow it when you have a moment.",
    ),
    State.STOPPED: Words(
        "The relay is not running",
        "Nobody can use your porchlight at the moment.",
        "It tries to start again by itself. If this stays for five minutes, unplug the power, wait ten seconds and "
        "plug it in again.",
    ),
}


def people(relay: RelayStatus | None) -> str:
    """How many people are connected, as coarse as a neighbour needs to know.

    One person's app keeps a few connections open, and an exact number at an exact moment could give somebody away,
    so the numbers are round and speak of connections.
    """
    at_most = rounded_up(relay.connections if relay else 0)
    return "Nobody is connected" if at_most == 0 else f"Up to {at_most:,} connections"


def data_used(quota: QuotaStatus) -> str:
    """How much of the month's data is used up, in whole hundredths."""
    part = min(100, quota.used * 100 // quota.limit)
    return f"{part} % of {data(quota.limit)} used"


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
