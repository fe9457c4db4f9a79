"""Speaking to the emulator: QEMU's machine protocol, one JSON object a line (QEMU manual, "QMP reference")."""

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

# Seconds for one answer: the emulator answers between two steps of the emulated board.
PATIENCE = 60.0


class Monitor:
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
        self._file.readline()  # its greeting
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """Give a command and return its result.

        Raises:
            OSError: the emulator has gone, or it refused.
        """
        with self._lock:
            self._file.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            self._file.flush()
            while line := self._file.readline():
                answer = json.loads(line)
                if "error" in answer:
                    raise OSError(f"{command}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]
        raise ConnectionError("the emulator has ended")

    def human(self, line: str) -> str:
        """Give a command of the monitor for people, such as ``xp /1wx 0x3f200034``."""
        return str(self.execute("human-monitor-command", **{"command-line": line}))

    def close(self) -> None:
        """Hang up; the emulator goes on."""
        # A command may still wait to be written to an emulator that has gone by itself.
        with suppress(OSError):
            self._file.close()
        self._socket.close()
