"""The process that looks after the ports in the home router, from the owner's word to the last withdrawal.

One loop without threads. Every two seconds it looks whether the settings or the network have changed; about once a
minute it asks the router again, which renews the leases, notices a router that has forgotten them, and learns a new
outer address. Whatever may block works in a child process (``aside.py``).
"""

import os
from collections.abc import Callable, Mapping

from appliance.clock import since_boot
from appliance.files import Stamp, stamp
from appliance.network.advice import forbidden, moved
from appliance.network.gateway import Gateway, find_ipv4, find_ipv6
from appliance.network.verdict import Facts, PortState, is_public, verdict_of
from appliance.paths import Paths
from appliance.router.announcements import Announcements
from appliance.router.asking import (
    LEAST,
    LONG_ROUND,
    NOTHING,
    OUTSIDE,
    ROUND,
    Outside,
    ask_all,
    ask_outside,
    outside_of,
    page_at,
    ways_to,
)
from appliance.router.key import LENGTH, key_of
from appliance.router.look import Look, Way
from appliance.router.patience import Patience
from appliance.router.rule import Wish, wish_of
from appliance.router.telling import Telling, port_told
from appliance.settings import load
from appliance.settings.declared import Settings
from appliance.status.router import MappedPort, RouterStatus, read

# Seconds between two looks at settings and network.
LOOK_EVERY = 2.0
# Seconds between two rounds. A changed address has to be known within two minutes; leases last an hour or more.
ROUND_EVERY = 60.0
# The pause after a round that has opened nothing, or less than the one before; twice as long after each further one.
ROUND_AGAIN = 5.0
# Seconds between two rounds for the sake of an announcement; a router repeats it ten times (RFC 6886, section 3.2.1).
ANNOUNCED_EVERY = 5.0
# Seconds between two looks from outside: often only where nobody else tells whether the address has changed.
OUTSIDE_EVERY = 60.0
OUTSIDE_SELDOM = 6 * 3600.0
# Seconds for the withdrawal at the end, and for the one from a router that may be gone already.
FAREWELL = 8.0
PARTING = 2.0


