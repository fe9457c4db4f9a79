"""The demo's processes: started together, and ended together whatever happens to the demo."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import appliance

# Seconds that a process gets to end when it is told to, before it is killed.
PATIENCE = 6.0
PR_SET_PDEATHSIG = 1  # prctl(2)
PACKAGE_FOLDER = Path(appliance.__file__).resolve().parents[1]


class Children:
    """Processes by name, ended in the reverse order of their start.

    Args:
        logs: a folder for what they say.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def start(self, name: str, *module_and_arguments: str, draws: bool = False) -> int:
        """Start ``python3 -m MODULE ARGUMENTS``; returns its process id.

        Args:
            name: for messages, and for the file that takes what it says on standard error.
            module_and_arguments: what to run.
            draws: whether its standard output is the demo's own.
        """
        # From a checkout, too, and from any folder.
        search = os.pathsep.join(filter(None, (str(PACKAGE_FOLDER), os.environ.get("PYTHONPATH"))))
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module_and_arguments],
                stdin=subprocess.DEVNULL,
                stdout=None if draws else log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": search},
                # Ctrl-C reaches the demo alone, which then ends them in order.
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self._running[name] = process
        return process.pid

    def newly_ended(self) -> list[str]:
        """Names of those that have ended since the last call, though nobody told them to."""
        found = [name for name, process in self._running.items() if process.poll() is not None]
        new = [name for name in found if name not in self._ended]
        self._ended.update(new)
        return new

    def last_words(self, name: str, lines: int = 8) -> str:
        """The end of what a process said."""
        with suppress(OSError):
            return "\n".join(self._log(name).read_text(errors="replace").splitlines()[-lines:])
        return ""

    def end(self) -> None:
        """End all of them; those that do not listen are killed."""
        for process in reversed(self._running.values()):
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _end_with_parent() -> None:
    # A demo that is killed leaves nothing behind. Runs between fork and exec; the demo has one thread only.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
