"""The pins as a thing that shows frames: real ones through RPi.GPIO.

``import RPi.GPIO`` is the interface; docs/lights.md says what provides it on the card and why. It is imported when
the pins are opened and not before, since a computer without such pins has no such library.
"""

import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from appliance.errors import PinsError
from appliance.lights.language import Frame
from appliance.lights.pins import Pins
from appliance.status.state import State

CHIPS = "/dev"
NOT_AFFECTED = "The lights stay dark; the relay is not affected."


class Board(Protocol):
    """Something that three lights are connected to."""

    def begin(self, state: State) -> None:
        """A state's pattern begins; its frames follow.

        Raises:
            PinsError: the lights cannot be used any more.
        """

    def show(self, frame: Frame) -> None:
        """Light what the frame says.

        Raises:
            PinsError: the lights cannot be used any more.
        """

    def close(self) -> None:
        """Turn the lights off and let go of them; never raises."""


class GpioBoard:
    """LEDs on the header's pins.

    Connect each LED's long leg to its pin through a resistor of 330 ohms, and its short leg to ground.

    Args:
        pins: where they are connected.
        scratch: a folder that may be written to; lgpio, which drives the pins, insists on a pipe in a folder.

    Raises:
        PinsError: there are no such pins, they are taken, or they may not be used.
    """

    def __init__(self, pins: Pins, scratch: Path) -> None:
        # lgpio changes into this folder when it is imported and makes its pipe there (lgUtil.c, lguGetWorkDir).
        os.environ.setdefault("LG_WD", str(scratch))
        self._shown: dict[int, bool] = {}
        self._gpios = pins.gpios
        try:
            self._gpio: Any = import_module("RPi.GPIO")
        except ImportError as error:
            raise PinsError(
                f"The program library for the pins, RPi.GPIO, is missing ({error}).",
                NOT_AFFECTED,
                "Without lights, write enabled = false under [lights] in porchlight.toml.",
            ) from None
        except Exception as error:
            # lgpio has an exception of its own beside RuntimeError, OSError and NotImplementedError.
            raise _trouble(error) from error
        try:
            self._gpio.setwarnings(False)
            self._gpio.setmode(self._gpio.BCM)
            for gpio in self._gpios:
                self._claim(gpio)
        except Exception as error:
            self.close()
            raise error if isinstance(error, PinsError) else _trouble(error) from error

    def begin(self, state: State) -> None:
        """Nothing to do: the pins know only frames."""

    def show(self, frame: Frame) -> None:
        """Set the pins that change."""
        for gpio, lit in zip(self._gpios, frame, strict=True):
            if self._shown[gpio] != lit:
                try:
                    self._gpio.output(gpio, lit)
                except Exception as error:
                    raise _trouble(error, gpio) from error
                self._shown[gpio] = lit

    def close(self) -> None:
        """Dark first, then back to inputs, as they were before."""
        for gpio in self._shown:
            with suppress(Exception):
                self._gpio.output(gpio, False)
        self._shown.clear()
        with suppress(Exception):
            self._gpio.cleanup()

    def _claim(self, gpio: int) -> None:
        try:
            self._gpio.setup(gpio, self._gpio.OUT, initial=False)
        except Exception as error:
            raise _trouble(error, gpio) from error
        self._shown[gpio] = False


def _trouble(error: Exception, gpio: int | None = None) -> PinsError:
    """What the library's error means, in plain words.

    lgpio says "can not open gpiochip" both when there is none and when it may not be opened, so the device files
    are looked at.
    """
    said = str(error).strip("'\"") or type(error).__name__
    pin = f"pin GPIO {gpio}" if gpio is not None else "the pins"
    chips = sorted(Path(CHIPS).glob("gpiochip*"))
    if "busy" in said.lower():
        return PinsError(
            f"Another program holds {pin}.",
            NOT_AFFECTED,
            "End that program; porchlight tries again by itself.",
        )
    if not chips or "only be run on a Raspberry Pi" in said:
        return PinsError(
            "This device has no pins for lights, or its kernel does not know them.",
            NOT_AFFECTED,
            "Without lights, write enabled = false under [lights] in porchlight.toml.",
        )
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        return PinsError(
            f"porchlight may not use the pins ({chips[0]}).",
            NOT_AFFECTED,
            "Allow it: the user of the lights must be in the group gpio.",
        )
    return PinsError(f"{pin[0].upper()}{pin[1:]} cannot be used ({said}).", NOT_AFFECTED, "porchlight tries again.")
