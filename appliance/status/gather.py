"""Collecting the facts: the thin part that reads files and asks the kernel, for whoever needs the verdict."""

from dataclasses import dataclass

from appliance.clock import since_boot
from appliance.network.home import Home, look
from appliance.paths import Paths
from appliance.settings.load import Loaded, load
from appliance.status import relay
from appliance.status.state import Facts, State, state_of


@dataclass(frozen=True, slots=True)
class Situation:
    """How porchlight is doing now: the verdict and everything that it rests on."""

    state: State
    facts: Facts
    home: Home
    loaded: Loaded


def situation(paths: Paths, *, needs_network: bool = True) -> Situation:
    """Gather the facts and reach the verdict.

    Args:
        paths: where this instance keeps its files.
        needs_network: False for the demo, whose upstream is on this very machine.
    """
    home = look()
    loaded = load(paths)
    connected = home.connected or not needs_network
    facts = Facts(since_boot(), relay.read(paths.relay_status), connected, loaded.problems)
    return Situation(state_of(facts), facts, home, loaded)
