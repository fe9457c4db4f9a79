"""Asking the router by PCP, for IPv4's mappings and IPv6's pinholes alike."""

import hashlib
import hmac
import ipaddress
import socket

from appliance.network.gateway import Gateway
from appliance.network.verdict import PortState
from appliance.router import pcp
from appliance.router.exchange import ask, dial
from appliance.router.look import Look
from appliance.router.patience import Patience
from appliance.router.pcp import MapAnswer, Result

# Seconds. RFC 6886 recommends two hours for NAT-PMP, RFC 6887 leaves it to the client and allows a day.
LEASE = 7200
# The same for IPv6: miniupnpd 2.3.1 refuses to close a pinhole that was renewed, so that only its lease ends it.
PINHOLE_LEASE = 1200

# The router does not speak it, or not for this.
UNKNOWN = (Result.UNSUPP_VERSION, Result.UNSUPP_OPCODE)
# A mapping of somebody else is in the way.
TAKEN = (Result.CANNOT_PROVIDE_EXTERNAL,)
# What routers say that have no outer address of use: RFC 6887 has the former, miniupnpd 2.3 says the latter.
NO_OUTER = (Result.NETWORK_FAILURE, Result.NO_RESOURCES)


class ByPcp:
    """The router by PCP.

    Args:
        gateway: the router.
        key: where the nonces come from. RFC 6887 ties a mapping to its nonce: without the same one after a power cut
            the router would refuse to touch the mapping until its lease is over.
    """

    name = "PCP"

    def __init__(self, gateway: Gateway, key: bytes) -> None:
        self._gateway = gateway
        self._own = ipaddress.ip_address(gateway.own)
        self._lease = LEASE if self._own.version == 4 else PINHOLE_LEASE
        self._key = key

    def look(self, ports: tuple[int, ...], patience: Patience) -> Look | None:
        """Have these ports opened; None when the router does not speak PCP."""
        states: dict[int, PortState] = {}
        outer, no_outer = "", False
        try:
            with dial(self._gateway, pcp.PORT) as dialled:
                for port in ports:
                    answer = self._map(dialled, port, self._lease, patience)
                    if answer is None or answer.result in UNKNOWN:
                        return None
                    if answer.result == Result.SUCCESS and answer.outer_port != port:
                        # People's links name this port: another one is of no use, and should be free for others.
                        self._map(dialled, port, 0, patience)
                    states[port] = _state(answer, port)
                    outer = answer.outer or outer
                    no_outer = no_outer or answer.result in NO_OUTER
        except OSError:
            return None
        return Look(self.name, states, outer, no_outer)

    def withdraw(self, ports: tuple[int, ...], patience: Patience) -> tuple[int, ...]:
        """Have these ports closed again."""
        left = list(ports)
        try:
            with dial(self._gateway, pcp.PORT) as dialled:
                for port in ports:
                    answer = self._map(dialled, port, 0, patience)
                    if answer is None:
                        break
                    if answer.result == Result.SUCCESS:
                        left.remove(port)
        except OSError:
            pass
        return tuple(left)

    def _map(self, dialled: socket.socket, port: int, lifetime: int, patience: Patience) -> MapAnswer | None:
        nonce = hmac.digest(self._key, f"{self._own} {port}".encode(), hashlib.sha256)[: pcp.NONCE]
        request = pcp.map_request(nonce, self._own, port, lifetime)
        return ask(dialled, request, lambda data: pcp.understand_map(data, nonce, port), patience)


def _state(answer: MapAnswer, port: int) -> PortState:
    if answer.result == Result.SUCCESS:
        return PortState.MAPPED if answer.outer_port == port else PortState.TAKEN
    return PortState.TAKEN if answer.result in TAKEN else PortState.REFUSED
