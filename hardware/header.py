"""The 40-pin header, and what porchlight joins to it."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from appliance.lights.pins import load_pins

PINS = Path(__file__).resolve().parent / "pins.toml"

# Pins 1 to 40 (Raspberry Pi's hardware documentation, "GPIO and the 40-pin header"; the same on every model).
NAMES = (
    *("3.3 V", "5 V", "GPIO 2", "5 V", "GPIO 3", "GND", "GPIO 4", "GPIO 14", "GND", "GPIO 15"),
    *("GPIO 17", "GPIO 18", "GPIO 27", "GND", "GPIO 22", "GPIO 23", "3.3 V", "GPIO 24", "GPIO 10", "GND"),
    *("GPIO 9", "GPIO 25", "GPIO 11", "GPIO 8", "GND", "GPIO 7", "GPIO 0", "GPIO 1", "GPIO 5", "GND"),
    *("GPIO 6", "GPIO 12", "GPIO 13", "GND", "GPIO 19", "GPIO 16", "GPIO 26", "GPIO 20", "GND", "GPIO 21"),
)


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire from the header: what it is for, its pin, and the colour in which it is drawn."""

    use: str
    header: int
    colour: str

    @property
    def name(self) -> str:
        """What the pin is called."""
        return NAMES[self.header - 1]


@cache
def wires() -> dict[str, Wire]:
    """All six wires, by use; checked against the header.

    Raises:
        ValueError: pins.toml gives a pin that is not what it is used for.
    """
    pins, button = load_pins((PINS,)), tomllib.loads(PINS.read_text("utf-8"))["button"]
    made = [
        Wire("ground", pins.ground, "#2b2f36"),
        Wire("green", pins.green.header, "#1f9d4d"),
        Wire("amber", pins.amber.header, "#e39a00"),
        Wire("red", pins.red.header, "#d6322b"),
        Wire("button", int(button["header"]), "#2f6fde"),
        Wire("button ground", int(button["ground"]["header"]), "#2b2f36"),
    ]
    gpios = (pins.green.gpio, pins.amber.gpio, pins.red.gpio, int(button["gpio"]))
    wanted = ["GND", *(f"GPIO {gpio}" for gpio in gpios), "GND"]
    for wire, name in zip(made, wanted, strict=True):
        if wire.name != name:
            raise ValueError(f"pins.toml: pin {wire.header} of the header is {wire.name}, not {name}")
    if len({wire.header for wire in made}) != len(made):
        raise ValueError("pins.toml: two wires on one pin")
    return {wire.use: wire for wire in made}
