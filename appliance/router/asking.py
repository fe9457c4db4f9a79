"""One round: the router in each way that it may understand, and the outside meanwhile."""

from dataclasses import dataclass, replace
from typing import Any

from appliance.network.gateway import Gateway
from appliance.network.verdict import PortState
from appliance.router.aside import Aside
from appliance.router.by_igd import ByIgd
from appliance.router.by_natpmp import ByNatPmp
from appliance.router.by_pcp import ByPcp
from appliance.router.look import Look, Way
from appliance.router.patience import Patience
from appliance.router.surroundings import look_outside, page_of

# Seconds. The verdict has to stand after ten, whatever does not answer: name servers, the outside, the router.
ROUND = 9.0
# Seconds for a router that is there and slow, once a first verdict stands.
LONG_ROUND = 30.0
# Seconds for the router's page, which answers or does not.
PAGE = 1.5
# Seconds that the outside has, from the beginning of a round: name servers that do not answer take the most of it.
# What the child has found out by the time that the router is done is heard in any case.
OUTSIDE = 6.0
LEAST = 0.2
NOTHING = Look("")


@dataclass(frozen=True, slots=True)
class Outside:
    """What ``surroundings.py`` has found out; each empty if unknown."""

    seen: str = ""
    beyond: str = ""
    page: str = ""


def ways_to(gateway: Gateway, key: bytes, former: str = "") -> tuple[Way, ...]:
    """How to ask this router, in this order.

    Args:
        gateway: the router.
        key: where PCP's nonces come from.
        former: the address that this device had in the same network before; empty for none.
    """
    if ":" in gateway.address:
        return (ByPcp(gateway, key),)
    return ByPcp(gateway, key), ByNatPmp(gateway), ByIgd(gateway, former)


def ask_all(ways: tuple[Way, ...], ports: tuple[int, ...], patience: Patience) -> tuple[Look, Way | None]:
    """Ask in one way after another, until one says all that can be said.

    Returns:
        What was found out, and the way that it came by: the first that could open something, or else the first that
        was understood, with the outer address of whichever told it. ``NOTHING`` and None when no way was understood.
    """
    best, by = NOTHING, None
    for way in ways:
        found = way.look(ports, patience)
        if found is None:
            continue
        if by is None or (_opens(found) and not _opens(best)):
            found, by = replace(found, outer=found.outer or best.outer), way
            best = replace(found, no_outer=found.no_outer or best.no_outer)
        else:
            best = replace(best, outer=best.outer or found.outer, no_outer=best.no_outer or found.no_outer)
        if best.settled or _opens(best):
            break
    return best, by


def ask_outside(servers: tuple[str, ...], gateway: Gateway) -> Aside:
    """Start looking from outside; ``outside_of`` makes something of the result."""

    def work() -> dict[str, Any]:
        return {**look_outside(servers, gateway.own), "page": page_of(gateway.address)}

    return Aside(work, ROUND)


def outside_of(aside: Aside, patience: Patience) -> Outside:
    """What the look from outside has found out."""
    found = aside.result(patience)
    return Outside(**found) if isinstance(found, dict) else Outside()


def page_at(gateway: Gateway) -> Outside:
    """Where the router's own page is, and nothing else."""
    if ":" in gateway.address:
        return Outside()
    aside = Aside(lambda: {"page": page_of(gateway.address)}, PAGE)
    return outside_of(aside, Patience.of(PAGE))


def _opens(look: Look) -> bool:
    return PortState.MAPPED in look.ports.values()
