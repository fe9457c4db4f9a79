"""The breadboard picture: what goes into which hole, to scale, for somebody who has never done this."""

from hardware.drawing import FAINT, INK, PANEL, Sheet
from hardware.header import NAMES, wires
from hardware.parts import bands, load_parts

WIDTH, HEIGHT = 1280, 1000
# Pixels for the 2.54 mm between two holes or two pins: breadboard and Pi are drawn to the same scale.
PITCH = 22.0
MILLIMETRE = PITCH / 2.54
COLUMNS = 30
LEFT, TOP = 86.0, 96.0  # of hole 1 in the upper rail
ROWS = "abcdefghij"
# Rows of holes below the upper rail's first, in pitches: rails, then a to e, the groove, f to j, rails.
ROW = {"+up": 0, "-up": 1, **{name: 3 + n + (2 if n > 4 else 0) for n, name in enumerate(ROWS)}, "-": 16, "+": 17}
# The Pi lies below: its pin 1, and how the header stands on the board (Raspberry Pi's mechanical drawing, millimetres;
# the edge is drawn 1.4 mm further away, so that numbers fit in).
PIN_1 = (LEFT + 1.6 * PITCH, TOP + 23.6 * PITCH)
PI_LEFT_OF_PIN_1, PI_TOP_OF_PIN_1, PI_SIZE = 8.37, 6.17, (85.0, 56.0)

# Columns: where the wire and the resistor begin, where the resistor ends and the long leg stands, the short leg.
PLACES = {"green": (2, 6, 7), "amber": (10, 14, 15), "red": (18, 22, 23)}
BUTTON = (24, 28, 30)  # wire and resistor, resistor and switch, switch and ground
# Columns whose number below row j would lie under a wire.
COVERED = {*(column for columns in PLACES.values() for column in (columns[0], columns[2])), BUTTON[0], BUTTON[2]}
MINUS = "\N{MINUS SIGN}"
BLUE_RAIL = f"the blue {MINUS} rail"
HUES = {"green": "#35c46a", "amber": "#ffb020", "red": "#f04a41"}
BAND_HUES = {
    "black": "#1d1d1d",
    "brown": "#7a4a21",
    "red": "#d3261f",
    "orange": "#f28a1c",
    "yellow": "#f2d21c",
    "green": "#2f9e44",
    "blue": "#2f6fde",
    "violet": "#8b4bd8",
    "grey": "#8a8f98",
    "white": "#ffffff",
    "gold": "#c9a227",
}


def picture() -> str:
    """The whole picture as SVG."""
    sheet = Sheet(WIDTH, HEIGHT, "porchlight's three lights and its button on a breadboard")
    sheet.text(40, 46, "On a breadboard: nothing is soldered", 24, bold=True)
    _board(sheet)
    _pi(sheet)
    _parts(sheet)
    _wires(sheet)
    _legend(sheet)
    return sheet.svg()


def hole(column: float, row: str) -> tuple[float, float]:
    """Where a hole is."""
    return LEFT + (column - 1) * PITCH, TOP + ROW[row] * PITCH


def pin(number: int) -> tuple[float, float]:
    """Where a pin of the header is: odd ones in the inner row, which is the lower one here."""
    return PIN_1[0] + (number - 1) // 2 * PITCH, PIN_1[1] - (PITCH if number % 2 == 0 else 0)


