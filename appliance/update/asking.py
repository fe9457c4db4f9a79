"""The updater's side of what root does for it: leave an order, and follow what root says to it."""

import fcntl
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.update.bundle import died, not_started
from appliance.update.order import GIVE_UP, RESTART, Answer, Order, answered

# Seconds until root's service has taken an order: ten times what it takes on an idle Pi 3.
STARTS = 300.0
# Seconds between two looks.
EVERY = 1.0


class Root:
    """Root, as the updater knows it.

    Args:
        paths: where this instance keeps its files.
        starts: seconds that root's service may take until it has taken an order.
        wait: sleeps.
    """

    def __init__(self, paths: Paths, starts: float = STARTS, wait: Callable[[float], None] = time.sleep) -> None:
        self._paths, self._starts, self._wait = paths, starts, wait

    def install(self, source: str, progress: Callable[[int], None]) -> None:
        """Have a bundle written into the other slot, so that the next start tries it.

        Args:
            source: an HTTPS address, or a file in one of the folders that ``order.may_install`` knows.
            progress: told the percentage now and then.

        Raises:
            UpdateError: it was refused, or not written.
        """
        self._ask(source, self._paths.install_order, self._paths.install_answer, progress)

    def give_up(self) -> None:
        """Have the slot that did not stay taken for bad.

        Raises:
            UpdateError: the card cannot be written.
        """
        self._ask(GIVE_UP, self._paths.slot_order, self._paths.slot_answer)

    def restart(self) -> None:
        """Have the device restarted.

        Raises:
            UpdateError: it does not restart.
        """
        self._ask(RESTART, self._paths.slot_order, self._paths.slot_answer)

    def _ask(self, what: str, order: Path, answer: Path, progress: Callable[[int], None] | None = None) -> None:
        number = secrets.token_hex(16)
        try:
            write_atomically(order, Order(number, what).written(), durable=False)
        except OSError as error:
            raise not_started() from error
        deadline = since_boot() + self._starts
        while True:
            found = answered(answer)
            if found and found.number == number:
                if not found.ended and not held(answer.with_name("lock")):
                    # It has let go since: with its last word, or without one, as for want of memory.
                    found = answered(answer)
                    if not (found and found.number == number and found.ended):
                        raise died(answer.parent.name)
                if progress:
                    progress(found.percent)
                if found.ended:
                    _raise_for(found)
                    return
            elif since_boot() > deadline:
                with suppress(OSError):
                    order.unlink()
                raise not_started()
            self._wait(EVERY)


def _raise_for(answer: Answer) -> None:
    if answer.said:
        raise UpdateError(answer.said, answer.means, answer.todo)


def held(lock: Path) -> bool:
    """Whether somebody works behind this lock."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
