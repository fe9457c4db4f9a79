"""The schematic: the header on the left, the three lights and the button on the right."""

from typing import Any

from hardware.board.circuit import LIBRARY, NAME, Part, circuit
from hardware.board.sexpr import Word, at, effects, expression, identifier, point, stroke
from hardware.board.symbols import SIZE, symbols
from hardware.header import wires
from hardware.parts import load_parts

VERSION = 20250114
# Millimetres on the sheet, all of them multiples of 1.27, the grid that KiCad's rules ask for.
GRID = 1.27
HEADER = (50 * GRID, 36 * GRID)
ROWS = (20 * GRID, 30 * GRID, 40 * GRID, 50 * GRID)
START, RESISTOR, SECOND, END = 92 * GRID, 104 * GRID, 122 * GRID, 136 * GRID


def schematic() -> list[Any]:
    """The whole file."""
    places = {"J1": HEADER}
    for number, row in enumerate(ROWS, start=1):
        places[f"R{number}"] = (RESISTOR, row)
        places[f"D{number}" if number < 4 else "SW1"] = (SECOND, row)
    places |= {f"H{number}": ((84 + 12 * number) * GRID, 62 * GRID) for number in (1, 2, 3, 4)}
    made = expression("kicad_sch", expression("version", VERSION), expression("generator", LIBRARY))
    made += [
        expression("generator_version", "9.0"),
        identifier(NAME, "sheet"),
        expression("paper", "User", 195, 112),
        expression("title_block", expression("title", "porchlight: three lights and a button")),
        expression("lib_symbols", *symbols(f"{LIBRARY}:")),
        *_header(),
        *(item for row, net in zip(ROWS, _row_nets(), strict=True) for item in _row(row, *net)),
        *_words(),
        *(_placed(part, *places[part.ref]) for part in circuit()),
    ]
    sheet = expression("path", "/", expression("page", "1"))
    return [*made, expression("sheet_instances", sheet), expression("embedded_fonts", Word("no"))]


def symbol_path(ref: str) -> str:
    """How the board names a part's symbol."""
    return f"/{identifier(NAME, 'symbol', ref)[1]}"


def _wire(x: float, y: float, to_x: float, to_y: float) -> list[Any]:
    ends = expression("pts", point("xy", x, y), point("xy", to_x, to_y))
    return expression("wire", ends, stroke(0), identifier(NAME, "wire", x, y, to_x, to_y))


def _label(net: str, x: float, y: float, *, left: bool) -> list[Any]:
    justify = "right bottom" if left else "left bottom"
    angle = 180 if left else 0
    return expression(
        "label", net[1:], at(x, y, angle), effects(SIZE, justify=justify), identifier(NAME, "label", net, x, y)
    )


def _header() -> list[Any]:
    """A wire with the net's name at each pin that is used, a cross at each that is not."""
    items = []
    nets = next(part for part in circuit() if part.ref == "J1").nets
    for number in range(1, 41):
        left = bool(number % 2)
        x = HEADER[0] + (-11 if left else 11) * GRID
        y = HEADER[1] + (-19 + 2 * ((number - 1) // 2)) * GRID
        net = nets[str(number)]
        if net.startswith("unconnected"):
            items.append(expression("no_connect", at(x, y), identifier(NAME, "free", number)))
            continue
        end = x + (-10 if left else 10) * GRID
        items += [_wire(x, y, end, y), _label(net, end, y, left=left)]
    return items


def _row_nets() -> list[tuple[str, str]]:
    """The names at the left end and in the middle of each row."""
    colours = [led.colour.upper() for led in load_parts().leds]
    return [*((f"/{colour}", f"/{colour}_LED") for colour in colours), ("/BUTTON", "/PRESSED")]


def _row(y: float, start: str, middle: str) -> list[Any]:
    reach = 4 * GRID if start == "/BUTTON" else 3 * GRID
    return [
        _wire(START, y, RESISTOR - 3 * GRID, y),
        _label(start, START, y, left=True),
        _wire(RESISTOR + 3 * GRID, y, SECOND - reach, y),
        _label(middle, RESISTOR + 4 * GRID, y, left=False),
        _wire(SECOND + reach, y, END, y),
        _label("/GND", END, y, left=False),
    ]


def _words() -> list[Any]:
    lines = [
        "Written by python3 -m hardware from pins.toml and parts.toml: change those.",
        *load_parts().sums(),
        f"The button's pin {wires()['button'].name} is held high by the Pi's own pull-up.",
    ]
    text = "\n".join(lines)
    return [
        expression(
            "text",
            text,
            expression("exclude_from_sim", Word("no")),
            at(29 * GRID, 70 * GRID, 0),
            effects(SIZE, justify="left top"),
            identifier(NAME, "words"),
        )
    ]


def _placed(part: Part, x: float, y: float) -> list[Any]:
    made = expression("symbol", expression("lib_id", f"{LIBRARY}:{part.symbol}"), at(x, y, 0), expression("unit", 1))
    for flag, value in (
        ("exclude_from_sim", "no"),
        ("in_bom", "yes" if part.in_bill else "no"),
        ("on_board", "yes"),
        ("dnp", "no"),
    ):
        made.append(expression(flag, Word(value)))
    above, below = {"Header": (22.5, 22.5), "Led": (4, 2), "Button": (4, 2)}.get(part.symbol, (3, 2))
    fields = (
        ("Reference", part.ref, y - above * GRID, False),
        ("Value", part.value, y + below * GRID, False),
        ("Footprint", f"{LIBRARY}:{part.footprint}", y, True),
        ("Datasheet", "", y, True),
        ("Description", part.description, y, True),
    )
    properties = [
        expression("property", key, value, at(x, place, 0), effects(SIZE, hide=hide))
        for key, value, place, hide in fields
    ]
    pins = [expression("pin", pin, identifier(NAME, "pin", part.ref, pin)) for pin in part.nets]
    path = f"/{identifier(NAME, 'sheet')[1]}"
    reference = expression("path", path, expression("reference", part.ref), expression("unit", 1))
    instances = expression("instances", expression("project", NAME, reference))
    return [*made, identifier(NAME, "symbol", part.ref), *properties, *pins, instances]
