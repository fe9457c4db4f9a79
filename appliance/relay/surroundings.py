"""Where peers come from, for one worker: the home is looked at now and then, and answers are kept meanwhile."""

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.network import home
from appliance.network.home import Address
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
            self._until = now + HOME_FOR
            try:
                self._look()
            except OSError:
                self._until = now + AGAIN_AFTER
        return self._home

    def own(self) -> tuple[Address, ...]:
        """The addresses of this device now, and of its home as it is seen outside: none of them is an upstream.

        Raises:
            OSError: no descriptor is left to ask the kernel with.
        """
        self._look()
        found = list(self._home.addresses)
        for told in self._outer:
            # Another service's word, in which anything may stand.
            with suppress(ValueError):
                found.append(ipaddress.ip_address(told))
        return tuple(found)

    def _look(self) -> None:
        self._home = home.look()
        self._is_known = True
        # A router service that has just begun knows nothing yet; the home has not moved for that.
        self._outer = outer_addresses(self._router_status) or self._outer
        self._kept.clear()

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
