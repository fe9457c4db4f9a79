"""The listening sockets: opened by the parent, one for each worker, so that a worker's death loses no connection.

All of them are open from the beginning, also those of workers that are started only when there is work for them: the
kernel turns away who waits at a socket that is closed, so none is closed because a worker leaves. Meanwhile the first
worker accepts there (``listener.StandIn``).
"""

import errno
import ipaddress
import os
import socket
from collections.abc import Iterable

from appliance.network.port_holder import holder_of
from appliance.relay.ports import Port
from appliance.status.relay import PortStatus
from appliance.text import Text, text

# Connections that the kernel holds for us between two turns of the loop; capped by net.core.somaxconn.
BACKLOG = 4096
NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Sockets:
    """All listening sockets of the relay.

    Args:
        inherited: descriptors of the sockets that a former process of this service has left open.
    """

    def __init__(self, inherited: Iterable[int] = ()) -> None:
        self._open: dict[tuple[str, int], list[socket.socket]] = {}
        for descriptor in inherited:
            one = socket.socket(fileno=descriptor)
            address, number = one.getsockname()[:2]
            self._open.setdefault((str(ipaddress.ip_address(address)), number), []).append(one)
        self._ports: tuple[Port, ...] = ()
        self._trouble: dict[int, Text] = {}

    def open(self, ports: Iterable[Port], addresses: Iterable[str], workers: int) -> None:
        """Open what is wanted and not open yet; close what is wanted no more.

        A port that cannot be opened is noted in ``status``; the others are opened all the same.

        Args:
            ports: the ports.
            addresses: this device's addresses.
            workers: how many sockets each port gets.
        """
        self._ports = tuple(ports)
        addresses = tuple(addresses)
        wanted = {(address, port.number) for address in addresses for port in self._ports}
        for key in list(self._open):
            # Who waits in the queue of a surplus socket is turned away; nobody else is.
            kept = workers if key in wanted else 0
            for one in self._open[key][kept:]:
                one.close()
            self._open[key][kept:] = []
            if not kept:
                del self._open[key]
        self._trouble = {}
        for address, number in sorted(wanted):
            held = self._open.get((address, number), [])
            try:
                self._open[address, number] = held + _listen(address, number, workers - len(held), ours=bool(held))
            except OSError as error:
                optional = address == "::" and "0.0.0.0" in addresses and error.errno in NO_IPV6  # noqa: S104
                if not optional:
                    self._trouble[number] = _in_words(address, number, error)

    @property
    def complete(self) -> bool:
        """Whether every port could be opened."""
        return not self._trouble

    @property
    def status(self) -> tuple[PortStatus, ...]:
        """Every wanted port, with its trouble in plain words."""
        return tuple(PortStatus(one.number, one.carries, self._trouble.get(one.number, "")) for one in self._ports)

    def leave_to_others(self, number: int) -> None:
        """In a worker: close all sockets where it never accepts. While it finishes its streams they are others'."""
        for sockets in self._open.values():
            for other, one in enumerate(sockets):
                if number and other != number % len(sockets):
                    one.close()

    def of_worker(self, number: int) -> list[tuple[socket.socket, Port]]:
        """The sockets of one worker, with what they carry."""
        by_number = {port.number: port for port in self._ports}
        # Two workers share a socket while there are too few of them.
        return [(some[number % len(some)], by_number[port]) for (_address, port), some in self._open.items()]

    def of_others(self, number: int) -> list[tuple[socket.socket, Port, int]]:
        """Where a worker stands in for others, with what is carried and whose it is: for the first all, else none."""
        by_number = {port.number: port for port in self._ports}
        return [
            (one, by_number[port], owner)
            for (_address, port), some in self._open.items()
            for owner, one in enumerate(some)
            if owner and not number
        ]

    def by_name(self) -> dict[str, list[int]]:
        """The descriptors of all sockets, under names that a service manager takes: no colon."""
        return {
            f"listen-{port}-{address.replace(':', '.')}": [one.fileno() for one in some]
            for (address, port), some in self._open.items()
        }


def _listen(address: str, number: int, count: int, *, ours: bool) -> list[socket.socket]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened: list[socket.socket] = []
    try:
        if not ours:
            # A trial without SO_REUSEPORT: with it, a second relay on this machine would get half of the connections
            # and nobody would notice.
            with _bound(family, address, number, shared=False) as trial:
                trial.listen(1)
        for _ in range(count):
            opened.append(_bound(family, address, number, shared=True))
            opened[-1].listen(BACKLOG)
    except OSError:
        for one in opened:
            one.close()
        raise
    return opened


def _bound(family: int, address: str, number: int, *, shared: bool) -> socket.socket:
    found = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind((address, number))
    except OSError:
        found.close()
        raise
    return found


def _in_words(address: str, number: int, error: OSError) -> Text:
    if error.errno == errno.EADDRINUSE:
        holder = holder_of(number) or text("another program")
        return text("Port %(port)s is in use by %(program)s.", port=number, program=holder)
    if error.errno == errno.EACCES:
        return text("Port %(port)s may not be opened by an ordinary user: it is below 1024.", port=number)
    if error.errno == errno.EADDRNOTAVAIL:
        return text(
            "Port %(port)s waits for the address %(address)s, which this device does not have at the moment.",
            port=number,
            address=address,
        )
    return text("Port %(port)s cannot be opened (%(reason)s).", port=number, reason=os.strerror(error.errno or 0))
