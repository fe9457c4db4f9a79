"""The upstreams: their names resolved while the relay runs, their health probed, the best address at hand.

All of this happens in greenlets off the data path; the data path only asks ``addresses``.
"""

import errno
import ipaddress
import logging
import socket as sockets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import gevent
from gevent import socket
from gevent.event import Event

from appliance.clock import since_boot
from appliance.network.home import Address
from appliance.relay.destination import is_allowed
from appliance.relay.last_good import LastGood
from appliance.settings.kinds import split_host_port

log = logging.getLogger(__name__)

# Seconds between two lookups of a name that was found, and of one that was not, or whose servers do not answer.
RESOLVE_EVERY, RESOLVE_AGAIN = 60.0, 5.0
# Seconds between two probes of a group that answers, and of one that does not: back within 10 seconds of its return.
PROBE_EVERY, PROBE_AGAIN = 60.0, 4.0
# A probe gives up after this many seconds.
PROBE_LIMIT = 3.0
# What says that this device, not the upstream, has nothing left.
OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# An address that failed is tried last for this many seconds.
REMEMBER_FAILURE = 10.0

# When an address failed that has not.
NEVER = float("-inf")

SockAddress = tuple[str, int]


@dataclass(slots=True)
class Endpoint:
    """One address that a connection can be made to."""

    family: int
    address: SockAddress
    failed: float = NEVER


class Verdict:
    """What is known of a group, as a number that fits into the shared sums."""

    UNKNOWN, REACHABLE, UNRESOLVED, REFUSED_PRIVATE, UNREACHABLE = range(5)


class Group:
    """The upstreams for one purpose, in the order of the settings.

    Args:
        names: ``host:port`` entries.
        own: tells the addresses of this device and of its home, which are no upstream; OSError for no answer.
        allow_private: whether private addresses may be used.
        last_good: what former processes found; None where there is no folder for it.
    """

    def __init__(
        self,
        names: Sequence[str],
        own: Callable[[], Collection[Address]],
        *,
        allow_private: bool,
        last_good: LastGood | None = None,
    ) -> None:
        self._names = [split_host_port(name) for name in names]
        self._own = own
        self._allow_private = allow_private
        self._last_good = last_good
        self._endpoints: dict[tuple[str, int], list[Endpoint]] = {}
        self._refused_private = False
        self._warned = False
        self.verdict = Verdict.UNKNOWN

    def addresses(self) -> list[Endpoint]:
        """Where to connect to, best first: the settings' order, but what failed a moment ago comes last."""
        all_of_them = [endpoint for name in self._names for endpoint in self._endpoints.get(name, ())]
        for endpoint in all_of_them:
            if endpoint.failed is not NEVER:
                horizon = since_boot() - REMEMBER_FAILURE
                return sorted(all_of_them, key=lambda endpoint: endpoint.failed > horizon)
        return all_of_them

    @property
    def resolved(self) -> bool:
        """Whether there is any address."""
        return any(self._endpoints.values())

    def recall(self) -> None:
        """Begin with the addresses that a former process found, until the first lookup has ended."""
        if self._last_good is None:
            return
        try:
            own = self._own()
        except OSError:
            # No descriptor is left to ask the kernel with, and without its answer no address may be used.
            return
        for (host, port), literals in self._last_good.recall(self._names).items():
            found = []
            for literal in literals:
                try:
                    address = ipaddress.ip_address(literal)
                except ValueError:
                    continue
                if is_allowed(address, own, allow_private=self._allow_private):
                    family = sockets.AF_INET6 if address.version == 6 else sockets.AF_INET
                    found.append(Endpoint(family, (literal, port)))
            if found:
                self._endpoints[host, port] = found

    def resolve(self) -> bool:
        """Look every name up once; the last good addresses stay when the DNS fails. True when all were found."""
        try:
            own = self._own()
        except OSError:
            # No descriptor is left to ask the kernel with: soon again.
            return False
        self._forget(own)
        complete = True
        refused = False
        for host, port in self._names:
            try:
                answers = socket.getaddrinfo(host, port, type=sockets.SOCK_STREAM)
            except OSError:
                complete = False
                continue
            former = {one.address: one for one in self._endpoints.get((host, port), ())}
            found = []
            for family, _type, _protocol, _name, address in answers:
                literal = str(address[0]).partition("%")[0]
                if is_allowed(ipaddress.ip_address(literal), own, allow_private=self._allow_private):
                    key = (literal, port)
                    found.append(former.get(key) or Endpoint(family, key))
                else:
                    refused = True
            if found:
                self._endpoints[host, port] = found
            else:
                complete = False
        if refused and not self._warned:
            log.warning("A name lookup gave an address that is not on the public Internet; it is not used.")
        if self._last_good is not None:
            self._last_good.note({name: [one.address[0] for one in found] for name, found in self._endpoints.items()})
        self._warned = refused
        self._refused_private = refused and not self.resolved
        return complete

    def _forget(self, own: Collection[Address]) -> None:
        """Let go what was found while nobody knew yet that it is the home's own: the last good one it is not."""
        for name, found in list(self._endpoints.items()):
            kept = [
                one
                for one in found
                if is_allowed(ipaddress.ip_address(one.address[0]), own, allow_private=self._allow_private)
            ]
            if len(kept) < len(found):
                self._endpoints[name] = kept

    def probe(self) -> None:
        """See which addresses accept a connection, and keep the verdict: whether any does.

        Each is tried, also while the first one answers, so that one which is dead is known before it is needed; and all
        at once: one after the other, those that swallow everything would hide for many seconds that another is back.
        """
        if not self.resolved:
            self.verdict = Verdict.REFUSED_PRIVATE if self._refused_private else Verdict.UNRESOLVED
            return
        unknown = False
        for trial in gevent.iwait([gevent.spawn(_answers, endpoint) for endpoint in self.addresses()]):
            if trial.value:
                # The others go on, and note what they find.
                self.verdict = Verdict.REACHABLE
                return
            unknown = unknown or trial.value is None
        if not unknown:
            self.verdict = Verdict.UNREACHABLE


