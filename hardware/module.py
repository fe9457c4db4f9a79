"""The picture of a ready-made traffic light on its four wires: no soldering, no breadboard."""

from hardware.drawing import FAINT, INK, Sheet
from hardware.header import NAMES, wires

WIDTH, HEIGHT = 940, 560
PITCH = 40.0  # pixels for the 2.54 mm between two pins
PIN_1 = (110.0, 448.0)
SHOWN = 20  # pins of the header that are drawn: enough to count them
MODULE = (PIN_1[0] + 3.4 * PITCH, 40.0)  # its upper left corner
LAMPS = ("#f04a41", "#ffb020", "#35c46a")  # from the top
# The module's pins from left to right, with what it calls them.
ORDER = (("ground", "GND"), ("red", "R"), ("amber", "Y"), ("green", "G"))


def picture() -> str:
    """The whole picture as SVG."""
    sheet = Sheet(WIDTH, HEIGHT, "A traffic-light module on the pins of porchlight")
    _pi(sheet)
    _module(sheet)
    _wires(sheet)
    _words(sheet)
    return sheet.svg()


def pin(number: int) -> tuple[float, float]:
    """Where a pin of the header is; odd ones are in the inner row, the lower one here."""
    return PIN_1[0] + (number - 1) // 2 * PITCH, PIN_1[1] - (PITCH if number % 2 == 0 else 0)


def foot(use: str) -> tuple[float, float]:
    """Where the module's pin of that use is."""
    place = [name for name, _ in ORDER].index(use)
    return MODULE[0] + 26 + place * PITCH, MODULE[1] + 236


def _pi(sheet: Sheet) -> None:
    x, y = PIN_1[0] - 92, PIN_1[1] - 98
    sheet.path(
        f"M{x:g} {HEIGHT}V{y + 34:g}a34 34 0 0 1 34 -34H{PIN_1[0] + 10.6 * PITCH:g}V{HEIGHT}Z",
        fill="#1f7a4d",
        edge="none",
    )
    sheet.circle(x + 38, y + 38, 25, "#d9c77a")
    sheet.circle(x + 38, y + 38, 12, "#ffffff")
    sheet.rect(PIN_1[0] - 26, PIN_1[1] - 26 - PITCH, SHOWN / 2 * PITCH + 26, 2 * PITCH + 12, "#23262c", r=4)
    used = {wire.header for use, wire in wires().items() if not use.startswith("button")}
    for number in range(1, SHOWN + 1):
        (px, py), name = pin(number), NAMES[number - 1]
        sheet.rect(px - 8, py - 8, 16, 16, "#ff5a50" if name == "5 V" else "#e6c65c", r=2)
        if number in used:
            sheet.text(px, py + 42, str(number), 17, fill="#ffffff", bold=True, anchor="middle")
        elif number % 2 and number in (1, 3, 5, 7, 17, 19):
            sheet.text(px, py + 41, str(number), 13, fill="#bfe3cf", anchor="middle")
        elif number in (2, 4):
            sheet.text(px, py - 30, str(number), 13, fill="#ffd2cf", anchor="middle")
    sheet.text(PIN_1[0] + 40, PIN_1[1] + 84, "Raspberry Pi, the end with the memory card", 15, fill="#dff3e7")


def _module(sheet: Sheet) -> None:
    x, y = MODULE
    sheet.rect(x, y, 172, 212, "#27324a", r=10, edge="#161d2c", line=2)
    for number, hue in enumerate(LAMPS):
        middle = (x + 66, y + 42 + 56 * number)
        sheet.circle(*middle, 24, hue, edge="#00000050", line=2)
        sheet.path(f"M{middle[0] - 13:g} {middle[1] - 5:g}a14 14 0 0 1 10 -10", edge="#ffffff", line=3.5, opacity=0.75)
        sheet.rect(x + 118, middle[1] - 7, 30, 14, "#14181f", edge="#9aa0a8", line=1.5)
        sheet.text(x + 133, middle[1] + 4, "221", 10, fill="#ffffff", anchor="middle")
    for use, label in ORDER:
        px, py = foot(use)
        sheet.text(px, y + 204, label, 13, fill="#ffffff", bold=True, anchor="middle")
        sheet.rect(px - 3, y + 212, 6, py - y - 206, "#e6c65c")


def _wires(sheet: Sheet) -> None:
    # The one that goes furthest is drawn first, so that it lies below.
    for use in ("red", "green", "amber", "ground"):
        wire = wires()[use]
        (x, y), (to_x, to_y) = foot(use), pin(wire.header)
        # Between two pins of the outer row, as on a real header.
        gap = to_x + PITCH / 2
        curve = f"M{x:g} {y:g}C{x:g} {y + 70:g} {gap:g} {y + 20:g} {gap:g} {to_y - 66:g}"
        path = f"{curve}L{gap:g} {to_y - 34:g}L{to_x:g} {to_y:g}"
        sheet.path(path, edge="#ffffff", line=12)
        sheet.path(path, edge=wire.colour, line=8)
        for end in ((x, y), (to_x, to_y)):
            sheet.circle(*end, 9, wire.colour, edge="#ffffff", line=2)


def _words(sheet: Sheet) -> None:
    x, y = PIN_1[0] + 11.4 * PITCH, 84.0
    sheet.text(x, y, "A ready-made traffic light", 21, bold=True)
    y += 34
    sheet.text(x, y, "Four wires, socket to socket:", 15)
    names = dict(ORDER)
    for use in ("ground", "green", "amber", "red"):
        y += 28
        wire = wires()[use]
        sheet.line([(x + 4, y - 5), (x + 36, y - 5)], wire.colour, 8)
        sheet.text(x + 50, y, f"{names[use]} to pin {wire.header}", 15, bold=True)
    y += 40
    for line in (
        "The wires of R and G cross.",
        "Count from the memory card:",
        "2 and 4, the red ones, carry 5 V.",
    ):
        sheet.text(x, y, line, 15, fill=INK)
        y += 23
    sheet.text(x, y + 10, "First pull the Pi's plug out.", 15, fill="#c6221c", bold=True)
    sheet.text(x, y + 36, "Your module may name its pins in", 13, fill=FAINT)
    sheet.text(x, y + 54, "another order: go by the letters.", 13, fill=FAINT)
