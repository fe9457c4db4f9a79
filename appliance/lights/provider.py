"""The library that drives the pins: chosen when they are opened, with a plain word when none fits.

``import RPi.GPIO`` is the interface, and what stands behind it differs: rpi-lgpio on the card, which uses the kernel's
character device and knows every model; the older RPi.GPIO where somebody installed porchlight by hand, which maps the
chip's registers itself and does not know the Pi 5. docs/lights.md compares them.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from appliance.errors import PinsError
from appliance.text import text

CHIPS = Path("/dev")
# The board's name, as its loader writes it (Devicetree Specification 0.4, 2.3.2).
MODEL = Path("/proc/device-tree/model")
# Their pins hang on a chip of their own, the RP1, on PCI Express; the first is part of "Raspberry Pi 500" too.
WITH_RP1 = ("Raspberry Pi 5", "Raspberry Pi Compute Module 5")
NOT_AFFECTED = text("The lights stay dark; the relay is not affected.")
WITHOUT_PINS = text("Without lights, write enabled = false under [lights] in porchlight.toml.")
ANOTHER_LIBRARY = text("Use rpi-lgpio in its place: it needs neither root nor /dev/mem, and knows every model.")


def provider(scratch: Path) -> Any:
    """The module that speaks RPi.GPIO's interface on this board.

    Args:
        scratch: a folder that may be written to; lgpio, which stands behind rpi-lgpio, insists on a pipe in a folder.

    Raises:
        PinsError: there is none, or it does not fit this board.
    """
    # lgpio changes into this folder when it is imported and makes its pipe there (lgUtil.c, lguGetWorkDir).
    os.environ.setdefault("LG_WD", str(scratch))
    try:
        module = import_module("RPi.GPIO")
    except ImportError as error:
        raise PinsError(
            text("The program library for the pins, RPi.GPIO, is missing (%(error)s).", error=error),
            NOT_AFFECTED,
            WITHOUT_PINS,
        ) from None
    except Exception as error:
        # lgpio has an exception of its own beside RuntimeError, OSError and NotImplementedError.
        raise trouble(error) from error
    if not hasattr(module, "lgpio") and any(name in _model() for name in WITH_RP1):
        raise PinsError(
            text(
                "The program library for the pins does not know this board (%(model)s).",
                model=_model(),
            ),
            NOT_AFFECTED,
            ANOTHER_LIBRARY,
        )
    return module


def trouble(error: Exception, gpio: int | None = None) -> PinsError:
    """What the library's error means, in plain words.

    lgpio says "can not open gpiochip" both when there is none and when it may not be opened, so the device files
    are looked at.

    Args:
        error: as the library raised it.
        gpio: the pin that it is about, None when it is about all of them.
    """
    said = str(error).strip("'\"") or type(error).__name__
    chips = sorted(CHIPS.glob("gpiochip*"))
    if "busy" in said.lower():
        return PinsError(
            text("Another program holds pin GPIO %(gpio)s.", gpio=gpio)
            if gpio is not None
            else text("Another program holds the pins."),
            NOT_AFFECTED,
            text("End that program; porchlight tries again by itself."),
        )
    if "/dev/mem" in said or "Mmap of GPIO registers" in said:
        return PinsError(
            text("The program library for the pins wants to reach into memory, which this system does not allow."),
            NOT_AFFECTED,
            ANOTHER_LIBRARY,
        )
    if not chips or "only be run on a Raspberry Pi" in said:
        return PinsError(
            text("This device has no pins for lights, or its kernel does not know them."), NOT_AFFECTED, WITHOUT_PINS
        )
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        return PinsError(
            text("porchlight may not use the pins (%(chip)s).", chip=chips[0]),
            NOT_AFFECTED,
            text("Allow it: the user of the lights must be in the group gpio."),
        )
    return PinsError(
        text("Pin GPIO %(gpio)s cannot be used (%(said)s).", gpio=gpio, said=said)
        if gpio is not None
        else text("The pins cannot be used (%(said)s).", said=said),
        NOT_AFFECTED,
        text("porchlight tries again."),
    )


def _model() -> str:
    try:
        return MODEL.read_text("utf-8", "replace").rstrip("\0")
    except OSError:
        return ""
