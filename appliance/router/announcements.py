"""What a router tells everybody when it has started anew: then the mappings are gone and have to be made again.

Sources: RFC 6886 section 3.2.1, RFC 6887 section 14.1.
"""

import socket
from contextlib import suppress

from appliance.router import natpmp, pcp
from appliance.router.damaged import DamagedAnswer

# Clients listen here on 224.0.0.1, the group of all hosts, of which every host is a member anyway.
PORT = 5350
# Datagrams that are read at once; a flood must not keep the service from its work.
AT_ONCE = 20


class Announcements:
    """The socket for announcements; without one, only the regular rounds notice a new start."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            # Other programs on this device may listen too.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("", PORT))
        except OSError:
            self.close()

    def heard_from(self, gateway: str) -> bool:
        """Whether this gateway has announced something since the last call."""
        heard = False
        for _ in range(AT_ONCE):
            try:
                if self._socket is None:
                    break
                data, sender = self._socket.recvfrom(pcp.LONGEST + 1)
            except OSError:
                break
            if sender[0] == gateway:
                with suppress(DamagedAnswer):
                    _understand(data)
                    heard = True
        return heard

    def close(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _understand(data: bytes) -> None:
    if data[:1] == bytes((natpmp.VERSION,)):
        natpmp.understand_address(data)
    else:
        pcp.understand_announcement(data)
