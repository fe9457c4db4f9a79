"""What the service tells the other processes and the log, at each change and every few seconds."""

from collections.abc import Callable
from dataclasses import replace

from appliance.network.verdict import PortState, Verdict
from appliance.paths import Paths
from appliance.status.router import MappedPort, RouterStatus, publish

# Seconds. Readers take a status older than a minute for none; a round takes up to half of that.
PUBLISH_EVERY = 5.0


class Telling:
    """The status file of one service.

    Args:
        paths: where it is.
        say: takes one line for the log.
        clock: seconds since boot.
    """

    def __init__(self, paths: Paths, say: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._path = paths.router_status
        self._say, self._clock = say, clock
        self._told: RouterStatus | None = None
        self._due = float("-inf")
        self._unwritable = False

    @property
    def begun(self) -> bool:
        """Whether anything has been told."""
        return self._told is not None

    def tell(self, status: RouterStatus) -> None:
        """Write the status if it has changed, or if it grows old; a new verdict goes into the log too."""
        now = self._clock()
        if status == self._told and now < self._due:
            return
        if self._told is None or status.verdict is not self._told.verdict:
            self._say(f"router: {status.verdict.value}{' by ' + status.method if status.method else ''}.")
        self._told, self._due = status, now + PUBLISH_EVERY
        try:
            publish(self._path, replace(status, written=now))
        except OSError as error:
            if not self._unwritable:
                self._say(f"router: The status cannot be written ({error}); the page will not show it.")
            self._unwritable = True
        else:
            self._unwritable = False

    def end(self) -> None:
        """Take the last word back."""
        self._path.unlink(missing_ok=True)


def port_told(port: int, state: PortState, verdict: Verdict) -> MappedPort:
    """One port for the status."""
    if verdict is Verdict.OPEN:
        return MappedPort(port, port, PortState.OPEN)
    return MappedPort(port, port if state is PortState.MAPPED else 0, state)