def _answers(endpoint: Endpoint) -> bool | None:
    """Whether an address accepts a connection; remembered for the dials. None when this device could not try."""
    try:
        attempt = socket.socket(endpoint.family, sockets.SOCK_STREAM)
    except OSError as error:
        # A device without IPv6 cannot reach such an address; one without descriptors has learnt nothing.
        return None if error.errno in OUT_OF_DESCRIPTORS else False
    try:
        attempt.settimeout(PROBE_LIMIT)
        attempt.connect(endpoint.address)
    except OSError:
        endpoint.failed = since_boot()
        return False
    finally:
        attempt.close()
    endpoint.failed = NEVER
    return True


class Watch:
    """The greenlet that keeps one group resolved, and probed where asked for.

    Args:
        group: the group.
        report: called with each new verdict; None when another worker does the probing.
    """

    def __init__(self, group: Group, report: Callable[[int], None] | None) -> None:
        self._group = group
        self._report = report
        self._wake = Event()
        self.looked = Event()
        self._task = gevent.spawn(self._run)

    def suspect(self) -> None:
        """A dial failed: look again now rather than at the next turn, and ask the names again too."""
        self._wake.set()

    def stop(self) -> None:
        """End the greenlet."""
        self._task.kill(block=False)

    def _run(self) -> None:
        resolve_at = probe_at = resolved_at = since_boot()
        while True:
            if since_boot() >= resolve_at:
                had_none = not self._group.resolved
                complete = self._group.resolve()
                resolved_at = since_boot()
                resolve_at = resolved_at + (RESOLVE_EVERY if complete else RESOLVE_AGAIN)
                self.looked.set()
                if had_none and self._group.resolved:
                    probe_at = resolved_at
            if self._report and since_boot() >= probe_at:
                self._group.probe()
                self._report(self._group.verdict)
                good = self._group.verdict == Verdict.REACHABLE
                probe_at = since_boot() + (PROBE_EVERY if good else PROBE_AGAIN)
                if not good:
                    # Perhaps the servers have moved.
                    resolve_at = min(resolve_at, resolved_at + RESOLVE_AGAIN)
            until = min(resolve_at, probe_at) if self._report else resolve_at
            if self._wake.wait(max(0.0, until - since_boot())):
                self._wake.clear()
                # Failing dials come in crowds; one look a second is enough for all of them.
                gevent.sleep(1.0)
                probe_at = since_boot()
                resolve_at = min(resolve_at, max(probe_at, resolved_at + RESOLVE_AGAIN))
