"""Pin numbers come from one file, and a wrong one is said in plain words."""

from pathlib import Path

import pytest

from appliance.errors import PinsError
from appliance.lights.pins import PLACES, load_pins
from tests.lights.recording import ROOT

GOOD = (ROOT / "hardware" / "pins.toml").read_text()
# The 40-pin header of every model since the B+ (Raspberry Pi's hardware documentation, "GPIO").
HEADER_OF_GPIO = {17: 11, 27: 13, 22: 15, 23: 16, 24: 18, 25: 22, 5: 29, 6: 31, 16: 36, 26: 37}
GROUNDS = {6, 9, 14, 20, 25, 30, 34, 39}


def test_the_checkout_uses_the_file_in_hardware() -> None:
    assert PLACES[1] == ROOT / "hardware" / "pins.toml"
    assert not PLACES[0].exists(), "a copy beside the module would hide the one source"
    pins = load_pins()
    for pin in (pins.green, pins.amber, pins.red, pins.button):
        assert HEADER_OF_GPIO[pin.gpio] == pin.header
    assert {pins.ground, pins.button_ground} <= GROUNDS


def test_no_other_file_of_the_package_names_a_pin() -> None:
    """Only pins.toml may say 17, 27 or 22 about a light."""
    for path in (ROOT / "appliance").rglob("*.py"):
        text = path.read_text()
        assert not any(f"GPIO {pin}" in text or f"gpio={pin}" in text for pin in load_pins().gpios), path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "KeyError"),
        ("[lights", "TOMLDecodeError"),
        (GOOD.replace("gpio = 17", "gpio = 99"), "GPIO 99 is not on the header"),
        (GOOD.replace("gpio = 17", "gpio = 22"), "share one pin"),
        (GOOD.replace("gpio = 26", "gpio = 22"), "share one pin"),
        (GOOD.replace("gpio = 17", 'gpio = "x"'), "ValueError"),
        (GOOD.replace("[button.ground]", "[ground]"), "ground"),
        (GOOD.replace("[lights.red]", "[lights.rot]"), "red"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "pins.toml"
    path.write_text(text)
    with pytest.raises(PinsError, match=says) as caught:
        load_pins((path,))
    assert str(path) in str(caught.value)
    assert "relay is not affected" in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PinsError, match="is missing"):
        load_pins((tmp_path / "pins.toml",))
