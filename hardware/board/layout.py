"""The board: outline, places, tracks. Millimetres from its upper left corner, as it lies on a Pi.

Outline and holes are those of a Pi Zero; header and upper holes are where every Pi has them (Raspberry Pi's mechanical
drawings), so that the board sits on all of them.
"""

import itertools
from typing import Any

from hardware.board.circuit import GROUND, LIBRARY, NAME, circuit
from hardware.board.footprints import FOOTPRINTS, VERSION, placed
from hardware.board.schematic import symbol_path
from hardware.board.sexpr import Word, at, effects, expression, identifier, point, stroke
from hardware.header import wires
from hardware.parts import load_parts

WIDTH, HEIGHT, CORNER = 65.0, 30.0, 3.0
ORIGIN = (100.0, 80.0)  # of the board on KiCad's sheet
TRACK, GROUND_TRACK = 0.5, 0.8

LIGHTS = {"D1": (14.08, 14.0), "D2": (26.08, 14.0), "D3": (38.08, 14.0)}
BUTTON = (51.0, 15.0)
PLACES = {
    "J1": (32.5, 3.5),
    **LIGHTS,
    **{f"R{number}": (x, 24.5) for number, (x, _) in enumerate(LIGHTS.values(), start=1)},
    "R4": (51.08, 24.5),
    "SW1": BUTTON,
    "H1": (3.5, 3.5),
    "H2": (61.5, 3.5),
    "H3": (3.5, 26.5),
    "H4": (61.5, 26.5),
}
LAYERS = (
    *((0, "F.Cu", "signal"), (2, "B.Cu", "signal"), (9, "F.Adhes", "user"), (11, "B.Adhes", "user")),
    *((13, "F.Paste", "user"), (15, "B.Paste", "user"), (5, "F.SilkS", "user"), (7, "B.SilkS", "user")),
    *((1, "F.Mask", "user"), (3, "B.Mask", "user"), (17, "Dwgs.User", "user"), (19, "Cmts.User", "user")),
    *((25, "Edge.Cuts", "user"), (27, "Margin", "user"), (31, "F.CrtYd", "user"), (29, "B.CrtYd", "user")),
    *((35, "F.Fab", "user"), (33, "B.Fab", "user")),
)

Place = tuple[float, float]


def pad(ref: str, number: str, which: int = 0) -> Place:
    """Where a pad is; `which` counts those of the same number."""
    part = next(part for part in circuit() if part.ref == ref)
    found = [each for each in FOOTPRINTS[part.footprint].pads if each.number == number][which]
    x, y = PLACES[ref]
    return x + found.x, y + (-found.y if ref == "J1" else found.y)


def tracks() -> list[tuple[str, str, tuple[Place, ...]]]:
    """Net, layer and corners of each track. Signals run in front, ground at the back, so that nothing crosses."""
    pin = {use: pad("J1", str(wire.header)) for use, wire in wires().items()}
    made: list[tuple[str, str, tuple[Place, ...]]] = []
    for number, led in enumerate(load_parts().leds, start=1):
        (x, y), (to_x, to_y) = pad(f"R{number}", "2"), pad(f"D{number}", "2")
        elbow = (to_x, y - (to_x - x))
        made.append((f"/{led.colour.upper()}_LED", "F.Cu", ((x, y), elbow, (to_x, to_y))))
    (x, y), (to_x, to_y) = pin["green"], pad("R1", "1")
    made.append(("/GREEN", "F.Cu", ((x, y), (x, to_y - abs(to_x - x)), (to_x, to_y))))
    (x, y), (to_x, to_y) = pin["amber"], pad("R2", "1")
    made.append(("/AMBER", "F.Cu", ((x, y), (x, 7.5), (to_x, 7.5 + to_x - x), (to_x, to_y))))
    (x, y), (to_x, to_y) = pin["red"], pad("R3", "1")
    high = 9.5  # above the red light
    made.append(
        ("/RED", "F.Cu", ((x, y), (x, 7), (x + high - 7, high), (to_x - 2.5, high), (to_x, high + 2.5), (to_x, to_y)))
    )
    (x, y), (to_x, to_y) = pin["button"], pad("R4", "1")
    right = 57.5
    corners = ((x, y), (x, 7), (right, 7 + right - x), (right, to_y - (right - to_x)), (to_x, to_y))
    made.append(("/BUTTON", "F.Cu", corners))
    (x, y), near, far = pad("R4", "2"), pad("SW1", "1"), pad("SW1", "1", 1)
    made.append(("/PRESSED", "F.Cu", ((x, y), (x, near[1] + near[0] - x), near, far)))
    return made + _ground(pin["ground"], pin["button ground"])


