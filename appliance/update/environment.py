"""What the boot script and the system tell each other over a restart: which slot is started, and how often.

Pure: bytes in, bytes out. The format is that of U-Boot's ``env export -c`` (cmd/nvedit.c): a CRC-32 of the rest, lowest
byte first, then ``name=value`` in ASCII, each ended by a zero byte, and zeros to the end. There are two copies, and the
newer one that is whole holds (``image/boot.cmd`` and ``disk`` in this package).
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Slot = Literal["A", "B"]
SLOTS: tuple[Slot, Slot] = ("A", "B")

# Bytes of one copy: a page, so that neither the kernel nor the card writes anything else with it.
SIZE = 4096
# Bytes from the card's beginning, before the first partition. 1 MiB apart: what a card spoils around a cut write.
OFFSETS = (1024 * 1024, 2 * 1024 * 1024)
# How often a slot on trial is started before the other one is. One start may fail because somebody pulls the plug.
TRIES = 3
# U-Boot calculates with hexadecimal numbers of 64 bits; half of that outlives every card.
NUMBER = re.compile(r"[0-9a-f]{1,8}", re.ASCII)
CHECKSUM = 4  # bytes


@dataclass(frozen=True, slots=True)
class Environment:
    """What is remembered.

    Args:
        order: the slots in the order in which they are tried.
        trial: the slot whose tries are counted, since it has not shown yet that it relays; None: none.
        left_a: how many tries slot A has left; with 0 it is not started as long as the other one starts.
        left_b: the same for slot B.
        written: grows with each writing, so that the newer of two copies is known.
    """

    order: tuple[Slot, ...] = SLOTS
    trial: Slot | None = None
    left_a: int = TRIES
    left_b: int = TRIES
    written: int = 0

    def left(self, slot: Slot) -> int:
        """How many tries a slot has left."""
        return self.left_a if slot == "A" else self.left_b

    @property
    def primary(self) -> Slot | None:
        """The slot that the next start takes; None when no slot has tries left."""
        return next((slot for slot in self.order if self.left(slot) > 0), None)

    def with_left(self, slot: Slot, left: int) -> "Environment":
        """The same with another number of tries."""
        return replace(self, left_a=left) if slot == "A" else replace(self, left_b=left)

    def on_trial(self, slot: Slot) -> "Environment":
        """A new system has been written to this slot: it comes first, and its starts are counted."""
        order = (slot, *(one for one in SLOTS if one != slot))
        return replace(self, order=order, trial=slot).with_left(slot, TRIES)

    def marked_good(self, slot: Slot) -> "Environment":
        """The slot has shown that it relays: it comes first, and starting it writes nothing any more."""
        order = (slot, *(one for one in SLOTS if one != slot))
        return replace(self, order=order, trial=None).with_left(slot, TRIES)

    def marked_bad(self, slot: Slot) -> "Environment":
        """The slot is not started any more, unless the other one does not start."""
        return replace(self, trial=None if self.trial == slot else self.trial).with_left(slot, 0)


def encode(environment: Environment) -> bytes:
    """One copy, ``SIZE`` bytes."""
    lines = [f"BOOT_A_LEFT={environment.left_a}", f"BOOT_B_LEFT={environment.left_b}"]
    lines.append(f"BOOT_ORDER={' '.join(environment.order)}")
    lines += [f"BOOT_TRIAL={environment.trial}"] if environment.trial else []
    lines.append(f"BOOT_WRITTEN={environment.written:x}")
    data = "".join(f"{line}\0" for line in lines).encode("ascii").ljust(SIZE - CHECKSUM, b"\0")
    return zlib.crc32(data).to_bytes(CHECKSUM, "little") + data


def decode(copy: bytes) -> Environment | None:
    """What a copy says; None when it is damaged, or was never written.

    Args:
        copy: ``SIZE`` bytes; anything else counts as damaged.
    """
    data = copy[CHECKSUM:]
    if len(copy) != SIZE or zlib.crc32(data) != int.from_bytes(copy[:CHECKSUM], "little"):
        return None
    lines = data.partition(b"\0\0")[0].decode("ascii", "replace").split("\0")
    values = dict(line.partition("=")[::2] for line in lines)
    order = tuple(slot for word in values.get("BOOT_ORDER", "").split() for slot in SLOTS if slot == word)
    trial = next((slot for slot in SLOTS if slot == values.get("BOOT_TRIAL")), None)
    numbers = [values.get(name, "") for name in ("BOOT_A_LEFT", "BOOT_B_LEFT", "BOOT_WRITTEN")]
    if not order or len(set(order)) != len(order) or not all(NUMBER.fullmatch(number) for number in numbers):
        return None
    left_a, left_b, written = (int(number, 16) for number in numbers)
    return Environment(order, trial, left_a, left_b, written)


def newest(copies: Sequence[bytes]) -> tuple[Environment, int]:
    """What holds of the two copies, and which one is to be written next.

    Returns:
        What holds, which is the beginning when both are damaged; and the number of the copy that may be lost.
    """
    found = [decode(copy) for copy in copies]
    whole = [(one, number) for number, one in enumerate(found) if one]
    if not whole:
        return Environment(), 0
    held, number = max(whole, key=lambda pair: (pair[0].written, -pair[1]))
    return held, 1 - number
