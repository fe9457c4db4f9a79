"""The lights' own process: looks how porchlight is doing, plays the pattern, says what it shows.

One loop without threads. It sleeps until the next thing is due: a step of the pattern, a look at the status, or a new
attempt at the pins. Steps are reckoned from the moment when the pattern began, so a late wake-up delays one step and
never the rhythm.

What happens to the lights when this process cannot go on (docs/lights.md):

- it is told to end: the pattern for ``stopped``, then dark;
- it dies: the kernel closes its character device and turns the pins back into inputs, so they go dark;
- it hangs: the service manager hears no more from it and kills it.
"""

from collections.abc import Callable
from typing import Protocol

from appliance.clock import since_boot
from appliance.errors import PinsError
from appliance.lights.board import Board
from appliance.lights.language import PATTERNS, frame, until_change
from appliance.paths import Paths
from appliance.status.gather import Situation
from appliance.status.lights import LightsStatus, publish
from appliance.status.state import State

# Seconds. With the relay's silence of at most 3.5 s (STALE_AFTER) the lights are right again within four.
LOOK_EVERY = 0.5
# Readers take a status older than ten seconds for none; this leaves room for a busy card.
PUBLISH_EVERY = 2.0
# Pins that were taken may be free soon; a board without any costs one look at /dev.
RETRY_EVERY = 5.0
# Long enough to be seen: one long red flash before the lights go dark.
FAREWELL = 1.0


class Watching(Protocol):
    """Whatever knows how porchlight is doing: ``appliance.status.gather.Watch``."""

    def situation(self) -> Situation:
        """The verdict now."""


class Lights:
    """The lights of one porchlight.

    Args:
        paths: where the status of the lights goes.
        watch: tells the state; it is asked every ``LOOK_EVERY`` seconds.
        open_board: opens the pins, or raises PinsError; called again as long as it does.
        notify: speaks to the service manager (sd_notify(3)).
        say: takes one line for the log.
        clock: seconds since boot.
    """

    def __init__(
        self,
        paths: Paths,
        watch: Watching,
        open_board: Callable[[], Board],
        *,
        notify: Callable[[str], object] = lambda message: None,
        say: Callable[[str], object] = lambda line: None,
        clock: Callable[[], float] = since_boot,
    ) -> None:
        self._paths, self._watch, self._open_board = paths, watch, open_board
        self._notify, self._say, self._clock = notify, say, clock
        self._board: Board | None = None
        self._enabled = True
        self._state: State | None = None
        self._begun = 0.0
        self._look_at = self._retry_at = self._publish_at = float("-inf")
        # Two causes, so that the end of the one does not hide the other.
        self._pins_trouble = self._watch_trouble = ""
        self._published: tuple[State, str] | None = None
        self._unwritable = False

    def run(self, wait: Callable[[float], bool]) -> None:
        """Show how porchlight is doing until somebody says stop, then say farewell and let go of the pins.

        Args:
            wait: sleeps for that many seconds at most; True when it is time to stop.
        """
        try:
            pause = self._step()
            self._notify("READY=1")
            while not wait(pause):
                pause = self._step()
            self._notify("STOPPING=1")
            self._farewell(wait)
        finally:
            self._release()

    def _step(self) -> float:
        """Do what is due; returns the seconds until something is due again."""
        now = self._clock()
        if now >= self._look_at:
            self._look()
            self._look_at = now + LOOK_EVERY
            self._notify("WATCHDOG=1")
        if not self._enabled:
            self._release()
            self._pins_trouble, self._retry_at = "", now
        elif self._board is None and now >= self._retry_at:
            self._open(now)
        change = self._play()
        self._publish(now)
        due = self._look_at if change is None else min(self._look_at, self._clock() + change)
        return max(0.0, due - self._clock())

    def _look(self) -> None:
        try:
            situation = self._watch.situation()
        except Exception as error:
            # Whatever it is: lights that stay as they are would go on claiming that all is well.
            self._trouble(f"The lights cannot tell how the relay is doing ({type(error).__name__}: {error}).", "watch")
            self._become(State.STOPPED)
            return
        self._trouble("", "watch")
        self._enabled = situation.loaded.settings.lights.enabled
        self._become(situation.state)

    def _become(self, state: State) -> None:
        if state is not self._state:
            self._state, self._begun = state, self._clock()
            self._on_board(lambda board: board.begin(state))

    def _open(self, now: float) -> None:
        try:
            self._board = self._open_board()
        except PinsError as error:
            self._retry_at = now + RETRY_EVERY
            self._trouble(error.what, "pins")
            return
        self._trouble("", "pins")
        if self._state is not None:
            state, self._begun = self._state, self._clock()
            self._on_board(lambda board: board.begin(state))

    def _play(self) -> float | None:
        """Show what is due; returns the seconds until the next step, None when there is none."""
        if self._state is None or self._board is None:
            return None
        pattern, seconds = PATTERNS[self._state], self._clock() - self._begun
        self._on_board(lambda board: board.show(frame(pattern, seconds)))
        return until_change(pattern, seconds)

    def _on_board(self, act: Callable[[Board], None]) -> None:
        if self._board is None:
            return
        try:
            act(self._board)
        except PinsError as error:
            self._release()
            self._retry_at = self._clock() + RETRY_EVERY
            self._trouble(error.what, "pins")

    def _release(self) -> None:
        if self._board is not None:
            self._board.close()
            self._board = None

    def _trouble(self, what: str, cause: str) -> None:
        """Remember a trouble, or its end, and put it into the log once."""
        before = self._pins_trouble if cause == "pins" else self._watch_trouble
        if cause == "pins":
            self._pins_trouble = what
        else:
            self._watch_trouble = what
        if what != before:
            self._say(f"lights: {what or 'The trouble is over.'}")

    def _publish(self, now: float) -> None:
        if self._state is None:
            return
        word = self._state, " ".join(part for part in (self._pins_trouble, self._watch_trouble) if part)
        if word == self._published and now < self._publish_at:
            return
        self._published, self._publish_at = word, now + PUBLISH_EVERY
        try:
            publish(self._paths.lights_status, LightsStatus(self._clock(), word[0].value, word[1]))
        except OSError as error:
            if not self._unwritable:
                self._say(f"lights: Their status cannot be written ({error}); the page will not show it.")
            self._unwritable = True
        else:
            self._unwritable = False

    def _farewell(self, wait: Callable[[float], bool]) -> None:
        self._become(State.STOPPED)
        self._play()
        self._publish(self._clock())
        if self._board is not None:
            wait(FAREWELL)
