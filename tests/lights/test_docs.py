"""What people read about the lights comes from the table and from pins.toml, and is up to date."""

import xml.etree.ElementTree as ElementTree

import pytest

from appliance.lights.language import PATTERNS
from appliance.lights.one_lamp import ONE_LAMP
from appliance.lights.pins import load_pins
from appliance.status.state import State
from hardware import draw_lights


def test_picture_and_tables_are_up_to_date() -> None:
    assert draw_lights.out_of_date() == [], "run: python3 -m hardware.draw_lights"


def test_the_document_shows_every_state_once() -> None:
    document = draw_lights.DOCUMENT.read_text()
    for state in State:
        assert document.count(f"| `{state}` | {PATTERNS[state].looks}. |") == 1


def test_the_document_shows_the_pins_that_the_code_uses() -> None:
    document = draw_lights.DOCUMENT.read_text()
    pins = load_pins()
    for name, pin in (("green", pins.green), ("amber", pins.amber), ("red", pins.red)):
        assert f"| {name} | GPIO {pin.gpio} | {pin.header} | 330 Ω |" in document
    assert f"| ground, all three | | {pins.ground} | |" in document
    assert f"| GPIO {pins.button.gpio} | {pins.button.header} | nothing |" in document
    assert f"button_gpio = {pins.button.gpio}\n" in document


def test_the_document_shows_what_the_boards_own_light_says() -> None:
    document = draw_lights.DOCUMENT.read_text()
    for state in State:
        assert document.count(f"| {ONE_LAMP[state].looks}. | `{state}` |") == 1


def test_a_change_of_the_tables_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_lights, "RESISTOR", 1000)
    assert draw_lights.out_of_date() == ["docs/lights.md"]


def test_the_picture_is_well_formed_and_has_a_row_for_each_state() -> None:
    svg = ElementTree.fromstring(draw_lights.picture())  # noqa: S314  # our own text
    names = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "name"]
    assert len(names) == len(State)


def test_what_somebody_sees_fits_beside_the_bars() -> None:
    """About 7 pixels a letter in the picture's smaller type."""
    room = (draw_lights.STRIP_X - draw_lights.WORDS_X) / 7
    assert all(len(pattern.looks) <= room for pattern in PATTERNS.values())


def test_the_resistor_keeps_within_the_pins_limits() -> None:
    """16 mA for one pin and 50 mA for all: even dead shorts stay below."""
    worst = draw_lights.SUPPLY / draw_lights.RESISTOR * 1000
    assert worst < 16
    assert 3 * worst < 50
