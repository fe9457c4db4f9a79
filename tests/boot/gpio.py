"""The board's pins, as the registers of its GPIO block show them.

Source: BCM2835 ARM Peripherals, chapter 6: three bits of function for each pin from GPFSEL0 on (ten pins a register,
1 is "output"), and one bit of level for each pin in GPLEV0. A Pi 3 has the block at 0x3F200000.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from appliance.lights.language import Frame
from appliance.lights.pins import load_pins
from tests.boot.card import ACT

BLOCK = 0x3F200000
# From GPFSEL0 to GPLEV0, which is word 13.
WORDS = 14
GPLEV0 = 0x34 // 4
# Bytes from BLOCK: a 1 written there makes a pin high, or low.
GPSET0, GPCLR0 = 0x1C, 0x28
OUTPUT = 0b001

WORD = re.compile(r"0x([0-9a-f]{8})\b")


class Levels(NamedTuple):
    """The three lights' pins at one moment: whether each is an output, and what it gives; and the board's own light."""

    outputs: Frame
    lit: Frame
    act: bool = False


def read_command() -> str:
    """What to ask the emulator's monitor for."""
    return f"xp /{WORDS}wx {BLOCK:#x}"


def words(answer: str) -> list[int]:
    """The register words in the monitor's answer.

    Raises:
        ValueError: it is not an answer to ``read_command``.
    """
    found = [int(word, 16) for line in answer.splitlines() for word in WORD.findall(line.partition(":")[2])]
    if len(found) != WORDS:
        raise ValueError(f"not {WORDS} register words: {answer!r}")
    return found


def levels(registers: Sequence[int]) -> Levels:
    """What the lights' pins do, from the words at ``BLOCK``."""
    gpios = load_pins().gpios
    outputs = Frame(*((registers[gpio // 10] >> (gpio % 10 * 3)) & 0b111 == OUTPUT for gpio in gpios))
    high = Frame(*(bool(registers[GPLEV0] >> gpio & 1) for gpio in gpios))
    # A pin that is an input lights nothing, whatever level it sees.
    act = registers[ACT // 10] >> (ACT % 10 * 3) & 0b111 == OUTPUT and bool(registers[GPLEV0] >> ACT & 1)
    return Levels(outputs, Frame(*(out and level for out, level in zip(outputs, high, strict=True))), act)
