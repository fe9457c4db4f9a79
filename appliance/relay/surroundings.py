"""Where peers come from, for one worker: the home is looked at now and then, and answers are kept meanwhile."""

from collections.abc import Callable
from pathlib import Path

from appliance.network import home
from appliance.network.origin import Origin, origin
from appliance.relay.evidence import outer_addresses

# What the home network looks like is asked at most this often, in seconds.
HOME_FOR = 5.0
# Seconds until the next look when one failed.
AGAIN_AFTER = 1.0
# Answers that are kept meanwhile; a flood of newcomers must not cost memory.
MOST_KEPT = 256


class Surroundings:
    """What one worker knows of the home network.

    Args:
        router_status: the router service's status file, which tells the home's own outer addresses.
        now: seconds since boot; a look at the clock some tenths of a second ago will do.
    """

    def __init__(self, router_status: Path, now: Callable[[], float]) -> None:
        self._router_status = router_status
        self._now = now
        self._home = home.Home((), (), ())
        self._is_known = False
        self._until = 0.0
        # Who comes from one of these is at home, and was let in by the outer name.
        self._outer: tuple[str, ...] = ()
        # By Python's keyed hash of the address, never by the address itself: to take one apart costs ten times as much
        # as to count a connection, and a home where nobody comes from outside would do so for each.
        self._kept: dict[int, Origin] = {}

    def home(self) -> home.Home:
        """The home network, as it was some seconds ago at most; as it was before while no descriptor is left to ask."""
        now = self._now()
        if now >= self._until:
            try:
                self._home, self._until = home.look(), now + HOME_FOR
            except OSError:
                self._until = now + AGAIN_AFTER
                return self._home
            self._is_known = True
            self._outer = outer_addresses(self._router_status)
            self._kept.clear()
        return self._home

    def origin(self, address: str, own: tuple[str, ...] = ()) -> Origin:
        """Where a peer comes from; inside as long as nothing is known of the home, since that proves nothing.

        Args:
            address: the peer's.
            own: outer addresses of the home that are known besides.
        """
        seen = self.home()
        if not self._is_known:
            return Origin.INSIDE
        if own:
            return origin(address, seen, (*self._outer, *own))
        key = hash(address)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = origin(address, seen, self._outer)
        return found
