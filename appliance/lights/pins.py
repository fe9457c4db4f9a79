"""Where the lights are connected: read from ``pins.toml``, the one source of pin numbers.

In a checkout that file lies in ``hardware/``; an installed package carries a copy beside this module.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import PinsError
from appliance.files import UNREADABLE

HERE = Path(__file__).resolve().parent
PLACES = (HERE / "pins.toml", HERE.parents[1] / "hardware" / "pins.toml")
# GPIO 0 and 1 belong to the identification EEPROM of add-on boards; 2 to 27 are on the 40-pin header of every model.
FIRST_GPIO, LAST_GPIO = 2, 27


@dataclass(frozen=True, slots=True)
class Pin:
    """One pin: its number as the chip counts (``GPIO n``), and as the 40-pin header does."""

    gpio: int
    header: int


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins of the three lights and of the button, and the header's pins that take their current back.

    The button is only used where the settings name its pin; here it stands for the drawings and the documents.
    """

    green: Pin
    amber: Pin
    red: Pin
    ground: int
    button: Pin
    button_ground: int

    @property
    def gpios(self) -> tuple[int, int, int]:
        """The numbers in the order of a frame: green, amber, red."""
        return self.green.gpio, self.amber.gpio, self.red.gpio


def load_pins(places: tuple[Path, ...] = PLACES) -> Pins:
    """Read the pin numbers.

    Args:
        places: files to look for; the first that exists counts.

    Raises:
        PinsError: no file is there, or it does not say what it should.
    """
    path = next((place for place in places if place.exists()), None)
    if path is None:
        raise PinsError(
            "The file pins.toml, which says where the lights are connected, is missing.",
            "The lights stay dark; the relay is not affected.",
            "Flash the card again.",
        )
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
        lights, button = tables["lights"], tables["button"]
        pins = Pins(
            _pin(lights["green"]),
            _pin(lights["amber"]),
            _pin(lights["red"]),
            ground=int(lights["ground"]["header"]),
            button=_pin(button),
            button_ground=int(button["ground"]["header"]),
        )
        if len({*pins.gpios, pins.button.gpio}) != 4:
            raise ValueError("two things share one pin")
    except UNREADABLE as error:
        raise PinsError(
            f"{path} does not say where the lights are connected ({type(error).__name__}: {error}).",
            "The lights stay dark; the relay is not affected.",
            "Flash the card again, or mend that file.",
        ) from None
    return pins


def _pin(table: dict[str, Any]) -> Pin:
    gpio = int(table["gpio"])
    if not FIRST_GPIO <= gpio <= LAST_GPIO:
        raise ValueError(f"GPIO {gpio} is not on the header")
    return Pin(gpio, int(table["header"]))
