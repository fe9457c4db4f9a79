"""What one way of asking the router has found out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from appliance.network.verdict import PortState
from appliance.router.patience import Patience


@dataclass(frozen=True, slots=True)
class Look:
    """The router's answers to one round of questions.

    Args:
        method: ``PCP``, ``NAT-PMP`` or ``UPnP``.
        ports: what became of each port.
        outer: the router's outer address as it says; empty if it did not.
        no_outer: whether it refused as a router does that has no outer address of use.
        unfinished: whether it is there, but too slow for the time that there was.
    """

    method: str
    ports: Mapping[int, PortState] = field(default_factory=dict)
    outer: str = ""
    no_outer: bool = False
    unfinished: bool = False

    @property
    def settled(self) -> bool:
        """Whether asking in another way can tell nothing more."""
        states = set(self.ports.values())
        return states == {PortState.MAPPED} or PortState.TAKEN in states


class Way(Protocol):
    """One way of asking one router."""

    name: str

    def look(self, ports: tuple[int, ...], patience: Patience) -> Look | None:
        """Have these ports opened, or their leases renewed; None when the router does not understand this way."""

    def withdraw(self, ports: tuple[int, ...], patience: Patience) -> tuple[int, ...]:
        """Have these ports closed again; returns those for which the router has not confirmed it."""
