"""Drawings, project and guide are what the programs draw from pins.toml and parts.toml."""

import hashlib
import re
import subprocess
import sys
from types import ModuleType
from xml.etree import ElementTree

import pytest

from hardware import breadboard, draw_lights, module, sheet, wiring
from hardware.__main__ import main, stale
from hardware.drawn import ROOT, drawn
from hardware.guide import with_tables
from hardware.header import wires
from hardware.parts import bands, load_parts

SVG = "{http://www.w3.org/2000/svg}"
# Of a letter, on average, in the drawings' face; bold ones are wider.
LETTER, BOLD = 0.56, 0.63


def test_everything_drawn_is_up_to_date() -> None:
    assert stale() == [], "run: python3 -m hardware"


@pytest.mark.costly
@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_comes_out_in_another_process(seed: str) -> None:
    code = "import hashlib, hardware.drawn as d\nprint(hashlib.sha256(repr(d.drawn()).encode()).hexdigest())"
    command = [sys.executable, "-c", code]
    other = subprocess.run(command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == hashlib.sha256(repr(drawn()).encode()).hexdigest()


def test_without_its_modules_it_says_where_they_are() -> None:
    command = [sys.executable, "-S", "-m", "hardware", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is missing" in done.stderr
    assert "./test quick hardware" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_value_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware.parts.E12", (10, 47))
    assert {"docs/pictures/wiring.svg", "docs/assembly.md", "hardware/bill.csv"} <= set(stale())


def test_the_command_says_what_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paint"]) == 2
    assert "python3 -m hardware check" in capsys.readouterr().err


@pytest.mark.parametrize("picture", [wiring.diagram, breadboard.picture])
def test_pictures_are_well_formed_and_name_every_pin(picture: object) -> None:
    assert callable(picture)
    root = ElementTree.fromstring(picture())  # noqa: S314  # our own text
    words = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
    for wire in wires().values():
        assert re.search(rf"\b{wire.header}\b", words)
    assert "Ω" in words
    assert "5 V" in words


def test_the_sheet_shows_every_state_on_one_page() -> None:
    root = ElementTree.fromstring(sheet.picture())  # noqa: S314  # our own text
    words = [text.text for text in root.iter(f"{SVG}text")]
    for line in draw_lights.tables()["states"].splitlines()[2:]:
        looks, means = line.split(" | ")[1:3]
        assert means.partition(". ")[0] in words or looks.rstrip(".") in words


def _texts(svg: str) -> list[tuple[str, float, float, float, float]]:
    """Each text of a sheet with the box that it fills: left, top, right, bottom."""
    root = ElementTree.fromstring(svg)  # noqa: S314  # our own text
    boxes = []
    for text in root.iter(f"{SVG}text"):
        words, size = text.text or "", float(text.get("font-size", ""))
        width = len(words) * size * (BOLD if text.get("font-weight") else LETTER)
        x, y = float(text.get("x", "")), float(text.get("y", ""))
        left = x - width / 2 if text.get("text-anchor") == "middle" else x
        boxes.append((words, left, y - size * 0.72, left + width, y))
    return boxes


@pytest.mark.parametrize("drawing", [breadboard, module, sheet])
def test_no_words_overlap_or_are_cut_off(drawing: ModuleType) -> None:
    boxes = _texts(drawing.picture())
    assert len(boxes) > 20
    for words, left, top, right, bottom in boxes:
        assert 0 < left < right < drawing.WIDTH, words
        assert 0 < top < bottom < drawing.HEIGHT, words
    for number, (words, left, top, right, bottom) in enumerate(boxes):
        for other, other_left, other_top, other_right, other_bottom in boxes[:number]:
            apart = left >= other_right or other_left >= right or top >= other_bottom or other_top >= bottom
            assert apart, f"{words!r} lies on {other!r}"


def test_resistors_are_drawn_with_their_colours() -> None:
    fills = re.findall(r'<rect [^>]*fill="(#[0-9a-f]+)"', breadboard.picture())
    for ohms, times in ((load_parts().ohms, 4), (load_parts().button_ohms, 2)):
        wanted = [breadboard.BAND_HUES[name] for name in bands(ohms)]
        found = sum(fills[n : n + 4] == wanted for n in range(len(fills)))
        assert found == times, "three or one on the board, and one in the legend"


def test_each_light_has_a_closed_circuit_on_the_breadboard() -> None:
    """Pin, column, resistor, long leg, short leg, rail: what is in one column is joined."""
    for start, long, short in breadboard.PLACES.values():
        assert start < long < short == long + 1
    columns = [column for places in breadboard.PLACES.values() for column in places]
    start, near, far = breadboard.BUTTON
    columns += [start, near, far]
    assert len(set(columns)) == len(columns), "two things in one column would be joined"
    assert far - near == 2, "the legs of a button of 6 mm are two columns apart"
    assert all(1 <= column <= breadboard.COLUMNS for column in columns)


def test_a_guide_without_its_places_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the table 'wires'"):
        with_tables("# Building\n")
