"""The states that porchlight can be in, and the rule that chooses one. No input or output here.

The order of the rule is the order of what helps the volunteer most: a missing cable explains an unreachable
upstream, and an unreachable upstream explains that nobody is connected. A relay that has reached its upstream has a
network by definition, whatever the routing table looks like: a laboratory may have no gateway at all. When the month's
data is used up, that explains everything, by the owner's own wish.
"""

from dataclasses import dataclass
from enum import StrEnum

from appliance.settings.problem import Problem
from appliance.status.relay import RelayStatus

# The relay publishes about once a second; past this many seconds of silence it is not alive. Less than the five
# seconds within which the lights must stop claiming that all is well.
STALE_AFTER = 3.5
# A card that has just booted may take this long until the relay speaks, in seconds since boot.
BOOT_TAKES = 120.0


class State(StrEnum):
    """What the lights show and ``/status.json`` names."""

    STARTING = "starting"
    NO_NETWORK = "no-network"
    UPSTREAM_UNREACHABLE = "upstream-unreachable"
    QUOTA_REACHED = "quota-reached"
    RELAYING = "relaying"
    RELAYING_IN_USE = "relaying-in-use"
    NEEDS_ATTENTION = "needs-attention"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the verdict depends on.

    Args:
        now: seconds since boot.
        relay: what the relay last said about itself, None when it never spoke since boot.
        connected: whether there is an address and a gateway.
        problems: what is wrong with the settings.
    """

    now: float
    relay: RelayStatus | None
    connected: bool
    problems: tuple[Problem, ...] = ()


def state_of(facts: Facts) -> State:
    """The one state that the facts add up to."""
    relay = facts.relay
    if relay is None:
        return State.STARTING if facts.now < BOOT_TAKES else State.STOPPED
    if facts.now - relay.written > STALE_AFTER or relay.phase == "stopping":
        return State.STOPPED
    if relay.phase == "starting":
        return State.STARTING
    if relay.quota and relay.quota.reached:
        return State.QUOTA_REACHED
    chat = relay.upstreams.get("chat")
    if chat is None or not chat.reachable:
        if not facts.connected:
            return State.NO_NETWORK
        return State.STARTING if chat is None or chat.reachable is None else State.UPSTREAM_UNREACHABLE
    if facts.problems or relay.troubles:
        return State.NEEDS_ATTENTION
    return State.RELAYING_IN_USE if relay.connections else State.RELAYING
