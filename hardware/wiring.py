"""The wiring diagram: the 40-pin header, the resistors, the lights and the button, drawn with schemdraw."""

import itertools
from typing import Any

import schemdraw
from schemdraw import elements as elm

from hardware.header import NAMES, Wire, wires
from hardware.parts import load_parts

INK, FAINT, DANGER = "#20242b", "#8a94a3", "#c6221c"
FONT = "DejaVu Sans"
# schemdraw's units. Distance of the header's pins; left ends of resistors, lights and of the way back to ground.
PITCH = 0.62
RESISTOR, LIGHT, BUS = (-3.4, -6.0), (-6.6, -9.2), -10.4
# How far below its pin each light's row lies, and where its wire turns: the lowest pin turns first, so none cross.
ROWS = {"green": (2.2, 1.5), "amber": (3.38, 1.0), "red": (4.56, 0.5)}


def diagram() -> str:
    """The whole diagram as SVG."""
    schemdraw.use("svg")
    schemdraw.svgconfig.text = "text"
    drawing = schemdraw.Drawing(show=False)
    drawing.config(fontsize=11, font=FONT, color=INK, lw=2, margin=0.5, bgcolor="white")
    joined = wires()
    header = drawing.add(elm.Ic(pins=_pins(joined), pinspacing=PITCH, leadlen=0.55, edgepadH=0.75, edgepadW=1.2))
    at = {use: getattr(header, f"p{wire.header}") for use, wire in joined.items()}
    _lights(drawing, at)
    _button(drawing, at)
    _words(drawing, at)
    return str(drawing.get_imagedata("svg").decode())


def _pins(joined: dict[str, Wire]) -> list[Any]:
    used = {wire.header: INK for wire in joined.values()}
    return [
        elm.IcPin(
            name=name,
            pin=str(number),
            side="left" if number % 2 else "right",
            slot=f"{20 - (number - 1) // 2}/20",
            anchorname=f"p{number}",
            color=used.get(number, DANGER if name == "5 V" else FAINT),
            lblsize=10.5,
            pinlblsize=9.5,
        )
        for number, name in enumerate(NAMES, start=1)
    ]


def _line(drawing: Any, colour: str, *points: tuple[float, float]) -> None:
    for start, end in itertools.pairwise(points):
        drawing.add(elm.Line().at(start).to(end).color(colour))


def _resistor(drawing: Any, row: float, label: str) -> None:
    drawing.add(elm.Resistor().at((RESISTOR[0], row)).to((RESISTOR[1], row)).label(label, "top", ofst=0.14))
    _line(drawing, INK, (RESISTOR[1], row), (LIGHT[0], row))


def _lights(drawing: Any, at: dict[str, Any]) -> None:
    joined, parts = wires(), load_parts()
    bottom = at["ground"][1]
    for number, (led, (use, (below, turn))) in enumerate(zip(parts.leds, ROWS.items(), strict=True), start=1):
        (x, y), colour = at[use], joined[use].colour
        bottom = y - below
        _line(drawing, colour, (x + 0.55, y), (x - turn, y), (x - turn, bottom), (RESISTOR[0], bottom))
        _resistor(drawing, bottom, f"R{number}   {parts.ohms} Ω")
        drawing.add(elm.LED().at((LIGHT[0], bottom)).to((LIGHT[1], bottom)).fill(colour))
        drawing.add(elm.Label().at((-7.9, bottom + 0.62)).label(f"D{number}  {led.colour}"))
        drawing.add(elm.Label().at((-6.95, bottom - 0.25)).label("long leg", fontsize=8.5, color=FAINT))
        _line(drawing, INK, (LIGHT[1], bottom), (BUS, bottom))
        drawing.add(elm.Dot().at((BUS, bottom)))
    x, y = at["ground"]
    _line(drawing, INK, (x + 0.55, y), (BUS, y), (BUS, bottom))


def _button(drawing: Any, at: dict[str, Any]) -> None:
    (x, y), (back_x, back_y) = at["button"], at["button ground"]
    _line(drawing, wires()["button"].colour, (x + 0.55, y), (RESISTOR[0], y))
    _resistor(drawing, y, f"R4   {load_parts().button_ohms // 1000} kΩ")
    drawing.add(elm.Button().at((LIGHT[0], y)).to((LIGHT[1], y)).label("SW1  button", "top", ofst=0.12))
    below = back_y - 0.5
    _line(drawing, INK, (LIGHT[1], y), (BUS, y), (BUS, below), (back_x - 0.5, below))
    _line(drawing, INK, (back_x - 0.5, below), (back_x - 0.5, back_y), (back_x + 0.55, back_y))


def _words(drawing: Any, at: dict[str, Any]) -> None:
    def say(x: float, y: float, text: str, size: float = 10, colour: str = INK) -> None:
        drawing.add(elm.Label().at((x, y)).label(text, fontsize=size, color=colour, halign="left", valign="center"))

    top, bottom = at["ground"][1] + 4 * PITCH, at["button ground"][1] - 1.5
    left = BUS - 0.1
    say(left, top + 0.1, "porchlight: three lights and a button", 15)
    say(left, top - 0.55, "Right: the Pi's 40-pin header. Pin 1 is nearest to the card.", 10, FAINT)
    say(left, top - 1.05, "Red: 5 V, never touch these two pins. Grey: leave free.", 10, FAINT)
    say(left, bottom, f"Why {load_parts().ohms} Ω", 12)
    for number, line in enumerate(load_parts().sums(), start=1):
        say(left, bottom - 0.05 - 0.48 * number, line, 9.5)
