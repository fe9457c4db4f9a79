"""Evidence that the relay can be reached: on which port somebody from outside got through, and in which minute.

Nothing is asked of anybody for it, and no address is kept: one number for each port, in whole minutes, so that it tells
nothing about a single connection. Only the first connection of a minute is looked at; for all others this is one
comparison.
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from appliance.files import UNREADABLE
from appliance.network.origin import Origin
from appliance.relay.ports import Port
from appliance.relay.stream import Stream
from appliance.relay.sums import Sums

# Media streams that are looked at until their upstream has said something; past this many, the oldest is given up.
MOST_UNPROVEN = 64
# tcp(7): the kernel's struct tcp_info (linux/tcp.h), as far as tcpi_bytes_received, which is there since Linux 4.1.
TCP_INFO_SIZE, BYTES_RECEIVED = 136, slice(128, 136)


class Upstream(Protocol):
    """A connected socket, as far as its kernel's counts go."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """What the kernel knows."""


class Evidence:
    """What one worker knows.

    Args:
        sums: the shared table.
        row: this worker's row of it.
        origin: where a peer comes from, by its address.
        now: seconds since boot; a look at the clock some tenths of a second ago will do.
    """

    def __init__(
        self, sums: Sums, row: "memoryview[int]", origin: Callable[[str], Origin], now: Callable[[], float]
    ) -> None:
        self._row = row
        self._cells = sums.reached_cells
        self._origin = origin
        self._now = now
        self._unproven: dict[Stream, tuple[int, Upstream]] = {}

    def _is_old(self, cell: int) -> bool:
        return self._row[cell] <= int(self._now() // 60)

    def _note(self, cell: int) -> None:
        self._row[cell] = int(self._now() // 60) + 1

    def answered(self, port: Port, address: str) -> None:
        """Somebody got an answer of the relay's own.

        Args:
            port: where.
            address: whose; empty for a balancer that speaks for itself.
        """
        cell = self._cells[port.number]
        if self._is_old(cell) and self._origin(address).counts:
            self._note(cell)

    def relayed(self, stream: Stream, port: Port, address: str, upstream: Upstream) -> None:
        """A stream has begun: of chat, the app has said its first bytes; of media, nobody need have said a word yet.

        Args:
            stream: which one.
            port: where.
            address: whose; empty for a balancer that speaks for itself.
            upstream: its way to WhatsApp.
        """
        cell = self._cells[port.number]
        if not self._is_old(cell) or not self._origin(address).counts:
            return
        if port.group != "media":
            self._note(cell)
            return
        if len(self._unproven) >= MOST_UNPROVEN:
            del self._unproven[next(iter(self._unproven))]
        self._unproven[stream] = cell, upstream

    @property
    def awaits(self) -> bool:
        """Whether there is something to look at."""
        return bool(self._unproven)

    def look(self) -> None:
        """Take note of the media streams whose upstream has answered; called some times a second."""
        for stream, (cell, upstream) in list(self._unproven.items()):
            if not self._is_old(cell):
                del self._unproven[stream]
            elif bytes_received(upstream):
                self._note(cell)
                del self._unproven[stream]

    def ended(self, stream: Stream) -> None:
        """A stream is over; its socket is closed."""
        self._unproven.pop(stream, None)


def outer_addresses(path: Path) -> tuple[str, ...]:
    """The home's own outer addresses, as the router service has found them out; none where it does not run.

    Args:
        path: its status file.
    """
    try:
        told = json.loads(path.read_bytes())
        return tuple(told[name] for name in ("outer", "seen") if isinstance(told[name], str) and told[name])
    except UNREADABLE:
        return ()


def bytes_received(connection: Upstream) -> int:
    """How many bytes the peer has sent, as the kernel counts them, whoever has read them."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
    return int.from_bytes(info[BYTES_RECEIVED], "little")
