"""What somebody sees who puts a screen into the HDMI port: first the way to the setup page, then no code any more."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from appliance.lights.language import WORDS
from appliance.status.state import State
from tests.boot import display
from tests.boot.board import Board
from tests.boot.conftest import NOTICED
from tests.boot.display import HEIGHT, WIDTH, Glyphs
from tests.boot.eye import Span
from tests.boot.owner import HOME_PAGE, Owner
from tests.status.test_blocks import read


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the screen: the picture, its text, and what its characters look like."""

    picture: Path
    text: str
    glyphs: Glyphs


def look(board: Board, state: State, picture: Path, known: Glyphs) -> Seen:
    """Look when a state stands there."""
    glyphs = display.wait_for(board, f"\n{WORDS[state].title}.", known, picture, NOTICED)
    return Seen(picture, display.read(display.cells(picture), glyphs), glyphs)


@pytest.fixture(scope="module")
def before(board: Board, waiting: Span, folder: Path) -> Seen:
    """While nobody has claimed the card."""
    return look(board, State.WAITING_TO_BE_CLAIMED, folder / "screen-waiting.png", {})


@pytest.fixture(scope="module")
def after(board: Board, before: Seen, owner: Owner, relaying: Span, folder: Path) -> Seen:
    """When somebody has."""
    return look(board, State.RELAYING, folder / "screen-relaying.png", before.glyphs)


def test_a_phone_reads_the_pages_address_off_it(before: Seen) -> None:
    assert read(before.picture) == [HOME_PAGE]
    assert HOME_PAGE in before.text


def test_it_shows_the_code_that_the_page_asks_for(before: Seen, owner: Owner) -> None:
    assert f"Claim code: {owner.code} " in before.text


def test_it_is_drawn_anew_and_has_no_code_any_more(after: Seen, owner: Owner) -> None:
    assert read(after.picture) == [HOME_PAGE]
    assert "Claim code" not in after.text
    assert owner.code not in after.text


def test_nobody_is_asked_to_log_in(before: Seen, after: Seen) -> None:
    assert set("login:") <= set(after.glyphs.values()), "all its letters are known, so it would be read"
    for one in (before, after):
        assert "login:" not in one.text
        # Neither the loader's words nor the kernel's, and no cursor.
        assert one.text.startswith("porchlight ")
        assert display.UNKNOWN not in one.text


def paint(text: str, to: Path) -> Path:
    """A screen of six rows, with a font that nobody would choose."""
    shown = Image.new("RGB", (20 * WIDTH, 6 * HEIGHT))
    for y, line in enumerate(text.split("\n")):
        for x, character in enumerate(line):
            if character != " ":
                pixels = Image.frombytes("1", (WIDTH, HEIGHT), hashlib.sha256(character.encode()).digest()[:HEIGHT])
                shown.paste(pixels.convert("RGB"), (x * WIDTH, y * HEIGHT))
    shown.save(to)
    return to


def test_letters_are_learned_from_what_is_known_to_stand_there(tmp_path: Path) -> None:
    known = "a long line\n\nof ink: zz"
    glyphs = display.learn(display.cells(paint(f"{known}\n\nlogin: X", tmp_path / "one.png")), known, {})
    rows = display.cells(paint("no login:\nQ", tmp_path / "other.png"))
    assert display.read(rows, glyphs) == f"no login:\n{display.UNKNOWN}"


@pytest.mark.parametrize("said", ["a long lime", "a long", "a long line and more than fits", "a\n" * 7, "bbb"])
def test_another_text_is_noticed(tmp_path: Path, said: str) -> None:
    rows = display.cells(paint("a long line", tmp_path / "one.png"))
    glyphs = display.learn(rows, "a long line", {})
    with pytest.raises(ValueError, match="line"):
        display.learn(rows, said, glyphs)
