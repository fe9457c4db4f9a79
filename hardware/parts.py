"""What is bought: the LEDs' data, the resistors that follow from them, and the bill of materials.

Rules only; ``parts.toml`` has the data and says where the limits come from.
"""

import csv
import io
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# IEC 60063, the twelve values of each decade that every shop has.
E12 = (10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82)
# IEC 60062: digits and multiplier; the fourth band says the tolerance, gold is 5 %.
BANDS = ("black", "brown", "red", "orange", "yellow", "green", "blue", "violet", "grey", "white")


@dataclass(frozen=True, slots=True)
class Led:
    """One colour: forward volts (least, usual, most), the current that is wanted, and what to ask for."""

    colour: str
    volts: tuple[float, float, float]
    milliamperes: float
    kind: str


@dataclass(frozen=True, slots=True)
class Parts:
    """All of parts.toml. Volts, milliamperes, ohms."""

    supply: float
    pin_limit: float
    all_limit: float
    leds: tuple[Led, Led, Led]
    button_ohms: int
    pull_up_ohms: int
    bill: tuple[dict[str, str], ...]

    @property
    def ohms(self) -> int:
        """One value for all three lights: the largest that any of them asks for."""
        return max(resistor(self.supply, led.volts[1], led.milliamperes) for led in self.leds)

    def current(self, led: Led, volts: float | None = None) -> float:
        """Milliamperes through one light, by default with its usual forward voltage."""
        return (self.supply - (led.volts[1] if volts is None else volts)) / self.ohms * 1000

    @property
    def together(self) -> float:
        """Milliamperes of all three at once, with the least forward voltage that they may have."""
        return sum(self.current(led, led.volts[0]) for led in self.leds)

    @property
    def shorted(self) -> float:
        """Milliamperes of one pin when its LED is a dead short."""
        return self.supply / self.ohms * 1000

    def sums(self) -> list[str]:
        """The calculation in words, a line each, as drawings and documents show it."""
        lines = [
            f"{led.colour}: ({self.supply} V - {led.volts[1]} V) / {led.milliamperes:g} mA = "
            f"{exact(self.supply, led.volts[1], led.milliamperes):.0f} Ω, the next value sold is "
            f"{resistor(self.supply, led.volts[1], led.milliamperes)} Ω: {self.current(led):.1f} mA flow"
            for led in self.leds
        ]
        return [
            *lines,
            f"all three at once, at most: {self.together:.1f} mA of the {self.all_limit:g} mA that all pins may give",
            f"an LED that is a dead short: {self.supply} V / {self.ohms} Ω = {self.shorted:.1f} mA of a pin's "
            f"{self.pin_limit:g} mA",
        ]


def exact(supply: float, forward: float, milliamperes: float) -> float:
    """Ohms by Ohm's law: what the LED leaves of the supply, divided by the current."""
    if not 0 < forward < supply:
        raise ValueError(f"an LED of {forward} V does not light from {supply} V")
    return (supply - forward) / milliamperes * 1000


def resistor(supply: float, forward: float, milliamperes: float) -> int:
    """The next value of the E12 series that lets no more than the wanted current flow."""
    wanted = exact(supply, forward, milliamperes)
    sold = (value * int(10**power) for power in range(6) for value in E12)
    return min(value for value in sold if value >= wanted - 1e-9)


def bands(ohms: int) -> tuple[str, str, str, str]:
    """The four colours on a resistor of 5 %: two digits, how many zeros, gold."""
    power = 0
    while ohms >= 100:
        if ohms % 10:
            raise ValueError("four bands have two digits")
        ohms, power = ohms // 10, power + 1
    if ohms < 10:
        raise ValueError("less than 10 Ω needs a gold or silver multiplier")
    return BANDS[ohms // 10], BANDS[ohms % 10], BANDS[power], "gold"


@cache
def load_parts(path: Path = HERE / "parts.toml") -> Parts:
    """Read the data."""
    tables = tomllib.loads(path.read_text("utf-8"))
    pin, button = tables["pin"], tables["button"]
    green, amber, red = (_led(colour, tables["led"][colour]) for colour in ("green", "amber", "red"))
    return Parts(
        float(pin["volts"]),
        float(pin["most_milliamperes"]),
        float(pin["most_together_milliamperes"]),
        (green, amber, red),
        int(button["ohms"]),
        int(button["pull_up_ohms"]),
        tuple(tables["bill"]),
    )


def _led(colour: str, table: dict[str, Any]) -> Led:
    least, usual, most = (float(volts) for volts in table["volts"])
    return Led(colour, (least, usual, most), float(table["milliamperes"]), str(table["kind"]))


def bill(parts: Parts) -> str:
    """The bill of materials as CSV: what, how many, what does as well."""
    facts: dict[str, Any] = {led.colour: led.kind for led in parts.leds}
    facts |= {"ohms": parts.ohms, "button_ohms": parts.button_ohms}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["references", "quantity", "part", "description", "alternatives"])
    for row in parts.bill:
        quantity = 4 if row["part"].startswith("Spacer") else len(row["refs"].split())
        writer.writerow([row["refs"], quantity, row["part"].format(**facts), row["what"].format(**facts), row["or"]])
    return text.getvalue()
