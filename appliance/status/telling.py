"""Telling the other processes again and again how a service is doing: at each change, and before its word is old."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.status.word import publish

# Seconds after which a word is written anew though nothing has changed. Readers take one of twenty seconds for old.
PUBLISH_EVERY = 5.0


class Telling:
    """The status file of one service.

    Args:
        path: the file.
        service: its name, for the log.
        say: takes one line for the log.
    """

    def __init__(self, path: Path, service: str, say: Callable[[str], object]) -> None:
        self._path, self._service, self._say = path, service, say
        self._told: Any = None
        self._unwritable = False

    def tell(self, status: Any) -> None:
        """Write a status if it has changed, or if the last one grows old; that it cannot be written is logged once.

        Args:
            status: a dataclass; its ``written`` says what time it is, in seconds since boot.
        """
        former = self._told
        same = former and replace(former, written=status.written) == status
        if same and status.written - former.written < PUBLISH_EVERY:
            return
        try:
            publish(self._path, status)
        except OSError as error:
            if not self._unwritable:
                reason = error.strerror
                self._say(f"{self._service}: The status cannot be written ({reason}); the page will not show it.")
            self._unwritable = True
        else:
            self._unwritable = False
            self._told = status
