"""The states that porchlight can be in, and the rule that chooses one. No input or output here.

The order of the rule is the order of what helps the volunteer most:

1. What decides whether the plug may be pulled now comes before everything: it is shut down, or an update is at work.
2. A relay that does not run explains all the rest.
3. So does the owner's own wish: switched off, paused, or the month's data used up.
4. From the house outwards: a missing cable explains an unreachable upstream, and an unreachable upstream explains that
   nobody is connected. A relay that has reached its upstream has a network by definition, whatever the routing table
   looks like: a laboratory may have no gateway at all.
5. A card that works and has no owner waits for one; what else is wrong, the owner reads on the page.
6. A relay that works and that nobody reaches from outside.
7. What works and needs somebody: the device first, since it may stop, then the settings, then the rest.
"""

from collections.abc import Iterable
from enum import StrEnum

from appliance.settings.problem import Problem, Severity
from appliance.status.facts import STALE_AFTER, Facts
from appliance.status.relay import RelayStatus

__all__ = ["BOOT_TAKES", "STALE_AFTER", "Facts", "State", "state_of"]

# A card that has just booted may take this long until the relay speaks, in seconds since boot.
BOOT_TAKES = 120.0

# Which checks (``appliance.health``) have a pattern of their own; all others share ``needs-attention``.
NOT_REACHED = frozenset({"not-reached", "cgnat"})
HARDWARE = frozenset({"low-voltage", "too-hot", "card-failing", "card-full", "data-lost"})
MISTAKES = frozenset({"settings"})


class State(StrEnum):
    """What the lights show and ``/status.json`` names."""

    STARTING = "starting"
    WAITING_TO_BE_CLAIMED = "waiting-to-be-claimed"
    NO_NETWORK = "no-network"
    UPSTREAM_UNREACHABLE = "upstream-unreachable"
    NOT_REACHABLE = "not-reachable"
    RELAYING = "relaying"
    RELAYING_IN_USE = "relaying-in-use"
    QUOTA_REACHED = "quota-reached"
    PAUSED = "paused"
    UPDATING = "updating"
    SETTINGS_MISTAKEN = "settings-mistaken"
    NEEDS_ATTENTION = "needs-attention"
    HARDWARE_TROUBLE = "hardware-trouble"
    STOPPED = "stopped"
    SAFE_TO_UNPLUG = "safe-to-unplug"


def state_of(facts: Facts, problems: Iterable[Problem] = ()) -> State:
    """The one state that the facts add up to.

    Args:
        facts: what is known.
        problems: what the checks make of them (``appliance.health.registry.problems_of``).
    """
    if facts.halting:
        return State.SAFE_TO_UNPLUG if facts.stored else State.STOPPED
    if facts.update and facts.update.at_work:
        return State.UPDATING
    relay = facts.relay
    if relay is None:
        return State.STARTING if facts.now < BOOT_TAKES else State.STOPPED
    if facts.now - relay.written > STALE_AFTER or relay.phase == "stopping":
        return State.STOPPED
    if relay.phase == "starting":
        return State.STARTING
    return _resting(relay) or _way_out(facts, relay) or _at_work(facts, relay, problems)


def _resting(relay: RelayStatus) -> State | None:
    """The owner's own wish that nobody is let in."""
    if relay.resting in ("off", "paused"):
        return State.PAUSED
    return State.QUOTA_REACHED if relay.quota and relay.quota.reached else None


def _way_out(facts: Facts, relay: RelayStatus) -> State | None:
    """What is in the way to WhatsApp."""
    chat = relay.upstreams.get("chat")
    if chat and chat.reachable:
        return None
    if not facts.connected:
        return State.NO_NETWORK
    return State.STARTING if chat is None or chat.reachable is None else State.UPSTREAM_UNREACHABLE


def _at_work(facts: Facts, relay: RelayStatus, problems: Iterable[Problem]) -> State:
    """How a relay does that reaches WhatsApp."""
    if facts.page and facts.page.ownership == "unclaimed":
        return State.WAITING_TO_BE_CLAIMED
    wrong = {one.id for one in problems if one.severity is not Severity.NOTICE}
    for ids, state in (
        (NOT_REACHED, State.NOT_REACHABLE),
        (HARDWARE, State.HARDWARE_TROUBLE),
        (MISTAKES, State.SETTINGS_MISTAKEN),
    ):
        if wrong & ids:
            return state
    if wrong:
        return State.NEEDS_ATTENTION
    return State.RELAYING_IN_USE if relay.used_lately else State.RELAYING
