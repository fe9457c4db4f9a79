"""A screen on the HDMI port: the emulator's picture of what it would show, and the text that stands on it.

A picture has no letters. What they look like is learned from a text that is known to be drawn: each character has one
glyph wherever it stands, and no other character has the same, or the picture shows another text.
"""

import base64
import time
from pathlib import Path

from PIL import Image

from tests.boot.board import Board
from tests.boot.qmp import Monitor

# Pixels of a character in the kernel's own font (lib/fonts/font_8x16.c).
WIDTH, HEIGHT = 8, 16
# Stands for a glyph that nobody has learned.
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
TEXT = "/run/porchlight/page/screen"

Rows = list[list[bytes]]
# A glyph's pixels, and the character that it is.
Glyphs = dict[bytes, str]


def photograph(monitor: Monitor, to: Path) -> Path:
    """Take a picture of the screen.

    Args:
        monitor: the emulator's.
        to: the picture, a PNG.

    Raises:
        OSError: the emulator has gone, or there is nothing to see.
    """
    monitor.execute("screendump", filename=str(to), format="png")
    return to


def cells(picture: Path) -> Rows:
    """The places for characters, row by row, as their pixels."""
    with Image.open(picture) as opened:
        shown = opened.convert("RGB")
    columns, rows = shown.width // WIDTH, shown.height // HEIGHT
    corners = [[(x * WIDTH, y * HEIGHT) for x in range(columns)] for y in range(rows)]
    return [[shown.crop((x, y, x + WIDTH, y + HEIGHT)).tobytes() for x, y in row] for row in corners]


def learn(rows: Rows, text: str, glyphs: Glyphs) -> Glyphs:
    """What the characters of a text look like.

    Args:
        rows: a screen.
        text: what stands on it, from the upper left corner on; its lines are blank behind their end.
        glyphs: what is known already.

    Returns:
        That and what is new.

    Raises:
        ValueError: something else stands there.
    """
    known = dict(glyphs)
    looks = {character: glyph for glyph, character in known.items()}
    lines = text.splitlines()
    if len(lines) > len(rows):
        raise ValueError(f"{len(lines)} lines on a screen of {len(rows)}")
    for number, (row, line) in enumerate(zip(rows, lines, strict=False), 1):
        if len(line) > len(row):
            raise ValueError(f"line {number} is wider than the screen")
        for glyph, character in zip(row, line.ljust(len(row)), strict=True):
            if known.setdefault(glyph, character) != character or looks.setdefault(character, glyph) != glyph:
                raise ValueError(f"in line {number}, there is no {character!r} where one should be")
    return known


def read(rows: Rows, glyphs: Glyphs) -> str:
    """The text of a screen, all of it."""
    return "\n".join("".join(glyphs.get(glyph, UNKNOWN) for glyph in row).rstrip() for row in rows).rstrip()


def wait_for(board: Board, words: str, glyphs: Glyphs, to: Path, timeout: float) -> Glyphs:
    """Wait until the screen shows the text that the setup page has for it, with certain words in it.

    Args:
        board: a running one.
        words: which.
        glyphs: what is known of characters; see ``learn``.
        to: the last picture that was taken.
        timeout: seconds.

    Raises:
        AssertionError: it does not in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        # As letters and digits, since a serial line is no place for anything else; nothing while there is no text yet.
        text = base64.b64decode(board.shell.run(f"base64 {TEXT} 2>/dev/null", check=False)).decode()
        rows = cells(photograph(board.monitor, to))
        try:
            learned = learn(rows, text, glyphs)
            if words in text:
                return learned
            why = f"the screen shows no {words!r}"
        except ValueError as error:
            why = f"the screen does not show the page's text: {error}"
        assert time.monotonic() < deadline, f"{why}\n{text}"
        time.sleep(1)
