"""One thing that shows: opened when it can be, tried again when it cannot, never in the way of the others."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.errors import PinsError
from appliance.lights.board import Board
from appliance.lights.board_light import MissingLightError
from appliance.lights.scenes import Scene
from appliance.lights.shade import OFF, levels, until_change
from appliance.settings.declared import LightsSettings
from appliance.text import Text, text

# Seconds. Pins that were taken may be free soon, and the driver of the board's light comes late; a board that has
# neither costs one look at a folder.
RETRY_EVERY = 5.0
NOTHING = text("")


@dataclass(frozen=True, slots=True)
class Socket:
    """Where something may be found to show things on.

    Args:
        wanted: whether the owner wants it.
        open: opens it, or raises PinsError.
        depends: what of the settings it is opened with; when that changes, it is opened anew.
    """

    wanted: Callable[[LightsSettings], bool]
    open: Callable[[LightsSettings], Board]
    depends: Callable[[LightsSettings], object] = lambda settings: None


class Fixture:
    """What is in one socket.

    Args:
        socket: where.
        say: takes one line for the log.
    """

    def __init__(self, socket: Socket, say: Callable[[str], object]) -> None:
        self._socket, self._say = socket, say
        self._board: Board | None = None
        self._retry_at = float("-inf")
        self._opened_with: object = None
        self._scene: Scene | None = None
        self.trouble: Text = NOTHING
        self.note: Text = NOTHING

    @property
    def is_open(self) -> bool:
        """Whether something is there to show things on."""
        return self._board is not None

    def use(self, settings: LightsSettings, now: float) -> None:
        """Open it, or let go of it, as the owner wants and as it is possible.

        Args:
            settings: the owner's.
            now: seconds since boot.
        """
        if self._board is not None and self._opened_with != self._socket.depends(settings):
            self.release()
            self._retry_at = now
        if not self._socket.wanted(settings):
            self.release()
            self._retry_at = now
            self._tell(NOTHING)
            self.note = NOTHING
        elif self._board is None and now >= self._retry_at:
            self._open(settings, now)

    def play(self, scene: Scene, seconds: float, bright: int, now: float, *, soft: bool) -> float | None:
        """Show what is due of a scene.

        Args:
            scene: which.
            seconds: since it began.
            bright: per cent.
            now: seconds since boot.
            soft: whether lamps swell and fade.

        Returns:
            Seconds until something else is due; None when nothing is.
        """
        board = self._board
        if board is None:
            return None
        pattern = scene.one if board.one_lamp else scene.three
        try:
            if scene != self._scene:
                board.begin(scene)
            self._scene = scene
            board.show(levels(pattern, seconds, bright, soft=soft) if bright else OFF)
        except PinsError as error:
            self._fail(error, now)
            return None
        self.note = board.note
        return until_change(pattern, seconds, soft=soft) if bright else None

    def pressed(self, now: float) -> bool | None:
        """Whether the button is down; None where there is none, or where it cannot be read.

        Args:
            now: seconds since boot.
        """
        if self._board is None:
            return None
        try:
            return self._board.pressed()
        except PinsError as error:
            self._fail(error, now)
            return None

    def release(self) -> None:
        """Let go of it."""
        if self._board is not None:
            self._board.close()
        self._board = self._scene = self._opened_with = None

    def _open(self, settings: LightsSettings, now: float) -> None:
        try:
            self._board = self._socket.open(settings)
        except MissingLightError as error:
            self._retry_at = now + RETRY_EVERY
            self._tell(NOTHING)
            self.note = _as_text(error.what)
        except PinsError as error:
            self._fail(error, now)
        else:
            self._opened_with = self._socket.depends(settings)
            self._tell(NOTHING)

    def _fail(self, error: PinsError, now: float) -> None:
        self.release()
        self._retry_at = now + RETRY_EVERY
        self._tell(error.what)

    def _tell(self, what: str) -> None:
        """Remember a trouble, or its end, and put it into the log once."""
        if what != self.trouble:
            self._say(f"lights: {what or 'The trouble is over.'}")
        self.trouble = _as_text(what)


def _as_text(sentence: str) -> Text:
    return sentence if isinstance(sentence, Text) else Text(sentence)
