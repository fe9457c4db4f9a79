"""The five footprints: pads, outline, courtyard. Millimetres, y downwards, seen from the side that a part stands on."""

from dataclasses import dataclass, field
from typing import Any

from hardware.board.circuit import LIBRARY, circuit
from hardware.board.sexpr import Word, at, effects, expression, identifier, point, stroke

VERSION = 20241229
SILK, BODY, COURTYARD = 0.15, 0.1, 0.05  # widths of lines

Shape = tuple[str, str, tuple[float, ...]]  # what, layer without its side, numbers


@dataclass(frozen=True)
class Pad:
    """One pad: number, place, copper's size and the drill's."""

    number: str
    x: float
    y: float
    size: float
    drill: float
    square: bool = False


@dataclass(frozen=True)
class Footprint:
    """Pads and shapes of one kind of part."""

    name: str
    what: str
    pads: tuple[Pad, ...]
    shapes: tuple[Shape, ...]
    courtyard: tuple[float, float]  # half its width and height
    attributes: tuple[str, ...] = ("through_hole",)
    text_y: float = field(default=4.0)


def _led() -> Footprint:
    pads = (Pad("2", -1.27, 0, 1.8, 0.9), Pad("1", 1.27, 0, 1.8, 0.9, square=True))
    shapes: list[Shape] = [("circle", "SilkS", (0, 0, 2.9)), ("circle", "Fab", (0, 0, 2.5))]
    # The flat of the rim is on the short leg's side; a plus stands beside the long leg.
    shapes.append(("line", "SilkS", (2.5, -1.47, 2.5, 1.47)))
    shapes += [("line", "SilkS", (-4.1, 0, -3.3, 0)), ("line", "SilkS", (-3.7, -0.4, -3.7, 0.4))]
    return Footprint("Led_5mm", "LED 5 mm, the long leg at the plus", pads, tuple(shapes), (3.3, 3.3))


def _resistor() -> Footprint:
    pads = (Pad("2", -5.08, 0, 1.6, 0.8), Pad("1", 5.08, 0, 1.6, 0.8))
    shapes: list[Shape] = [("box", "SilkS", (-3.3, -1.35, 3.3, 1.35)), ("box", "Fab", (-3.15, -1.2, 3.15, 1.2))]
    shapes += [("line", "SilkS", (-3.9, 0, -3.3, 0)), ("line", "SilkS", (3.3, 0, 3.9, 0))]
    return Footprint("Resistor_10mm", "resistor 0.25 W lying flat", pads, tuple(shapes), (5.98, 1.6))


def _button() -> Footprint:
    places = (("1", -3.25, -2.25), ("1", 3.25, -2.25), ("2", -3.25, 2.25), ("2", 3.25, 2.25))
    pads = tuple(Pad(number, x, y, 2.0, 1.1) for number, x, y in places)
    shapes: list[Shape] = [("circle", "SilkS", (0, 0, 1.75)), ("box", "Fab", (-3, -3, 3, 3))]
    shapes += [("line", "SilkS", (-1.9, side, 1.9, side)) for side in (-3.15, 3.15)]
    shapes += [("line", "SilkS", (side, -0.9, side, 0.9)) for side in (-3.15, 3.15)]
    return Footprint("Button_6mm", "push button 6 x 6 mm", pads, tuple(shapes), (4.5, 3.5))


