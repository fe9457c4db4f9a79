"""What the name says now: asked of the system's resolver about once a minute, in a thread, for it may take long."""

import socket
import threading
from dataclasses import dataclass

# Seconds between two questions about the same name, and after a question that nobody answered.
EVERY = 60.0
# A name with more addresses than this is not that of a home. Number.
MOST_ADDRESSES = 8
# getaddrinfo(3): the name exists with no address, or does not exist.
NOT_THERE = (socket.EAI_NONAME, socket.EAI_NODATA)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer.

    Args:
        name: what was asked for.
        addresses: what it says, IPv4 first.
        known: False while nobody has answered; a name that does not exist is known to have no address.
    """

    name: str
    addresses: tuple[str, ...] = ()
    known: bool = False


def resolve(name: str) -> Found:
    """Ask the system's resolver once; waits as long as that does."""
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return Found(name, known=error.errno in NOT_THERE)
    except (OSError, UnicodeError):
        return Found(name)
    addresses = {str(address[0]) for family, *_, address in answers if family in (socket.AF_INET, socket.AF_INET6)}
    return Found(name, tuple(sorted(addresses, key=lambda one: (":" in one, one))[:MOST_ADDRESSES]), known=True)


class Lookup:
    """Keeps the answer about one name fresh."""

    def __init__(self) -> None:
        self.found = Found("")
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def follow(self, name: str, now: float) -> None:
        """Ask again when it is time, without waiting for the answer.

        Args:
            name: the name; another one than last time is asked for at once, none is not asked for at all.
            now: seconds since boot.
        """
        if name != self.found.name:
            self.found, self._due = Found(name), now
        if not name or now < self._due or (self._thread and self._thread.is_alive()):
            return
        self._due = now + EVERY
        self._thread = threading.Thread(target=self._ask, args=(name,), daemon=True)
        self._thread.start()

    def hurry(self, now: float, seconds: float) -> None:
        """Ask again that many seconds from now, because the name has just changed."""
        self._due = min(self._due, now + seconds)

    def _ask(self, name: str) -> None:
        answer = resolve(name)
        # Nobody answers at times: then the last answer is more than none. Another name may be wanted by now.
        if self.found.name == name and (answer.known or not self.found.known):
            self.found = answer
