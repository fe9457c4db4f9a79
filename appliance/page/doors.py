"""The setup page's listening sockets: one for each address on the home network, following it as it changes."""

import errno
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

from appliance.errors import PortInUseError
from appliance.network.home import Home, is_homely
from appliance.network.port_holder import holder_of
from appliance.page.crowd import Crowd
from appliance.page.server import BACKLOG, PageServer

log = logging.getLogger("porchlight.page")

LOOPBACK = ("127.0.0.1", "::1")
WILDCARDS = {"0.0.0.0": 4, "::": 6}  # noqa: S104 - only when the owner's settings ask for it


def wanted_addresses(home: Home, listen: Iterable[str]) -> tuple[str, ...]:
    """The addresses to listen on. No input or output here.

    Args:
        home: the home network now.
        listen: what the settings ask for; empty means the home network.

    Returns:
        Loopback, for whoever sits at the device itself, and then the settings' addresses or the home network's. Those
        that the whole world can reach are left out, and link-local ones of IPv6, which no browser can be told.
    """
    chosen = tuple(listen)
    if not chosen:
        chosen = tuple(
            str(one) for one in home.addresses if is_homely(one) and (one.version == 4 or not one.is_link_local)
        )
    covered = {WILDCARDS[one] for one in chosen if one in WILDCARDS}
    loopback = (one for one in LOOPBACK if ipaddress.ip_address(one).version not in covered)
    return tuple(dict.fromkeys((*loopback, *chosen)))


class Doors:
    """All listening sockets of one page.

    Args:
        application: the WSGI application.
        port: the port's number.
        is_inside: whether a peer's address belongs to the home network.
    """

    def __init__(self, application: Any, port: int, is_inside: Callable[[str], bool]) -> None:
        self._application = application
        self._port = port
        self._is_inside = is_inside
        self._crowd = Crowd()
        self._open: dict[str, PageServer] = {}
        self._told: dict[str, str] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the page can be reached now."""
        return tuple(self._open)

    def follow(self, wanted: Iterable[str]) -> None:
        """Open what is wanted and not open yet, close what is not wanted any more; trouble is told once."""
        wanted = tuple(wanted)
        for address in [one for one in self._open if one not in wanted]:
            self._open.pop(address).stop(timeout=0)
            log.info("The setup page has left %s", address)
        for address in [one for one in wanted if one not in self._open]:
            try:
                server = PageServer(listener(address, self._port), self._application, self._crowd, self._is_inside)
                server.start()
            except OSError as error:
                self._tell(address, error)
            else:
                self._open[address] = server
                self._told.pop(address, None)
                log.info("The setup page listens on %s port %d", address, self._port)

    def close(self) -> None:
        """Close every door, and give running requests a second."""
        for server in self._open.values():
            server.stop(timeout=1)
        self._open.clear()

    def _tell(self, address: str, error: OSError) -> None:
        message = str(error) if isinstance(error, PortInUseError) else (error.strerror or str(error))
        # No IPv6 in the kernel is no trouble, and a new IPv6 address takes a second until it may be used.
        if self._told.get(address) == message or error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return
        self._told[address] = message
        log.warning("The setup page cannot listen on %s: %s", address, message)


def listener(address: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortInUseError: another program has the port; its name is said if it can be found out.
        OSError: anything else, such as an address that is not there any more.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno != errno.EADDRINUSE:
            raise
        holder = holder_of(port)
        raise PortInUseError(
            f"Port {port} is in use by {holder}." if holder else f"Port {port} is in use by another program.",
            "The setup page cannot be opened there, and is tried again every few seconds.",
            "Stop that program, or set another port under [page] in porchlight.toml.",
        ) from error
    return opened