def _board(sheet: Sheet) -> None:
    x, y = hole(1, "+up")
    width, height = (COLUMNS - 1) * PITCH + 76, 17 * PITCH + 48
    sheet.rect(x - 38, y - 24, width, height, "#faf8f2", r=8, edge="#d5d0c2", line=1.5)
    groove = (hole(1, "e")[1] + hole(1, "f")[1]) / 2
    sheet.rect(x - 38, groove - 9, width, 18, "#e9e5da")
    for row, mark in (("+up", "+"), ("-up", "-"), ("-", "-"), ("+", "+")):
        colour = "#d6322b" if mark == "+" else "#2f5fd0"
        side = -13 if (mark == "+") == (row == "+up") else 13
        level = hole(1, row)[1]
        sheet.line([(x - 14, level + side), (x + (COLUMNS - 1) * PITCH + 14, level + side)], colour, 1.6)
        for end in (x - 26, x + (COLUMNS - 1) * PITCH + 26):
            sheet.text(end, level + 6, MINUS if mark == "-" else "+", 17, fill=colour, bold=True, anchor="middle")
    for row in ROW:
        for column in range(1, COLUMNS + 1):
            if (len(row) > 1 or row in "+-") and column % 6 == 0:
                continue
            at = hole(column, row)
            sheet.rect(at[0] - 3.5, at[1] - 3.5, 7, 7, "#4a4f57", r=1.5)
    for row in ROWS:
        for end in (x - 24, x + (COLUMNS - 1) * PITCH + 24):
            sheet.text(end, hole(1, row)[1] + 4, row, 12, fill=FAINT, anchor="middle")
    for column in (1, *range(5, COLUMNS + 1, 5)):
        for row, off in (("a", -11), ("j", 20)):
            if row == "j" and column in COVERED:
                continue
            sheet.text(hole(column, row)[0], hole(column, row)[1] + off, str(column), 10.5, fill=FAINT, anchor="middle")


def _pi(sheet: Sheet) -> None:
    x, y = PIN_1[0] - PI_LEFT_OF_PIN_1 * MILLIMETRE, PIN_1[1] - PI_TOP_OF_PIN_1 * MILLIMETRE
    width, bottom = PI_SIZE[0] * MILLIMETRE, HEIGHT - 40
    sheet.rect(x, y, width, PI_SIZE[1] * MILLIMETRE, "#1f7a4d", r=24)
    for mm_x, mm_y in ((3.5, 3.5), (61.5, 3.5)):
        at = (x + mm_x * MILLIMETRE, y + mm_y * MILLIMETRE)
        sheet.circle(*at, 2.9 * MILLIMETRE, "#d9c77a")
        sheet.circle(*at, 1.4 * MILLIMETRE, "#ffffff")
    for mm_y, mm_high, name in ((2.0, 15.5, "USB"), (20.5, 15.5, "USB")):
        box = (x + width - 15 * MILLIMETRE, y + mm_y * MILLIMETRE, 18 * MILLIMETRE, mm_high * MILLIMETRE)
        sheet.rect(*box, "#c3c8cf", r=4, edge="#8d949e")
        sheet.text(box[0] + box[2] / 2, box[1] + box[3] / 2 + 5, name, 14, fill="#4a4f57", anchor="middle")
    sheet.rect(x + 26 * MILLIMETRE, y + 17 * MILLIMETRE, 15 * MILLIMETRE, 13 * MILLIMETRE, "#c3c8cf", r=6)
    sheet.rect(x - 8, y + 20 * MILLIMETRE, 15 * MILLIMETRE, 12 * MILLIMETRE, "#2b2f36", r=4)
    sheet.text(x + 7 * MILLIMETRE - 6, y + 26 * MILLIMETRE + 5, "memory card", 13, fill="#ffffff", anchor="middle")
    sheet.text(x + 58 * MILLIMETRE, y + 26 * MILLIMETRE, "Raspberry Pi", 21, fill="#dff3e7", bold=True, anchor="middle")
    box = (PIN_1[0] - 0.62 * PITCH, PIN_1[1] - 1.62 * PITCH, 20.24 * PITCH, 2.24 * PITCH)
    sheet.rect(*box, "#23262c", r=3)
    used = {wire.header: wire.colour for wire in wires().values()}
    for number, name in enumerate(NAMES, start=1):
        at = pin(number)
        sheet.rect(at[0] - 5, at[1] - 5, 10, 10, "#ff5a50" if name == "5 V" else "#e6c65c", r=1.5)
        if number in used:
            sheet.text(at[0], at[1] + 25, str(number), 12.5, fill="#ffffff", bold=True, anchor="middle")
        elif number in (1, 17, 25, 33):
            sheet.text(at[0], at[1] + 24, str(number), 10.5, fill="#bfe3cf", anchor="middle")
        elif number in (2, 4, 20, 30):
            colour = "#ffd2cf" if name == "5 V" else "#bfe3cf"
            sheet.text(at[0], at[1] - 17, str(number), 10.5, fill=colour, anchor="middle")
    # The lower part of the Pi is of no use here.
    wave = "".join(f"q{MILLIMETRE * 2:.4g} {8 if n % 2 else -8} {MILLIMETRE * 4:.4g} 0" for n in range(23))
    sheet.path(f"M{x - 20:.4g} {bottom:.4g}{wave}V{HEIGHT + 300}H{x - 20:.4g}Z", fill="#ffffff", edge="#ffffff")


