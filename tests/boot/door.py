"""A socket of the emulator on which one asks line by line."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

# Seconds for one answer: the emulator answers between two steps of the emulated board.
PATIENCE = 60.0


class Door:
    """One connection to a running emulator; used from several threads.

    Args:
        path: the emulator's socket.

    Raises:
        OSError: nobody listens there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rwb")

    def close(self) -> None:
        """Hang up; the emulator goes on."""
        # Something may still wait to be written to an emulator that has gone by itself.
        with suppress(OSError):
            self._file.close()
        self._socket.close()
