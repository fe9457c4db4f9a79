"""Asking the router by NAT-PMP."""

import socket
from functools import partial

from appliance.network.gateway import Gateway
from appliance.network.verdict import PortState
from appliance.router import natpmp
from appliance.router.exchange import ask, dial
from appliance.router.look import Look
from appliance.router.natpmp import MapAnswer, Result
from appliance.router.patience import Patience

# Seconds: what RFC 6886, section 3.3, recommends.
LEASE = 7200
UNKNOWN = (Result.UNSUPPORTED_VERSION, Result.UNSUPPORTED_OPCODE)
NO_OUTER = (Result.NETWORK_FAILURE, Result.OUT_OF_RESOURCES)


class ByNatPmp:
    """The router by NAT-PMP.

    Args:
        gateway: the router.
    """

    name = "NAT-PMP"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def look(self, ports: tuple[int, ...], patience: Patience) -> Look | None:
        """Have these ports opened; None when the router does not speak NAT-PMP."""
        states: dict[int, PortState] = {}
        try:
            with dial(self._gateway, natpmp.PORT) as dialled:
                address = ask(dialled, natpmp.address_request(), natpmp.understand_address, patience)
                if address is None or address.result in UNKNOWN:
                    return None
                no_outer = address.result in NO_OUTER
                for port in ports:
                    answer = _map(dialled, port, LEASE, patience)
                    if answer is None:
                        return None
                    states[port] = PortState.REFUSED
                    if answer.result == Result.SUCCESS:
                        states[port] = PortState.MAPPED
                        if answer.outer_port != port:
                            # People's links name this port: another one is of no use, and should be free for others.
                            states[port] = PortState.TAKEN
                            _map(dialled, port, 0, patience)
                    no_outer = no_outer or answer.result in NO_OUTER
        except OSError:
            return None
        return Look(self.name, states, address.outer, no_outer)

    def withdraw(self, ports: tuple[int, ...], patience: Patience) -> tuple[int, ...]:
        """Have these ports closed again."""
        left = list(ports)
        try:
            with dial(self._gateway, natpmp.PORT) as dialled:
                for port in ports:
                    answer = _map(dialled, port, 0, patience)
                    if answer is None:
                        break
                    if answer.result == Result.SUCCESS:
                        left.remove(port)
        except OSError:
            pass
        return tuple(left)


def _map(dialled: socket.socket, port: int, lifetime: int, patience: Patience) -> MapAnswer | None:
    request = natpmp.map_request(port, lifetime)
    return ask(dialled, request, partial(natpmp.understand_map, port=port), patience)