class RouterService:
    """The ports of one porchlight in one router.

    Args:
        paths: where this instance keeps its files.
        stopping: whether somebody has said stop; asked during a round.
        notify: speaks to the service manager (sd_notify(3)).
        say: takes one line for the log.
        clock: seconds since boot.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        stopping: Callable[[], bool] = lambda: False,
        notify: Callable[[str], object] = lambda message: None,
        say: Callable[[str], object] = lambda line: None,
        clock: Callable[[], float] = since_boot,
    ) -> None:
        self._paths, self._stopping, self._notify, self._say, self._clock = paths, stopping, notify, say, clock
        self._stamps: tuple[Stamp | None, ...] = ()
        self._settings = Settings()
        self._wish = Wish()
        self._gateway: Gateway | None = None
        self._ways: tuple[Way, ...] = ()
        self._former = ""
        # What was found out last, by which way, and the ports that the router has opened for us.
        self._look = NOTHING
        self._way: Way | None = None
        self._held: tuple[int, ...] = ()
        self._outside = Outside()
        self._finished = False
        # Rounds one after another that have opened nothing.
        self._vain = 0
        # Whether a way that is not ``_way`` may have opened something.
        self._unsure = False
        self._begun = self._round_at = self._outside_at = float("-inf")
        self._telling = Telling(paths, say, clock)
        self._key = self._load_key()

    def run(self, wait: Callable[[float], bool]) -> None:
        """Look after the ports until somebody says stop, then have them closed.

        Args:
            wait: sleeps for that many seconds at most; True when it is time to stop.
        """
        self._announcements = Announcements()
        try:
            self._notify("READY=1")
            self._step()
            while not wait(LOOK_EVERY):
                self._step()
        finally:
            self._notify("STOPPING=1")
            self._announcements.close()
            self._withdraw(self._held, Patience.of(FAREWELL))
            self._telling.end()

    def _step(self) -> None:
        self._notify("WATCHDOG=1")
        self._follow_settings()
        self._follow_network()
        now = self._clock()
        if self._gateway and self._announcements.heard_from(self._gateway.address):
            self._round_at = min(self._round_at, self._begun + ANNOUNCED_EVERY)
        self._publish()
        if self._gateway and self._must_ask(self._gateway) and now >= self._round_at:
            self._round(self._gateway)
            self._publish()

    # ---- what may change

    def _follow_settings(self) -> None:
        stamps = stamp(self._paths.owner_file), stamp(self._paths.saved_settings)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        self._settings = load(self._paths).settings
        wish = wish_of(self._settings)
        if wish == self._wish:
            return
        self._wish = wish
        self._withdraw(tuple(port for port in self._held if port not in wish.ports), Patience.of(FAREWELL))
        if not wish.ports:
            self._look, self._finished = NOTHING, False
            self._outside = Outside(page=self._outside.page)
        self._vain = 0
        self._round_at = self._outside_at = float("-inf")

    def _follow_network(self) -> None:
        gateway = find_ipv4() or find_ipv6()
        if gateway == self._gateway:
            return
        if self._gateway:
            # The former router may still be there, but it hears only from the address that the mapping was made from.
            self._withdraw(self._held, Patience.of(PARTING))
        self._former = _former(self._gateway, gateway)
        self._gateway = gateway
        self._ways = ways_to(gateway, self._key, self._former) if gateway else ()
        self._look, self._way, self._held, self._outside = NOTHING, None, (), Outside()
        self._finished, self._vain = False, 0
        self._round_at = self._outside_at = float("-inf")
        if gateway:
            # Known before the owner has said a word: whoever opens the ports by hand needs the link.
            self._outside = page_at(gateway)
            self._take_over(gateway)

    def _take_over(self, gateway: Gateway) -> None:
        """Remember what a former process of this service holds, so that it can be withdrawn."""
        before = read(self._paths.router_status, self._clock())
        if before and not self._telling.begun and (before.own, before.gateway) == (gateway.own, gateway.address):
            self._way = next((way for way in self._ways if way.name == before.method), None)
            self._held = tuple(one.port for one in before.ports if one.state is PortState.MAPPED) if self._way else ()
            self._withdraw(tuple(port for port in self._held if port not in self._wish.ports), Patience.of(FAREWELL))

    # ---- asking

    def _must_ask(self, gateway: Gateway) -> bool:
        return bool(self._wish.ports) and not (":" not in gateway.own and is_public(gateway.own))

    def _round(self, gateway: Gateway) -> None:
        begun = self._begun = self._clock()
        seconds = LONG_ROUND if self._look.unfinished else ROUND
        patience = Patience.of(seconds, self._stopping)
        look_outside = begun >= self._outside_at and ":" not in gateway.own
        servers = self._settings.router.outside_look
        aside = ask_outside(servers, gateway) if look_outside else None
        # What worked last time comes first.
        ways = tuple(sorted(self._ways, key=lambda way: way is not self._way))
        before = self._look
        self._look, way = ask_all(ways, self._wish.ports, patience)
        if aside:
            left = max(LEAST, OUTSIDE - (self._clock() - begun))
            self._outside = outside_of(aside, patience.at_most(left))
            self._outside_at = begun + (OUTSIDE_SELDOM if self._look.outer and self._outside.seen else OUTSIDE_EVERY)
        if self._stopping():
            # The round was cut short: each way may have been understood without our hearing of it.
            self._held, self._unsure = tuple(dict.fromkeys((*self._held, *self._wish.ports))), True
            return
        self._finished = True
        if way and not self._look.unfinished:
            self._way, self._held = way, _mapped(self._look)
        # Otherwise nobody has answered: what was opened before may still be open, and is to be closed at the end.
        self._round_at = begun + self._pause(before)
        if before.outer and self._look.outer != before.outer:
            if not aside:
                # What the outside saw before belongs to the former address.
                self._outside = Outside(page=self._outside.page)
            self._round_at = self._outside_at = float("-inf")

    def _pause(self, before: Look) -> float:
        if self._look.unfinished and not before.unfinished:
            return 0.0
        if self._look.settled:
            return ROUND_EVERY
        # A router that has just been switched on, or a lost datagram: soon again, then more and more seldom.
        lost = set(_mapped(before)) - set(_mapped(self._look))
        self._vain = 0 if lost else self._vain + 1
        return min(ROUND_EVERY, ROUND_AGAIN * float(2**self._vain))

    def _withdraw(self, ports: tuple[int, ...], patience: Patience) -> None:
        ways = self._ways if self._unsure else (self._way,)
        if not ports or not any(ways):
            return
        left = set(ports)
        for way in ways:
            if way:
                left &= set(way.withdraw(ports, patience))
        self._held = tuple(port for port in self._held if port not in ports)
        closed = ", ".join(str(port) for port in ports if port not in left)
        if closed:
            self._say(f"router: It has closed these ports again: {closed}.")
        if left:
            late = ", ".join(str(port) for port in sorted(left))
            self._say(f"router: It did not confirm that it closed {late}; that ends by itself when the lease is over.")

    # ---- telling

    def _facts(self) -> Facts:
        own = self._gateway.own if self._gateway else ""
        ipv6 = ":" in own
        return Facts(
            wanted=self._settings.router.open_ports,
            finished=self._finished,
            own="" if ipv6 else own,
            global_ipv6=ipv6,
            outer="" if ipv6 else self._look.outer,
            seen=self._outside.seen,
            beyond=self._outside.beyond,
            no_outer=self._look.no_outer,
            ports={port: self._look.ports.get(port, PortState.ASKING) for port in self._wish.ports},
        )

    def _publish(self) -> None:
        facts = self._facts()
        verdict = verdict_of(facts)
        ports = [port_told(port, state, verdict) for port, state in facts.ports.items()]
        ports += [MappedPort(port, 0, PortState.FORBIDDEN) for port in self._wish.refused]
        status = RouterStatus(
            written=0.0,
            verdict=verdict,
            method=self._look.method,
            outer=self._look.outer,
            seen=self._outside.seen,
            gateway_page=self._outside.page,
            ports=tuple(ports),
            trouble=self._trouble(facts.ports),
            own=self._gateway.own if self._gateway else "",
            gateway=self._gateway.address if self._gateway else "",
        )
        self._telling.tell(status)

    def _trouble(self, ports: Mapping[int, PortState]) -> str:
        if self._former and self._gateway and PortState.TAKEN in ports.values():
            return moved(self._former, self._gateway.own)
        return forbidden(self._wish.refused) if self._wish.refused else ""

    def _load_key(self) -> bytes:
        try:
            return key_of(self._paths.router_state)
        except OSError as error:
            self._say(
                f"router: The key for PCP cannot be kept ({error.strerror}). After a power cut a router with PCP "
                "may refuse the ports until the former lease is over, two hours at most."
            )
            return os.urandom(LENGTH)


def _mapped(look: Look) -> tuple[int, ...]:
    return tuple(port for port, state in look.ports.items() if state is PortState.MAPPED)


def _former(before: Gateway | None, now: Gateway | None) -> str:
    """The address that this device had at the same router until now; empty if that has not changed."""
    if before and now and before.address == now.address and before.own != now.own:
        return before.own
    return ""
