"""What is on the board and what is joined to what, before it is drawn in any way."""

from dataclasses import dataclass
from functools import cache

from hardware.header import NAMES, wires
from hardware.parts import load_parts

NAME, LIBRARY = "porchlight-lights", "porchlight"
GROUND = "/GND"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: how it is called, what it is, its symbol and footprint, and the net at each of its pins."""

    ref: str
    value: str
    symbol: str
    footprint: str
    nets: dict[str, str]
    description: str

    @property
    def in_bill(self) -> bool:
        """Holes are neither bought nor placed."""
        return self.symbol != "Hole"


@cache
def circuit() -> tuple[Part, ...]:
    """All parts, in the order of their names."""
    parts, joined = load_parts(), wires()
    made = [_header()]
    for number, led in enumerate(parts.leds, start=1):
        colour = led.colour.upper()
        resistor = {"1": f"/{colour}", "2": f"/{colour}_LED"}
        made += [
            Part(f"D{number}", led.colour, "Led", "Led_5mm", {"1": GROUND, "2": f"/{colour}_LED"}, led.kind),
            Part(f"R{number}", str(parts.ohms), "Resistor", "Resistor_10mm", resistor, "0.25 W, 5 %"),
        ]
    made += [
        Part(
            "R4", str(parts.button_ohms), "Resistor", "Resistor_10mm", {"1": "/BUTTON", "2": "/PRESSED"}, "0.25 W, 5 %"
        ),
        Part("SW1", "button", "Button", "Button_6mm", {"1": "/PRESSED", "2": GROUND}, "6 x 6 mm"),
        *(Part(f"H{number}", "M2.5", "Hole", "Hole_M2.5", {}, "for a spacer") for number in (1, 2, 3, 4)),
    ]
    if {joined["ground"].name, joined["button ground"].name} != {"GND"}:
        raise ValueError("both grounds must be ground")
    return tuple(sorted(made, key=lambda part: part.ref))


def _header() -> Part:
    joined = wires()
    nets = {str(joined[use].header): f"/{use.upper()}" for use in ("green", "amber", "red", "button")}
    nets |= {str(joined[use].header): GROUND for use in ("ground", "button ground")}
    for number, name in enumerate(NAMES, start=1):
        nets.setdefault(str(number), f"unconnected-(J1-{name.replace(' ', '_')}-Pad{number})")
    return Part("J1", "Raspberry Pi", "Header", "Socket_2x20", nets, "socket 2 x 20 on the lower side")


def pin_name(number: int) -> str:
    """What a pin of the header is called in the symbol."""
    return NAMES[number - 1].replace(" ", "_")
