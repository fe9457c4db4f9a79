"""What the router and the outside say: written by ``porchlight router``, read by the page and the checks.

The addresses in it are this home's own, in RAM; no field can hold a client's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.network.advice import Place
from appliance.network.verdict import PortState, Verdict
from appliance.status import word
from appliance.status.word import publish, sentence

__all__ = ["MappedPort", "RouterStatus", "publish", "read"]

# The service writes at each change and every few seconds, but asking a slow router takes longer. Seconds.
STALE_AFTER = 60.0


@dataclass(frozen=True, slots=True)
class MappedPort:
    """One port: the number here, the number outside (0 when none was given), and what became of it."""

    port: int
    outer_port: int
    state: PortState


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """The way in, at one moment.

    Args:
        written: seconds since boot.
        verdict: how reachable this home is.
        method: ``PCP``, ``NAT-PMP`` or ``UPnP``: what the router understood; empty for none.
        outer: the router's outer address, as the router says; empty if unknown.
        seen: the address that the outside sees; empty if unknown.
        gateway_page: the link to the router's own page; empty when nothing answers there.
        ports: every port that the owner wants to be open.
        trouble: what else is wrong, in plain words; empty when nothing is.
        own: this device's address at home.
        gateway: the router's address at home.
    """

    written: float
    verdict: Verdict
    method: str = ""
    outer: str = ""
    seen: str = ""
    gateway_page: str = ""
    ports: tuple[MappedPort, ...] = ()
    trouble: str = ""
    own: str = ""
    gateway: str = ""

    @property
    def place(self) -> Place:
        """What ``appliance.network.advice`` fills its words in with."""
        wanted = tuple(one.port for one in self.ports if one.state is not PortState.FORBIDDEN)
        taken = tuple(one.port for one in self.ports if one.state is PortState.TAKEN)
        return Place(self.own, self.gateway, self.gateway_page, self.outer, self.seen, wanted, taken)


def read(path: Path, now: float) -> RouterStatus | None:
    """The service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.router_status``.
        now: seconds since boot.
    """
    return word.read(path, now - STALE_AFTER, _status)


def _status(raw: Any) -> RouterStatus:
    words = {name: str(raw.get(name, "")) for name in _WORDS}
    ports = tuple(MappedPort(int(one["port"]), int(one["outer_port"]), PortState(one["state"])) for one in raw["ports"])
    trouble = sentence(raw.get("trouble", ""))
    return RouterStatus(float(raw["written"]), Verdict(raw["verdict"]), ports=ports, trouble=trouble, **words)


_WORDS = ("method", "outer", "seen", "gateway_page", "own", "gateway")
