"""The small light on the board itself, ACT: for whoever has soldered nothing.

The kernel's LED class drives it (Documentation/leds/leds-class.rst): a folder of files, of which two are written here.
It has no brightness between on and off. The Pi 400 and the Pi 5 have no such light in the kernel's trees.
"""

import os
from pathlib import Path

from appliance.errors import PinsError
from appliance.lights.scenes import Scene
from appliance.lights.shade import Levels
from appliance.text import Text, text

LEDS = Path("/sys/class/leds")
# What it is called in the kernel's own trees, and by older kernels of Raspberry Pi.
NAMES = ("ACT", "led0")
# What the kernel plays on it until porchlight begins (linux,default-trigger in the trees of all boards that have it).
USUAL = "heartbeat"
# What a process that died may have left behind, which is nobody's wish: by hand, or the pattern of
# /usr/lib/porchlight/board-light-stopped.
OURS = ("none", "timer")


class MissingLightError(PinsError):
    """There is no such light on the board, which is no trouble."""


class BoardLight:
    """The board's own light.

    Args:
        leds: the kernel's folder of all its LEDs.

    Raises:
        MissingLightError: this board has none.
        PinsError: it is there and may not be used.
    """

    one_lamp = True
    note: Text = text("")

    def __init__(self, leds: Path = LEDS) -> None:
        found = next((leds / name for name in NAMES if (leds / name / "trigger").exists()), None)
        if found is None:
            raise MissingLightError(text("This board has no light of its own that porchlight could use."))
        self._folder = found
        self._lit: bool | None = None
        try:
            offered = (found / "trigger").read_text().split()
            current = next((one.strip("[]") for one in offered if one.startswith("[")), USUAL)
            self._former = USUAL if current in OURS else current
            self._write("trigger", "none")
        except OSError as error:
            raise self._trouble(error) from error

    def begin(self, scene: Scene) -> None:
        """Nothing to do: it knows only on and off."""

    def show(self, levels: Levels) -> None:
        """On when any lamp of the rhythm for one lamp is."""
        lit = any(levels)
        if lit is self._lit:
            return
        try:
            self._write("brightness", "1" if lit else "0")
        except OSError as error:
            raise self._trouble(error) from error
        self._lit = lit

    def pressed(self) -> bool | None:
        """It has no button."""
        return None

    def close(self) -> None:
        """Give the light back to whoever had it before."""
        try:
            self._write("trigger", self._former)
        except OSError:
            # A kernel without that trigger: off, rather than as it happens to be.
            try:
                self._write("brightness", "0")
            except OSError:
                return

    def _write(self, name: str, value: str) -> None:
        # Never made anew: in the kernel's folder nothing can be.
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def _trouble(self, error: OSError) -> PinsError:
        return PinsError(
            text("The board's own light cannot be used (%(error)s).", error=error.strerror or str(error)),
            text("It stays as it is; the relay is not affected."),
            text("Without it, write board_light = false under [lights] in porchlight.toml."),
        )
