"""Who answers outside: a STUN server that says under which address it is asked."""

import ipaddress
import socket
import struct
import threading

from tests.home.household import OUTSIDE, STUN_PORT, Household

COOKIE = 0x2112A442


class Stun:
    """A STUN server at the address of ``outside``.

    Args:
        home: where it stands.
        says: what it answers instead of the truth.
    """

    def __init__(self, home: Household, says: str = "") -> None:
        self._says = says
        # Everybody who asked, to be compared with what may be asked.
        self.asked: list[str] = []
        self._socket = home.inside("outside", _bound)
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                data, sender = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            self.asked.append(sender[0])
            address = int(ipaddress.IPv4Address(self._says or sender[0])) ^ COOKIE
            body = struct.pack("!HHBBHI", 0x0020, 8, 0, 1, sender[1] ^ COOKIE >> 16, address)
            self._socket.sendto(struct.pack("!HHI", 0x0101, len(body), COOKIE) + data[8:20] + body, sender)

    def close(self) -> None:
        """Answer no more."""
        self._ended.set()
        self._thread.join()
        self._socket.close()


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((OUTSIDE, STUN_PORT))
    return made