def _ground(lights: Place, button: Place) -> list[tuple[str, str, tuple[Place, ...]]]:
    bus = 10.5
    feet = [pad(ref, "1") for ref in LIGHTS]
    near, far = pad("SW1", "2"), pad("SW1", "2", 1)
    bend = near[0] - (near[1] - bus)
    lines: list[tuple[Place, ...]] = [(lights, (lights[0], bus))]
    lines += [((x, bus), (x, y)) for x, y in feet]
    lines.append(((feet[0][0], bus), (bend, bus), near, far))
    lines.append((far, (button[0], far[1] - (button[0] - far[0])), button))
    return [(GROUND, "B.Cu", line) for line in lines]


def board() -> list[Any]:
    """The whole file."""
    names = sorted({net for part in circuit() for net in part.nets.values()})
    nets = {name: number for number, name in enumerate(["", *names])}
    made = expression("kicad_pcb", expression("version", VERSION), expression("generator", LIBRARY))
    made += [
        expression("generator_version", "9.0"),
        expression("general", expression("thickness", 1.6)),
        expression("paper", "A4"),
        expression("title_block", expression("title", "porchlight: three lights and a button")),
        expression("layers", *([Word(number), name, Word(kind)] for number, name, kind in LAYERS)),
        _setup(),
        *(expression("net", number, name) for name, number in nets.items()),
    ]
    for part in circuit():
        x, y = _on_sheet(PLACES[part.ref])
        path, sheet = symbol_path(part.ref), f"{NAME}.kicad_sch"
        made.append(placed(part.ref, x, y, nets, path, sheet, back=part.ref == "J1"))
    made += [*_outline(), *_words()]
    for net, layer, corners in tracks():
        for start, end in itertools.pairwise(corners):
            if start != end:
                made.append(_segment(net, nets[net], layer, start, end))
    return [*made, expression("embedded_fonts", Word("no"))]


def _setup() -> list[Any]:
    return expression(
        "setup",
        expression("pad_to_mask_clearance", 0),
        expression("allow_soldermask_bridges_in_footprints", Word("no")),
        point("aux_axis_origin", ORIGIN[0], ORIGIN[1] + HEIGHT),
    )


def _on_sheet(place: Place) -> Place:
    return ORIGIN[0] + place[0], ORIGIN[1] + place[1]


def _segment(net: str, number: int, layer: str, start: Place, end: Place) -> list[Any]:
    return expression(
        "segment",
        point("start", *_on_sheet(start)),
        point("end", *_on_sheet(end)),
        expression("width", GROUND_TRACK if net == GROUND else TRACK),
        expression("layer", layer),
        expression("net", number),
        identifier("segment", net, *start, *end),
    )


def _outline() -> list[Any]:
    edge, lines = expression("layer", "Edge.Cuts"), []
    c, w, h = CORNER, WIDTH, HEIGHT
    bend = c * (1 - 0.5**0.5)
    straight = (((c, 0), (w - c, 0)), ((w, c), (w, h - c)), ((w - c, h), (c, h)), ((0, h - c), (0, c)))
    arcs = (
        ((0, c), (bend, bend), (c, 0)),
        ((w - c, 0), (w - bend, bend), (w, c)),
        ((w, h - c), (w - bend, h - bend), (w - c, h)),
        ((c, h), (bend, h - bend), (0, h - c)),
    )
    for start, end in straight:
        ends = (point("start", *_on_sheet(start)), point("end", *_on_sheet(end)))
        lines.append(expression("gr_line", *ends, stroke(0.1), edge, identifier("edge", *start)))
    for start, middle, end in arcs:
        ends3 = (
            point("start", *_on_sheet(start)),
            point("mid", *_on_sheet(middle)),
            point("end", *_on_sheet(end)),
        )
        lines.append(expression("gr_arc", *ends3, stroke(0.1), edge, identifier("corner", *start)))
    return lines


def _words() -> list[Any]:
    def say(text: str, x: float, y: float, size: float, layer: str = "F.SilkS", justify: str = "") -> list[Any]:
        place = at(*_on_sheet((x, y)), 0)
        mark = identifier("words", text, x, y)
        return expression("gr_text", text, place, expression("layer", layer), mark, effects(size, justify=justify))

    made = [say(led.colour, x, y + 4.4, 1.3) for led, (x, y) in zip(load_parts().leds, LIGHTS.values(), strict=True)]
    made.append(say("button", BUTTON[0], BUTTON[1] + 4.9, 1.3))
    values = {"R1": load_parts().ohms, "R2": load_parts().ohms, "R3": load_parts().ohms, "R4": load_parts().button_ohms}
    made += [say(f"{ref} {ohms}", *PLACES[ref], 0.9) for ref, ohms in values.items()]
    made.append(say("porchlight", 32.5, 28.2, 1.5))
    made.append(say("the long leg goes to the plus", 18.0, 7.6, 1.0))
    made.append(say("socket on this side", 32.5, 9.0, 1.5, "B.SilkS", "mirror"))
    first = pad("J1", "1")
    made.append(say("1", first[0] - 2.6 + 1.3, first[1] + 3.0, 1.2, "B.SilkS", "mirror"))
    return made
