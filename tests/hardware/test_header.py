"""Wires go to pins that are what pins.toml says."""

from pathlib import Path

import pytest

from hardware import header
from hardware.header import NAMES, PINS, wires


def test_the_header_is_that_of_every_pi() -> None:
    assert len(NAMES) == 40
    assert sorted(int(name.split()[1]) for name in NAMES if name.startswith("GPIO")) == list(range(28))
    assert [n for n, name in enumerate(NAMES, start=1) if name == "GND"] == [6, 9, 14, 20, 25, 30, 34, 39]
    assert [n for n, name in enumerate(NAMES, start=1) if name == "5 V"] == [2, 4]


def test_no_wire_goes_to_a_pin_that_something_else_uses_at_boot() -> None:
    # I2C and its identification, serial port, SPI: Raspberry Pi's documentation, "GPIO and the 40-pin header".
    taken = {f"GPIO {gpio}" for gpio in (0, 1, 2, 3, 14, 15, 7, 8, 9, 10, 11)}
    assert not taken & {wire.name for wire in wires().values()}


def test_the_buttons_two_pins_are_neighbours() -> None:
    joined = wires()
    assert abs(joined["button"].header - joined["button ground"].header) == 2, "a plug of two fits"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("header = 37", "header = 38", "pin 38 of the header is GPIO 20, not GPIO 26"),
        ("header = 39", "header = 40", "pin 40 of the header is GPIO 21, not GND"),
        ("header = 39", "header = 9", "two wires on one pin"),
        ("header = 13", "header = 2", "pin 2 of the header is 5 V, not GPIO 27"),
    ],
)
def test_a_wrong_pin_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str, says: str) -> None:
    wrong = tmp_path / "pins.toml"
    wrong.write_text(PINS.read_text().replace(old, new))
    monkeypatch.setattr(header, "PINS", wrong)
    with pytest.raises(ValueError, match=says):
        header.wires.__wrapped__()
