"""The two copies of what is remembered, on the card itself: read and written so that one of them is always whole."""

import os
from contextlib import suppress
from pathlib import Path

from appliance.errors import UpdateError
from appliance.text import text
from appliance.update.environment import OFFSETS, SIZE, Environment, Slot, encode, newest

# Partition 2 is slot A (image/layout.py); the kernel names the disk's partitions by its id.
SLOT_A = "706c6967-02"
BLOCKS = Path("/sys/class/block")
COMMAND_LINE = Path("/proc/cmdline")


class Memory:
    """What is remembered on one card.

    Args:
        card: the whole card's device, or a file with the same bytes at the same places.
    """

    def __init__(self, card: Path) -> None:
        self._card = card

    def read(self) -> Environment:
        """What holds now.

        Raises:
            UpdateError: the card cannot be read.
        """
        return newest(self._copies())[0]

    def write(self, wanted: Environment) -> Environment:
        """Remember this, unless it is remembered already; at every moment one copy is whole.

        Args:
            wanted: all but ``written``, which is counted here.

        Returns:
            What holds now.

        Raises:
            UpdateError: the card cannot be written; what was remembered before still holds.
        """
        held, place = newest(self._copies())
        new = Environment(wanted.order, wanted.trial, wanted.left_a, wanted.left_b, held.written + 1)
        if Environment(new.order, new.trial, new.left_a, new.left_b, held.written) == held and held.written:
            return held
        try:
            descriptor = os.open(self._card, os.O_WRONLY | os.O_CLOEXEC)
            try:
                if os.pwrite(descriptor, encode(new), OFFSETS[place]) != SIZE:
                    raise OSError("only a part was written")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise UpdateError(
                text("The memory card cannot be written: %(why)s.", why=error.strerror or str(error)),
                "Nothing has changed: the next start takes the same system as this one.",
                "If this stays, the card is worn out: flash another one.",
            ) from error
        return new

    def _copies(self) -> list[bytes]:
        try:
            descriptor = os.open(self._card, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return [os.pread(descriptor, SIZE, offset) for offset in OFFSETS]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise UpdateError(
                text("The memory card cannot be read: %(why)s.", why=error.strerror or str(error)),
                "Nothing has changed: the next start takes the same system as this one.",
                "If this stays, the card is worn out: flash another one.",
            ) from error


def card(blocks: Path = BLOCKS) -> Path:
    """The card that the system runs from.

    Args:
        blocks: where the kernel lists the block devices.

    Raises:
        UpdateError: this is not a porchlight card.
    """
    for event in sorted(blocks.glob("*/uevent")):
        with suppress(OSError):
            lines = event.read_text().splitlines()
            if f"PARTUUID={SLOT_A}" in lines:
                return Path("/dev") / event.parent.resolve().parent.name
    raise UpdateError(
        "This computer does not run from a porchlight card.",
        "There is nothing here that could be updated.",
        "Use this on the Raspberry Pi only.",
    )


def booted(command_line: Path = COMMAND_LINE) -> tuple[Slot | None, bool]:
    """The slot that the system was started from, and whether it is on trial, by the kernel's command line."""
    try:
        words = command_line.read_text().split()
    except OSError:
        return None, False
    slot: Slot | None = "A" if "rauc.slot=A" in words else "B" if "rauc.slot=B" in words else None
    return slot, "porchlight.trial" in words
