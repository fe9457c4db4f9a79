"""What RAUC calls to learn and to change which slot is started: its "custom" boot loader (RAUC manual, "Custom").

Run as ``python3 -m appliance.update.backend get-primary | set-primary SLOT | get-state SLOT | set-state SLOT good|bad |
get-current``.
"""

import sys
from collections.abc import Sequence

from appliance.errors import UpdateError
from appliance.update.disk import Memory, booted, card
from appliance.update.environment import SLOTS


def answer(arguments: Sequence[str], memory: Memory) -> str | None:
    """Do what RAUC asks for.

    Args:
        arguments: as above.
        memory: what is remembered on the card.

    Returns:
        What RAUC reads; None when the question is not understood.

    Raises:
        UpdateError: the card cannot be read or written.
    """
    held = memory.read()
    match arguments:
        case ["get-primary"]:
            return held.primary or ""
        case ["get-current"]:
            return booted()[0] or ""
        case [command, name, *rest] if slot := next((one for one in SLOTS if one == name), None):
            match [command, *rest]:
                case ["get-state"]:
                    return "good" if held.left(slot) > 0 else "bad"
                case ["set-primary"]:
                    # RAUC does so when the new system is written: from now on its starts are counted.
                    memory.write(held.on_trial(slot))
                    return ""
                case ["set-state", "bad"]:
                    memory.write(held.marked_bad(slot))
                    return ""
                case ["set-state", "good"]:
                    memory.write(held.marked_good(slot))
                    return ""
    return None


def main() -> int:
    """Run by RAUC: 0 when it was done, 1 when not."""
    try:
        said = answer(sys.argv[1:], Memory(card()))
    except UpdateError as error:
        print(error, file=sys.stderr)
        return 1
    if said is None:
        print(__doc__, file=sys.stderr)
        return 1
    if said:
        print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
