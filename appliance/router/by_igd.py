"""Asking the router by UPnP (IGD 1 and 2), with miniupnpc for the XML.

miniupnpc would believe whoever answers its search, and fetch what that answer names. So the search is our own: only
the gateway's answer counts, and only a description on the gateway itself (``ssdp.py``). miniupnpc gets that URL. It
blocks and parses in C, so it works in a child process that is killed when its time is over.
"""

import socket
import time
from contextlib import suppress
from typing import Any

from appliance.network.gateway import Gateway
from appliance.network.verdict import PortState
from appliance.router import igd, ssdp
from appliance.router.aside import Aside
from appliance.router.damaged import DamagedAnswer
from appliance.router.look import Look
from appliance.router.patience import Patience

# Seconds. Devices answer within the one second that the search grants them; then once more, for what Wi-Fi loses.
SEARCH = 2.0
SEARCH_AGAIN = 0.7
# Seconds for one round of questions; slow routers take a second for each.
ROUND = 25.0
HOPS = 2  # UPnP Device Architecture 1.1, section 1.3.2


class ByIgd:
    """The router by UPnP.

    Args:
        gateway: the router; IPv4.
        former: the address that this device had before; empty for none.
    """

    name = "UPnP"

    def __init__(self, gateway: Gateway, former: str = "") -> None:
        self._gateway = gateway
        self._former = former
        self._url = ""

    def look(self, ports: tuple[int, ...], patience: Patience) -> Look | None:
        """Have these ports opened; None when the gateway is no UPnP device."""
        # What was found once may have moved: a router chooses the port of its description at each start.
        found = self._open(ports, patience) if self._url else None
        if found is None:
            self._url = self._search(patience)
            if not self._url:
                return None
            found = self._open(ports, patience)
        if found is None:
            self._url = ""
            return Look(self.name, dict.fromkeys(ports, PortState.REFUSED), unfinished=True)
        return _look(self.name, found, ports)

    def _open(self, ports: tuple[int, ...], patience: Patience) -> dict[str, Any] | None:
        url, router, own, former = self._url, self._gateway.address, self._gateway.own, self._former
        found = Aside(lambda: igd.open_ports(url, router, own, ports, former), ROUND).result(patience)
        return found if isinstance(found, dict) else None

    def withdraw(self, ports: tuple[int, ...], patience: Patience) -> tuple[int, ...]:
        """Have these ports closed again, as far as they are this device's."""
        url = self._url or self._search(patience)
        if not url:
            return ports
        gateway = self._gateway
        closed = Aside(lambda: igd.close_ports(url, gateway.address, gateway.own, ports), ROUND).result(patience)
        return tuple(port for port in ports if not isinstance(closed, list) or port not in closed)

    def _search(self, patience: Patience) -> str:
        gateway = self._gateway
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.bind((gateway.own, 0))
                asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
                asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(gateway.own))
                whole = patience.at_most(SEARCH)
                for turn in (whole.at_most(SEARCH_AGAIN), whole):
                    for target in ssdp.TARGETS:
                        # To the gateway alone too: some access points swallow what is meant for everybody.
                        for host in (ssdp.GROUP, gateway.address):
                            with suppress(OSError):
                                asking.sendto(ssdp.search(target, host), (host, ssdp.PORT))
                    if url := _answer(asking, gateway.address, turn):
                        return url
        except OSError:
            pass
        return ""


def _answer(asking: socket.socket, gateway: str, turn: Patience) -> str:
    while left := turn.left():
        asking.settimeout(left)
        try:
            data, sender = asking.recvfrom(ssdp.LONGEST + 1)
        except TimeoutError:
            return ""
        except OSError:
            # The gateway's refusal of what was sent to it alone; others' answers may still come.
            time.sleep(0.01)
            continue
        if sender[0] == gateway:
            with suppress(DamagedAnswer):
                return ssdp.description_of(data, gateway)
    return ""


def _look(name: str, found: dict[str, Any], ports: tuple[int, ...]) -> Look:
    states = {port: PortState(found["ports"].get(str(port), PortState.REFUSED)) for port in ports}
    return Look(name, states, str(found["outer"]), bool(found["failed"]))
