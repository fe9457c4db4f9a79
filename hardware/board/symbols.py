"""The five symbols of the schematic, drawn here so that the project needs no library but its own."""

from typing import Any

from hardware.board.circuit import LIBRARY, circuit, pin_name
from hardware.board.sexpr import Word, at, effects, expression, point, stroke

SIZE = 1.27  # millimetres, KiCad's usual text
VERSION = 20241209


def library() -> list[Any]:
    """The symbol library as a file of its own."""
    made = expression("kicad_symbol_lib", expression("version", VERSION), expression("generator", LIBRARY))
    return [*made, expression("generator_version", "9.0"), *symbols()]


def symbols(prefix: str = "") -> list[Any]:
    """All symbols; within a schematic their names carry the library's."""
    return [
        _symbol(prefix, "Resistor", "R", [_box(-2.54, 1.016, 2.54, -1.016)], _two("passive", 3.81, 1.27)),
        _symbol(prefix, "Led", "D", _led(), _two("passive", 3.81, 2.54, ("2", "A"), ("1", "K"))),
        _symbol(prefix, "Button", "SW", _button(), _two("passive", 5.08, 2.54)),
        _symbol(prefix, "Header", "J", [_box(-11.43, 26.67, 11.43, -26.67)], _header_pins(), names=True),
        _symbol(prefix, "Hole", "H", [_circle(0, 0, 1.27)], []),
    ]


def _symbol(prefix: str, name: str, ref: str, shapes: list[Any], pins: list[Any], *, names: bool = False) -> list[Any]:
    part = next(part for part in circuit() if part.symbol == name)
    made = expression("symbol", f"{prefix}{name}")
    if not names:
        made.append(expression("pin_numbers", expression("hide", Word("yes"))))
    offset = expression("pin_names", expression("offset", 1.016 if names else 0))
    if not names:
        offset.append(expression("hide", Word("yes")))
    flags = [
        expression("exclude_from_sim", Word("no")),
        expression("in_bom", Word("yes" if part.in_bill else "no")),
        expression("on_board", Word("yes")),
    ]
    # On a sheet these stand where the drawing has room; here only their being there counts.
    fields = [("Reference", ref, False), ("Value", name, False), ("Footprint", "", True), ("Datasheet", "", True)]
    fields.append(("Description", "", True))
    properties = [
        expression("property", key, value, at(0, 3.81 if key == "Reference" else -3.81, 0), effects(SIZE, hide=hide))
        for key, value, hide in fields
    ]
    return [
        *made,
        offset,
        *flags,
        *properties,
        expression("symbol", f"{name}_0_1", *shapes),
        expression("symbol", f"{name}_1_1", *pins),
        expression("embedded_fonts", Word("no")),
    ]


def _pin(kind: str, x: float, y: float, angle: int, length: float, number: str, name: str) -> list[Any]:
    return expression(
        "pin",
        Word(kind),
        Word("line"),
        at(x, y, angle),
        expression("length", length),
        expression("name", name, effects(SIZE)),
        expression("number", number, effects(SIZE)),
    )


def _two(
    kind: str, reach: float, length: float, left: tuple[str, str] = ("1", "1"), right: tuple[str, str] = ("2", "2")
) -> list[Any]:
    return [_pin(kind, -reach, 0, 0, length, *left), _pin(kind, reach, 0, 180, length, *right)]


def _header_pins() -> list[Any]:
    return [
        _pin(
            "passive",
            -13.97 if number % 2 else 13.97,
            24.13 - 2.54 * ((number - 1) // 2),
            0 if number % 2 else 180,
            2.54,
            str(number),
            pin_name(number),
        )
        for number in range(1, 41)
    ]


def _fill(kind: str = "none") -> list[Any]:
    return expression("fill", expression("type", Word(kind)))


def _box(x: float, y: float, to_x: float, to_y: float) -> list[Any]:
    return expression("rectangle", point("start", x, y), point("end", to_x, to_y), stroke(0.254), _fill())


def _circle(x: float, y: float, radius: float) -> list[Any]:
    return expression("circle", point("center", x, y), expression("radius", radius), stroke(0.254), _fill())


def _lines(*points: tuple[float, float]) -> list[Any]:
    return expression("polyline", expression("pts", *(point("xy", *each) for each in points)), stroke(0.254), _fill())


def _led() -> list[Any]:
    return [
        _lines((-1.27, 1.27), (-1.27, -1.27), (1.27, 0), (-1.27, 1.27)),
        _lines((1.27, 1.27), (1.27, -1.27)),
        _lines((-0.4, 1.8), (0.9, 3.1), (0.3, 3.1)),
        _lines((0.9, 3.1), (0.9, 2.5)),
    ]


def _button() -> list[Any]:
    return [
        _circle(-2.032, 0, 0.508),
        _circle(2.032, 0, 0.508),
        _lines((-2.54, 1.27), (2.54, 1.27)),
        _lines((0, 1.27), (0, 3.048)),
    ]
