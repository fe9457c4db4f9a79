"""What the service tells the other processes and the log, at each change and every few seconds."""

from collections.abc import Callable
from dataclasses import replace

from appliance.network.verdict import PortState, Verdict
from appliance.paths import Paths
from appliance.status import telling
from appliance.status.router import MappedPort, RouterStatus


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
        self._verdict: Verdict | None = None
        self._telling = telling.Telling(self._path, "router", say)

    @property
    def begun(self) -> bool:
        """Whether anything has been told."""
        return self._verdict is not None

    def tell(self, status: RouterStatus) -> None:
        """Write the status if it has changed, or if it grows old; a new verdict goes into the log too."""
        if status.verdict is not self._verdict:
            self._say(f"router: {status.verdict.value}{' by ' + status.method if status.method else ''}.")
        self._verdict = status.verdict
        self._telling.tell(replace(status, written=self._clock()))

    def end(self) -> None:
        """Take the last word back."""
        self._path.unlink(missing_ok=True)


def port_told(port: int, state: PortState, verdict: Verdict) -> MappedPort:
    """One port for the status."""
    if verdict is Verdict.OPEN:
        return MappedPort(port, port, PortState.OPEN)
    return MappedPort(port, port if state is PortState.MAPPED else 0, state)
