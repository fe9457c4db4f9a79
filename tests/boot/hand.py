"""A hand on the board's button: it makes the level of a pin, from outside.

QEMU's model of the chip has no wires into it (hw/gpio/bcm2835_gpio.c of 7.2 and 10.0: outputs only, no pull-up, no edge
interrupts). But it keeps one level for each pin, which a write to GPSET0 or GPCLR0 changes whether the pin is an output
or not, and which is what an input reads. The kernel writes there only for its outputs; this hand does it for the
button's pin, through qtest, the protocol of the emulator's own tests (QEMU manual, "QTest Device Emulation Testing
Framework"), which works beside a running system too. Since there are no edges, porchlight must look at the pin by
itself, and it does.
"""

from collections.abc import Sequence

from tests.boot.door import Door
from tests.boot.gpio import BLOCK, GPCLR0, GPSET0


class Hand(Door):
    """One hand, at the emulator's socket for it."""

    def press(self, gpio: int) -> None:
        """Push the button down: its pin is connected to ground.

        Raises:
            OSError: the emulator has gone, or it refused.
        """
        self._write(GPCLR0, gpio)

    def let_go(self, gpio: int) -> None:
        """Let the pin be pulled up, as its resistor does on a real board and as nothing does at first on this one.

        Raises:
            OSError: the emulator has gone, or it refused.
        """
        self._write(GPSET0, gpio)

    def put(self, address: int, words: Sequence[int]) -> None:
        """Write words of 32 bits into the board's memory, one after another.

        Raises:
            OSError: the emulator has gone, or it refused.
        """
        for number, word in enumerate(words):
            self._put(address + 4 * number, word)

    def _write(self, register: int, gpio: int) -> None:
        self._put(BLOCK + register, 1 << gpio)

    def _put(self, address: int, word: int) -> None:
        with self._lock:
            self._file.write(f"writel {address:#x} {word:#x}\n".encode())
            self._file.flush()
            answer = self._file.readline().decode()
        if not answer.startswith("OK"):
            raise OSError(f"the emulator said {answer!r}")
