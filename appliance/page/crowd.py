"""How many visitors at once, and who leaves when one more comes. No input or output here.

The oldest visit leaves: a real one takes a fraction of a second, so the oldest is the one that stalls. Refusing the
newest instead would let fifty idle connections shut the owner out.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Any

# Together they bound the memory: about 100 KiB for each visit at worst.
MOST_VISITS = 64
# A browser opens six connections and a few in advance; the rest of the room stays free for the others.
MOST_OF_ONE_PEER = 16


@dataclass(eq=False, slots=True)
class Visit:
    """One connection.

    Args:
        peer: who it is, as ``peer_of`` returns it; kept in memory only while the connection is open.
        greenlet: what serves it.
    """

    peer: str
    greenlet: Any = None


@dataclass(slots=True)
class Crowd:
    """The visits that are open now, the oldest first."""

    most: int = MOST_VISITS
    most_of_one_peer: int = MOST_OF_ONE_PEER
    visits: dict[Visit, None] = field(default_factory=dict)

    def enter(self, visit: Visit) -> Visit | None:
        """Let one more in.

        Returns:
            The visit that has to leave for it: the same peer's oldest when that peer has too many, the oldest of
            all when there are too many altogether, or None.
        """
        same = [one for one in self.visits if one.peer == visit.peer]
        leaving = None
        if len(same) >= self.most_of_one_peer:
            leaving = same[0]
        elif len(self.visits) >= self.most:
            leaving = next(iter(self.visits))
        if leaving:
            self.leave(leaving)
        self.visits[visit] = None
        return leaving

    def leave(self, visit: Visit) -> None:
        """Forget a visit that is over; one that already had to leave is no mistake."""
        self.visits.pop(visit, None)


def peer_of(address: str) -> str:
    """What counts as one visitor: an IPv4 address, or the /64 that an IPv6 address stands in."""
    plain = address.partition("%")[0]
    if ":" not in plain:
        return plain
    return str(ipaddress.ip_network(f"{plain}/64", strict=False))
