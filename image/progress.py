"""What the person at the terminal sees: one line a stage, with its number, and how long it has been going."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_TICK = 15.0  # seconds between signs of life where the terminal cannot redraw a line


class Progress:
    """Stage lines on standard error: `[3/8]  0:42  base system ...`."""

    def __init__(self, stages: int) -> None:
        self.stages = stages
        self.number = 0
        self.started = time.monotonic()
        self.detail = ""
        self._redraw = sys.stderr.isatty()
        self._lock = threading.Lock()

    def _line(self, title: str, tail: str, end: str) -> None:
        elapsed = int(time.monotonic() - self.started)
        text = f"[{self.number}/{self.stages}] {elapsed // 60:3d}:{elapsed % 60:02d}  {title}{tail}"
        with self._lock:
            sys.stderr.write((f"\r\x1b[K{text}" if self._redraw else text) + end)
            sys.stderr.flush()

    def note(self, text: str) -> None:
        """Say something inside a stage; it is shown with the next tick."""
        self.detail = text

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """One stage: says that it begins, that it is still going, and how long it took."""
        self.number += 1
        self.detail = ""
        begun = time.monotonic()
        done = threading.Event()

        def tick() -> None:
            while not done.wait(1.0 if self._redraw else QUIET_TICK):
                detail = f": {self.detail}" if self.detail else ""
                self._line(title, f" ... {time.monotonic() - begun:.0f} s{detail}", "" if self._redraw else "\n")

        self._line(title, " ...", "" if self._redraw else "\n")
        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        except BaseException:
            done.set()
            ticker.join()
            self._line(title, " stopped", "\n")
            raise
        done.set()
        ticker.join()
        took = time.monotonic() - begun
        self._line(title, f": {self.detail + ', ' if self.detail else ''}{took:.0f} s", "\n")