def _socket() -> Footprint:
    # Seen from below the board, where it stands, odd pins are in the upper row.
    pads = tuple(
        Pad(str(n), ((n - 1) // 2 - 9.5) * 2.54, -1.27 if n % 2 else 1.27, 1.7, 1.0, square=n == 1)
        for n in range(1, 41)
    )
    shapes: list[Shape] = [("box", "SilkS", (-25.7, -2.7, 25.7, 2.7)), ("box", "Fab", (-25.4, -2.54, 25.4, 2.54))]
    return Footprint("Socket_2x20", "socket 2 x 20, 2.54 mm", pads, tuple(shapes), (25.9, 3.0))


def _hole() -> Footprint:
    shapes: tuple[Shape, ...] = (("circle", "Fab", (0, 0, 2.5)),)
    attributes = ("exclude_from_pos_files", "exclude_from_bom")
    return Footprint("Hole_M2.5", "hole for M2.5", (Pad("", 0, 0, 2.7, 2.7),), shapes, (2.9, 2.9), attributes)


FOOTPRINTS = {made.name: made for made in (_led(), _resistor(), _button(), _socket(), _hole())}


def library_file(name: str) -> list[Any]:
    """One footprint as a file of the library."""
    made = FOOTPRINTS[name]
    head = expression("footprint", name, expression("version", VERSION), expression("generator", LIBRARY))
    fields = [("Reference", "REF**"), ("Value", name), ("Datasheet", ""), ("Description", "")]
    return [
        *head,
        expression("generator_version", "9.0"),
        expression("layer", "F.Cu"),
        expression("descr", made.what),
        *(_field(made, key, value, back=False, key=(name,)) for key, value in fields),
        expression("attr", *(Word(word) for word in made.attributes)),
        *_shapes(made, back=False, key=(name,)),
        *(_pad(pad, back=False, key=(name,)) for pad in made.pads),
        expression("embedded_fonts", Word("no")),
    ]


def placed(ref: str, x: float, y: float, nets: dict[str, int], path: str, sheet: str, *, back: bool) -> list[Any]:
    """One part on the board; on the back everything is seen through it, upside down."""
    part = next(part for part in circuit() if part.ref == ref)
    made = FOOTPRINTS[part.footprint]
    fields = [("Reference", ref), ("Value", part.value), ("Datasheet", ""), ("Description", part.description)]
    return [
        *expression("footprint", f"{LIBRARY}:{made.name}", expression("layer", "B.Cu" if back else "F.Cu")),
        identifier(ref),
        at(x, y),
        expression("descr", made.what),
        *(_field(made, key, value, back=back, key=(ref,)) for key, value in fields),
        expression("path", path),
        expression("sheetname", "/"),
        expression("sheetfile", sheet),
        expression("attr", *(Word(word) for word in made.attributes)),
        *_shapes(made, back=back, key=(ref,)),
        *(
            _pad(pad, back=back, key=(ref,), net=(nets[part.nets[pad.number]], part.nets[pad.number]))
            if pad.number
            else _pad(pad, back=back, key=(ref,))
            for pad in made.pads
        ),
        expression("embedded_fonts", Word("no")),
    ]


def _field(made: Footprint, name: str, value: str, *, back: bool, key: tuple[str, ...]) -> list[Any]:
    side = "B" if back else "F"
    layer = f"{side}.Fab"
    hide = name != "Reference"
    return expression(
        "property",
        name,
        value,
        at(0, -made.text_y if back else made.text_y, 0),
        expression("layer", layer),
        *([expression("hide", Word("yes"))] if hide else []),
        identifier(*key, name),
        effects(1, justify="mirror" if back else ""),
    )


def _shapes(made: Footprint, *, back: bool, key: tuple[str, ...]) -> list[Any]:
    side, turn = ("B", -1) if back else ("F", 1)
    half_width, half_height = made.courtyard
    shapes = [*made.shapes, ("box", "CrtYd", (-half_width, -half_height, half_width, half_height))]
    drawn = []
    for number, (what, layer, numbers) in enumerate(shapes):
        width = {"SilkS": SILK, "Fab": BODY}.get(layer, COURTYARD)
        x, y, *rest = numbers
        if what == "circle":
            ends = [point("center", x, y * turn), point("end", x + rest[0], y * turn)]
        else:
            ends = [point("start", x, y * turn), point("end", rest[0], rest[1] * turn)]
        word = {"circle": "fp_circle", "line": "fp_line", "box": "fp_rect"}[what]
        fill = [] if what == "line" else [expression("fill", Word("no"))]
        drawn.append(
            expression(
                word, *ends, stroke(width), *fill, expression("layer", f"{side}.{layer}"), identifier(*key, number)
            )
        )
    return drawn


def _pad(pad: Pad, *, back: bool, key: tuple[str, ...], net: tuple[int, str] | None = None) -> list[Any]:
    turn = -1 if back else 1
    made = expression("pad", pad.number, Word("thru_hole" if pad.number else "np_thru_hole"))
    made.append(Word("rect" if pad.square else "circle"))
    made += [
        at(pad.x, pad.y * turn),
        expression("size", pad.size, pad.size),
        expression("drill", pad.drill),
        expression("layers", "*.Cu", "*.Mask"),
    ]
    if pad.number:
        made.append(expression("remove_unused_layers", Word("no")))
    if net is not None:
        made.append(expression("net", *net))
    return [*made, identifier(*key, "pad", pad.number, pad.x, pad.y)]