def _resistor(sheet: Sheet, start: tuple[float, float], end: tuple[float, float], ohms: int) -> None:
    """A resistor lying flat, its first band at the start."""
    sheet.line([start, end], "#9aa0a8", 3.5)
    middle, width = (start[0] + end[0]) / 2, 6.5 * MILLIMETRE
    sheet.rect(middle - width / 2, start[1] - 8, width, 16, "#e8d3a2", r=7, edge="#b99f66")
    for share, name in zip((0.16, 0.34, 0.52, 0.82), bands(ohms), strict=True):
        sheet.rect(middle - width / 2 + width * share - 2.6, start[1] - 8, 5.2, 16, BAND_HUES[name])


def _led(sheet: Sheet, foot: tuple[float, float], short: tuple[float, float], hue: str) -> None:
    """A light that stands above its two holes; the long leg has a bend."""
    middle, base = (foot[0] + short[0]) / 2, foot[1] - 3.1 * PITCH
    sheet.line([(middle - 8, base), (middle - 8, base + 14), (foot[0], base + 26), foot], "#9aa0a8", 3.5)
    sheet.line([(middle + 8, base), (middle + 8, base + 20), short], "#9aa0a8", 3.5)
    sheet.path(f"M{middle - 22:.5g} {base:.5g}v-30a22 22 0 0 1 44 0v30z", fill=hue, edge="#00000040", line=1.5)
    sheet.rect(middle - 26, base - 4, 52, 9, hue, r=2, edge="#00000040", line=1.5)
    sheet.path(f"M{middle - 12:.5g} {base - 14:.5g}v-16a12 12 0 0 1 9 -11", edge="#ffffff", line=3.5, opacity=0.75)


def _parts(sheet: Sheet) -> None:
    parts = load_parts()
    for name, (start, long, short) in PLACES.items():
        _resistor(sheet, hole(start, "h"), hole(long, "h"), parts.ohms)
        _jumper(sheet, short)
        _led(sheet, hole(long, "f"), hole(short, "f"), HUES[name])
        x, y = hole(long + 0.5, "a")
        _tag(sheet, x, y + 9, name)
    start, near, far = BUTTON
    _resistor(sheet, hole(start, "h"), hole(near, "h"), parts.button_ohms)
    _jumper(sheet, far)
    x, y = hole(near, "e")
    for column in (near, far):
        sheet.line([hole(column, "e"), hole(column, "f")], "#9aa0a8", 5)
    sheet.rect(x - 5, y + 4, 2 * PITCH + 10, 2 * PITCH - 2 + 14, "#3a3f47", r=4)
    sheet.circle(x + PITCH, y + 1.5 * PITCH, 15, "#5b8def", edge="#1d2127", line=2)
    _tag(sheet, x + PITCH, y - 17, "button")


def _tag(sheet: Sheet, x: float, y: float, words: str) -> None:
    sheet.rect(x - 34, y - 14, 68, 23, "#ffffff", r=11, edge="#c9c4b5")
    sheet.text(x, y + 3, words, 14, bold=True, anchor="middle")


def _jumper(sheet: Sheet, column: int) -> None:
    """A short wire from the lower half to the blue rail."""
    rail = column + 1 if column % 6 == 0 else column
    if rail > COLUMNS:
        rail = column - 1
    (x, y), end = hole(column, "i"), hole(rail, "-")
    sheet.line([(x, y), (x, end[1] - 22), end], "#2b2f36", 6, round_by=8)
    for at in ((x, y), end):
        sheet.circle(*at, 5, "#2b2f36", edge="#8a929d", line=1.5)


