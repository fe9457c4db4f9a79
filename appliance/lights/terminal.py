"""The lights drawn in a terminal, for ``porchlight demo`` and for whoever has no LEDs at hand."""

import shutil
from typing import TextIO

from appliance.errors import PinsError
from appliance.lights.language import DARK, PATTERNS, WORDS, Frame
from appliance.status.state import State

# ANSI (ECMA-48) colours of the three lights: green, yellow, red; a dark light is a grey ring.
COLOURS = ("\x1b[92m", "\x1b[93m", "\x1b[91m")
GREY, PLAIN, CLEAR_LINE = "\x1b[90m", "\x1b[0m", "\r\x1b[2K"
LIT, UNLIT = "●", "○"


class TerminalBoard:
    """Three dots and what they mean: one line that is drawn anew, or a line for each state without a terminal.

    Args:
        out: where to draw.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._redraws = out.isatty()
        self._state: State | None = None
        self._shown: Frame | None = None

    def begin(self, state: State) -> None:
        """Say which state it is."""
        self._state = state
        self._shown = None
        if not self._redraws:
            self._write(f"lights: {state}: {PATTERNS[state].looks}. {WORDS[state].title}.\n")

    def show(self, frame: Frame) -> None:
        """Draw the three lights."""
        if self._redraws and frame != self._shown:
            self._shown = frame
            self._write(CLEAR_LINE + drawn(frame) + self._caption())

    def close(self) -> None:
        """All lights out."""
        if self._redraws and self._shown is not None:
            try:
                self._write(CLEAR_LINE + drawn(DARK) + "\n")
            except PinsError:
                # Nobody looks any more.
                return

    def _caption(self) -> str:
        if self._state is None:
            return ""
        width = shutil.get_terminal_size().columns - len("  o o o   ") - 1
        return f"{self._state}: {WORDS[self._state].title}"[: max(width, 0)]

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError) as error:
            raise PinsError("The terminal that the lights are drawn in is gone.") from error


def drawn(frame: Frame) -> str:
    """Three coloured dots as terminal text."""
    dots = [f"{colour}{LIT}" if lit else f"{GREY}{UNLIT}" for lit, colour in zip(frame, COLOURS, strict=True)]
    return "  " + " ".join(dots) + PLAIN + "   "
