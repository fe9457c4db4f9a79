"""A time server on the Internet, as the emulated home sees it: while it is there, it tells the time that a test chose.

SNTP, version 4 (RFC 4330, sections 4 and 5): the board's own timesyncd asks it by a name of Debian's pool, through the
card's resolver and firewall. Nobody answers at its address before a test starts it.
"""

import socket
import struct
import threading
import time
from contextlib import suppress

from tests.boot.board import BOOT_TAKES, Board
from tests.boot.home import TIME_SERVER, Home

PORT = 123
# Leap indicator, version and mode; stratum; poll; precision; root delay, root dispersion, reference; four times.
PACKET = struct.Struct("!BBbbIIIQQQQ")
CLIENT, SERVER = 3, 4
# Of a server that has a clock of its own, exact to a microsecond.
STRATUM, PRECISION = 1, -20
# Seconds from 1900 to 1970, and the fractions of which a second has this many.
FROM_1900 = 2_208_988_800
FRACTIONS = 1 << 32
# Seconds by which the board's clock may differ when it is read, which takes the emulated shell a while.
NEAR = 30.0
MARK = "/run/systemd/timesync/synchronized"


class TimeServer:
    """One time server.

    Args:
        home: where; it stands beyond the router.
        now: seconds since 1970 that it tells from now on, while time goes by.
    """

    def __init__(self, home: Home, now: float) -> None:
        self.tell(now)
        self._socket = home.receive(TIME_SERVER, PORT)
        threading.Thread(target=self._serve, daemon=True).start()

    def tell(self, now: float) -> None:
        """Let it be another time.

        Args:
            now: seconds since 1970.
        """
        self._ahead = now - time.monotonic()

    @property
    def now(self) -> float:
        """Seconds since 1970, as it tells them."""
        return time.monotonic() + self._ahead

    def close(self) -> None:
        """Nobody answers there any more."""
        # Closing alone would leave the thread waiting, and the port taken. That there is no peer is no news.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                asked, peer = self._socket.recvfrom(1024)
                if not peer:
                    # It was shut down.
                    return
                if reply := answer(asked, self.now):
                    self._socket.sendto(reply, peer)


def answer(asked: bytes, now: float) -> bytes:
    """What is answered to a question; nothing to anything else.

    Args:
        asked: the datagram.
        now: seconds since 1970.
    """
    if len(asked) < PACKET.size:
        return b""
    first, _, poll, *_, sent = PACKET.unpack_from(asked)
    version = first >> 3 & 7
    if first & 7 != CLIENT or not version:
        return b""
    stamp = round((now + FROM_1900) * FRACTIONS) % (1 << 64)
    # The client's own time comes back as it was.
    return PACKET.pack(version << 3 | SERVER, STRATUM, poll, PRECISION, 0, 0, 0, stamp, sent, stamp, stamp)


def nobody_has_told(board: Board) -> bool:
    """Whether the board knows no more than the floor of its clock."""
    return board.shell.run(f"test -e {MARK} || echo nobody", check=False) == "nobody"


def tell_anew(board: Board, server: TimeServer) -> None:
    """Let the board ask at once, as at a start: by itself it asks ever less often."""
    board.shell.run("systemctl restart systemd-timesyncd")
    wait_until_told(board, server)


def wait_until_told(board: Board, server: TimeServer) -> str:
    """Wait until the board's clock is the server's and the board knows that: what timesyncd says about it.

    Raises:
        AssertionError: that takes too long.
    """
    deadline = time.monotonic() + BOOT_TAKES
    while nobody_has_told(board) or abs(float(board.shell.run("date +%s")) - server.now) > NEAR:
        said = board.shell.run("journalctl -b -u systemd-timesyncd -o cat --no-pager | tail -n 20", check=False)
        assert time.monotonic() < deadline, said
        time.sleep(1)
    return board.shell.run("journalctl -b -u systemd-timesyncd -o cat --no-pager")