def _wires(sheet: Sheet) -> None:
    ends = {"ground": hole(1, "-"), "button ground": hole(27, "-")}
    ends |= {name: hole(columns[0], "j") for name, columns in PLACES.items()} | {"button": hole(BUTTON[0], "j")}
    # How high each wire runs along between board and Pi, in pixels above the header: who goes further runs lower.
    lanes = {"ground": 44, "green": 62, "amber": 62, "red": 44, "button": 62, "button ground": 44}
    for use, wire in wires().items():
        (x, y), end = pin(wire.header), ends[use]
        gap, level = x + PITCH / 2, PIN_1[1] - 1.62 * PITCH - lanes[use] + 8
        points = [(x, y), (gap, y - 12), (gap, level), (end[0], level), end]
        sheet.line(points, "#ffffff", 9, round_by=10)
        sheet.line(points, wire.colour, 6, round_by=10)
        sheet.circle(x, y, 7, wire.colour, edge="#ffffff", line=1.5)
        sheet.circle(*end, 5, wire.colour, edge="#ffffff", line=1.5)


def _legend(sheet: Sheet) -> None:
    x, parts = 850.0, load_parts()
    sheet.rect(x - 22, 72, WIDTH - x - 8, HEIGHT - 112, PANEL, r=12)
    y = 108.0
    for line in ("First pull the Pi's plug out.", "Never touch pins 2 and 4: 5 V."):
        sheet.text(x, y, line, 17, fill="#c6221c", bold=True)
        y += 26
    y += 14
    sheet.text(x, y, "The six wires", 17, bold=True)
    ends = {"ground": BLUE_RAIL, "button ground": BLUE_RAIL}
    ends |= {name: f"hole j{columns[0]}" for name, columns in PLACES.items()} | {"button": f"hole j{BUTTON[0]}"}
    for use, wire in wires().items():
        y += 27
        sheet.line([(x + 4, y - 5), (x + 34, y - 5)], wire.colour, 7)
        sheet.text(x + 48, y, f"pin {wire.header}", 14.5, bold=True)
        sheet.text(x + 112, y, f"{wire.name.replace('GND', 'ground')} to {ends[use]}", 14.5)
    y += 44
    sheet.text(x, y, "Which leg is which", 17, bold=True)
    _led(sheet, (x + 34, y + 138), (x + 34 + PITCH, y + 122), HUES["green"])
    for n, line in enumerate(("long leg: towards the", "resistor (column 6, 14, 22)")):
        sheet.text(x + 88, y + 52 + 20 * n, line, 14.5)
    for n, line in enumerate(("short leg, flat side of the", "rim: to ground (7, 15, 23)")):
        sheet.text(x + 88, y + 106 + 20 * n, line, 14.5)
    y += 188
    sheet.text(x, y, "The resistors", 17, bold=True)
    for ohms, where in ((parts.ohms, "one for each light"), (parts.button_ohms, "for the button")):
        y += 46
        _resistor(sheet, (x, y - 5), (x + 88, y - 5), ohms)
        sheet.text(x + 102, y - 8, f"{ohms} Ω, {where}", 14.5, bold=True)
        sheet.text(x + 102, y + 11, ", ".join(bands(ohms)), 13.5, fill=FAINT)
    y += 30
    sheet.text(x, y + 10, "They work either way round.", 14.5)
    y += 54
    sheet.text(x, y, "How a breadboard joins things", 17, bold=True)
    for line in (
        "The five holes a to e of one column are",
        "joined inside, and so are f to j. The rail",
        "with the blue line is one long wire.",
    ):
        y += 23
        sheet.text(x, y, line, 14.5)
    y += 40
    sheet.text(x, y, "No button? Leave out wires 37 and 39", 14.5, fill=INK)
    sheet.text(x, y + 21, f"and the resistor of {parts.button_ohms} Ω.", 14.5, fill=INK)
