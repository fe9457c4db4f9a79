"""Speaking to the emulator: QEMU's machine protocol, one JSON object a line (QEMU manual, "QMP reference")."""

import json
from pathlib import Path
from typing import Any

from tests.boot.door import Door


class Monitor(Door):
    """The emulator's monitor."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
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
