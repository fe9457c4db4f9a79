"""The lights drawn in a terminal, for ``porchlight demo`` and for whoever has no LEDs at hand."""

import shutil
from typing import TextIO

from appliance.errors import PinsError
from appliance.lights.scenes import Scene
from appliance.lights.shade import OFF, Levels
from appliance.text import text

# ANSI (ECMA-48) colours of the three lights: green, yellow, red; a dark light is a grey ring.
COLOURS = ("\x1b[92m", "\x1b[93m", "\x1b[91m")
GREY, PLAIN, CLEAR_LINE = "\x1b[90m", "\x1b[0m", "\r\x1b[2K"
LIT, UNLIT = "●", "○"


class TerminalBoard:
    """Three dots and what they mean: one line that is drawn anew, or a line for each scene without a terminal.

    Args:
        out: where to draw.
    """

    one_lamp = False
    note = text("")

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._redraws = out.isatty()
        self._scene: Scene | None = None
        self._shown: Levels | None = None

    def begin(self, scene: Scene) -> None:
        """Say which scene it is."""
        self._scene = scene
        self._shown = None
        if not self._redraws:
            self._write(f"lights: {scene.name}: {scene.three.looks}. {scene.title}.\n")

    def show(self, levels: Levels) -> None:
        """Draw the three lights."""
        if self._redraws and levels != self._shown:
            self._shown = levels
            self._write(CLEAR_LINE + drawn(levels) + self._caption())

    def pressed(self) -> bool | None:
        """A terminal has no button."""
        return None

    def close(self) -> None:
        """All lights out."""
        if self._redraws and self._shown is not None:
            try:
                self._write(CLEAR_LINE + drawn(OFF) + "\n")
            except PinsError:
                # Nobody looks any more.
                return

    def _caption(self) -> str:
        if self._scene is None:
            return ""
        width = shutil.get_terminal_size().columns - len("  o o o   ") - 1
        return f"{self._scene.name}: {self._scene.title}"[: max(width, 0)]

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError) as error:
            raise PinsError("The terminal that the lights are drawn in is gone.") from error


def drawn(levels: Levels) -> str:
    """Three coloured dots as terminal text."""
    dots = [f"{colour}{LIT}" if level else f"{GREY}{UNLIT}" for level, colour in zip(levels, COLOURS, strict=True)]
    return "  " + " ".join(dots) + PLAIN + "   "
