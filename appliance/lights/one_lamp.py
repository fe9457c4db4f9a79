"""The language for one lamp alone: the board's own light, or one LED of three colours. No input or output here.

One lamp has nothing but its rhythm, so each state has one of its own; a lamp of three colours adds a colour, which
nobody needs in order to read it. Where the three lamps count flashes, the one lamp counts them too:

- short flashes count how far the way out is open, as on the three lamps;
- one long flash and then short ones: working, but something waits for you;
- a lamp that is on most of the time: all is well.
"""

from appliance.lights.language import AMBER, DARK, FLASH, GAP, GREEN, PAUSE, RED, Frame, Pattern, Step
from appliance.status.state import State
from appliance.text import text

# Milliseconds. Four times a short flash: nobody takes the one for the other.
LONG = 800


def _series(lit: Frame, *lasts: int) -> tuple[Step, ...]:
    """Flashes of these lengths and a pause."""
    steps = [step for one in lasts for step in (Step(lit, one), Step(DARK, GAP))]
    return (*steps[:-1], Step(DARK, PAUSE))


ONE_LAMP: dict[State, Pattern] = {
    State.STARTING: Pattern((Step(GREEN, FLASH), Step(DARK, GAP)), text("It blinks evenly and fast")),
    State.WAITING_TO_BE_CLAIMED: Pattern(_series(GREEN, LONG, LONG), text("Two long flashes, then a pause")),
    State.NO_NETWORK: Pattern(_series(RED, FLASH), text("One short flash, then a pause")),
    State.UPSTREAM_UNREACHABLE: Pattern(_series(AMBER, FLASH, FLASH), text("Two short flashes, then a pause")),
    State.NOT_REACHABLE: Pattern(_series(AMBER, FLASH, FLASH, FLASH), text("Three short flashes, then a pause")),
    State.RELAYING: Pattern((Step(GREEN, 1000),), text("It is on, without blinking")),
    State.RELAYING_IN_USE: Pattern(
        (Step(GREEN, 3800), Step(DARK, FLASH)), text("It is on, and goes off for a moment every four seconds")
    ),
    State.QUOTA_REACHED: Pattern(_series(AMBER, LONG, LONG, LONG), text("Three long flashes, then a pause")),
    State.PAUSED: Pattern((Step(AMBER, FLASH), Step(DARK, 5800)), text("One short flash every six seconds")),
    State.UPDATING: Pattern((Step(AMBER, LONG), Step(DARK, GAP)), text("It is on, and goes off once a second")),
    State.SETTINGS_MISTAKEN: Pattern(
        _series(GREEN, LONG, FLASH, FLASH), text("One long flash and two short ones, then a pause")
    ),
    State.NEEDS_ATTENTION: Pattern(
        _series(GREEN, LONG, FLASH, FLASH, FLASH), text("One long flash and three short ones, then a pause")
    ),
    State.HARDWARE_TROUBLE: Pattern(
        _series(GREEN, LONG, FLASH, FLASH, FLASH, FLASH), text("One long flash and four short ones, then a pause")
    ),
    State.STOPPED: Pattern((Step(RED, 1000), Step(DARK, 1000)), text("It goes slowly on and off")),
    State.SAFE_TO_UNPLUG: Pattern(
        _series(GREEN, LONG, LONG, LONG, LONG), text("Four long flashes, then a pause; then it goes out")
    ),
}
