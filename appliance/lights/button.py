"""The button: from what its pin says to what somebody wants. No input or output here.

It acts when it is let go, and the lights say meanwhile what would happen: who has held it too long holds it a little
longer, and nothing happens. A button that is stuck, or a wire that touches ground, does nothing for the same reason.
"""

from enum import Enum

# Seconds. A contact bounces for some milliseconds; a hand cannot press for less than this.
BOUNCE = 0.03
LONG = 3.0
TOO_LONG = 8.0
VERY_LONG = 15.0
# Nobody holds a button for a minute.
STUCK = 60.0
# Held while the power is put in: it has no other meaning then, so five seconds are enough.
VERY_LONG_AT_BOOT = 5.0
# Seconds since boot until which a button that is already down was held while the power was put in.
AT_BOOT = 120.0


class Hold(Enum):
    """What letting go would do at this moment."""

    NOTHING_HELD = "nothing held"
    SHORT = "short"
    LONG = "long"
    TOO_LONG = "too long"
    VERY_LONG = "very long"
    STUCK = "stuck"


class Wish(Enum):
    """What somebody asked for with the button; the value is the word in the request file."""

    NETWORK = "network"
    CLAIM = "claim"
    RESET = "reset"


WISHES = {Hold.SHORT: Wish.NETWORK, Hold.LONG: Wish.CLAIM, Hold.VERY_LONG: Wish.RESET}


# From how many seconds on which of them, the longest first.
STAGES: tuple[tuple[float, Hold], ...] = (
    (STUCK, Hold.STUCK),
    (VERY_LONG, Hold.VERY_LONG),
    (TOO_LONG, Hold.TOO_LONG),
    (LONG, Hold.LONG),
    (0.0, Hold.SHORT),
)
STAGES_AT_BOOT: tuple[tuple[float, Hold], ...] = (
    (STUCK, Hold.STUCK),
    (VERY_LONG_AT_BOOT, Hold.VERY_LONG),
    (0.0, Hold.TOO_LONG),
)


class Button:
    """One button, as its pin is read from time to time."""

    def __init__(self) -> None:
        self._level: bool | None = None
        self._candidate: tuple[bool, float] | None = None
        self._pressed_at: float | None = None
        self._from_boot = False

    def feed(self, now: float, pressed: bool) -> Wish | None:
        """Take in one reading.

        Args:
            now: seconds since boot.
            pressed: whether the button is down.

        Returns:
            What somebody wants, at the moment when the button is let go; None otherwise.
        """
        if self._candidate is None or self._candidate[0] is not pressed:
            self._candidate = pressed, now
        since = self._candidate[1]
        if pressed is self._level or now - since < BOUNCE:
            return None
        first, self._level = self._level is None, pressed
        if pressed:
            self._pressed_at, self._from_boot = since, first and since < AT_BOOT
            return None
        wish = None if self._pressed_at is None else WISHES.get(self._hold(since - self._pressed_at))
        self._pressed_at = None
        return wish

    def hold(self, now: float) -> Hold:
        """What letting go at that time would do."""
        return Hold.NOTHING_HELD if self._pressed_at is None else self._hold(now - self._pressed_at)

    def _hold(self, seconds: float) -> Hold:
        stages = STAGES_AT_BOOT if self._from_boot else STAGES
        return next(hold for least, hold in stages if seconds >= least)
