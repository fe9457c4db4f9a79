"""Collecting the facts: the thin part that reads files and asks the kernel, for whoever needs the verdict."""

from dataclasses import dataclass

from appliance.clock import since_boot
from appliance.network.home import Home, look
from appliance.paths import Paths
from appliance.settings.load import Loaded, load
from appliance.status import relay
from appliance.status.state import Facts, State, state_of

# Seconds between two looks of a Watch at the network and the settings.
SLOW_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class Situation:
    """How porchlight is doing now: the verdict and everything that it rests on."""

    state: State
    facts: Facts
    home: Home
    loaded: Loaded


def situation(paths: Paths) -> Situation:
    """Gather the facts once and reach the verdict.

    Args:
        paths: where this instance keeps its files.
    """
    return _judge(paths, look(), load(paths))


class Watch:
    """The same verdict again and again, for whoever asks several times a second.

    The relay's status is read each time. The network and the settings cost twenty times as much and change at the pace
    of a hand, so they are looked at every ``SLOW_LOOK`` seconds: two full looks a second would take about two per cent
    of a Pi 3.

    Args:
        paths: where this instance keeps its files.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._slow: tuple[Home, Loaded] | None = None
        self._slow_until = 0.0

    def situation(self) -> Situation:
        """The verdict now."""
        now = since_boot()
        if self._slow is None or now >= self._slow_until:
            self._slow = look(), load(self._paths)
            self._slow_until = now + SLOW_LOOK
        return _judge(self._paths, *self._slow)


def _judge(paths: Paths, home: Home, loaded: Loaded) -> Situation:
    facts = Facts(since_boot(), relay.read(paths.relay_status), home.connected, loaded.problems)
    return Situation(state_of(facts), facts, home, loaded)
