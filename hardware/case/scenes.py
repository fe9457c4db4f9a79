"""What the pictures of the case show."""

import math

from hardware.board.layout import BUTTON, CORNER, HEIGHT, LIGHTS, PLACES, WIDTH
from hardware.case.mesh import Triangles, box, cylinder, dome, moved, prism, upside_down
from hardware.case.view import Body, picture

# Millimetres, as in case.scad.
FLOOR, UNDER, PI_THICK, STACK, BOARD_THICK, LED_HIGH = 2.0, 3.5, 1.5, 11.0, 1.6, 8.7
PI_TOP = FLOOR + UNDER + PI_THICK
BOARD_TOP = PI_TOP + STACK + BOARD_THICK
INSIDE = BOARD_TOP + LED_HIGH + 0.3

SHELL, LID = (0.93, 0.86, 0.74), (0.96, 0.91, 0.82)
GREEN_BOARD, DARK, METAL, GOLD = (0.16, 0.50, 0.33), (0.17, 0.18, 0.21), (0.76, 0.78, 0.81), (0.86, 0.72, 0.30)
LIGHT = {"D1": (0.24, 0.80, 0.44), "D2": (1.0, 0.70, 0.16), "D3": (0.95, 0.32, 0.27)}
CLEAR, BLUE, SAND = (0.84, 0.90, 0.95), (0.36, 0.55, 0.93), (0.90, 0.82, 0.63)

Models = dict[str, Triangles]
DEPTH = 56.0  # of a Pi that is not a Zero


def on_pi(place: tuple[float, float]) -> tuple[float, float]:
    """From the board's corner to the Pi's."""
    return place[0], DEPTH - place[1]


def _rounded(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """A board's outline."""
    corners = ((width - CORNER, CORNER), (width - CORNER, height - CORNER), (CORNER, height - CORNER), (CORNER, CORNER))
    return [
        (x + at[0] + CORNER * math.cos(angle), y + at[1] + CORNER * math.sin(angle))
        for quarter, at in enumerate(corners)
        for angle in (math.radians(90 * quarter - 90 + 15 * step) for step in range(7))
    ]


def pi4(z: float) -> list[Body]:
    """A Pi 4 in blocks."""
    usb = [box(70, y - 6.6, z + PI_THICK, 17.5, 13.2, 15.6) for y in (9, 27)]
    net = box(66.5, 45.75 - 8, z + PI_THICK, 21, 16, 13.5)
    plugs = [box(x - w / 2, -1.2, z + PI_THICK, w, 7.5, 3.1) for x, w in ((11.2, 9), (26, 7), (39.5, 7))]
    holes = [cylinder(x, y, z + 0.01, 2.9, PI_THICK) for x in (3.5, 61.5) for y in (3.5, 52.5)]
    return [
        Body(prism(_rounded(0, 0, 85, DEPTH), z, PI_THICK), GREEN_BOARD),
        *(Body(block, METAL) for block in (*usb, net, *plugs)),
        *(Body(hole, GOLD) for hole in holes),
        Body(box(21, 24, z + PI_THICK, 15, 15, 2.4), METAL),
        Body(box(50.5, -1.5, z + PI_THICK, 7, 14, 6), DARK),
        Body(box(7.1, 50, z + PI_THICK, 50.8, 5, 2.5), DARK),
        *(
            Body(box(8.37 + 2.54 * n - 0.3, y - 0.3, z + PI_THICK + 2.5, 0.6, 0.6, 6), GOLD)
            for n in range(20)
            for y in (51.23, 53.77)
        ),
    ]


def lights_board(z: float) -> list[Body]:
    """The board with its parts; z is its lower face."""
    top = z + BOARD_THICK
    bodies = [
        Body(prism(_rounded(0, DEPTH - HEIGHT, WIDTH, HEIGHT), z, BOARD_THICK), GREEN_BOARD),
        Body(box(7.1, 50, z - 8.5, 50.8, 5, 8.5), DARK),
    ]
    for ref, place in LIGHTS.items():
        x, y = on_pi(place)
        bodies += [
            Body(cylinder(x, y, top, 2.9, 1.0), LIGHT[ref]),
            Body(cylinder(x, y, top + 1.0, 2.5, LED_HIGH - 3.5), LIGHT[ref]),
            Body(dome(x, y, top + LED_HIGH - 2.5, 2.5), LIGHT[ref]),
        ]
    joints = [cylinder(8.37 + 2.54 * n, y, top, 0.7, 1.0, 12) for n in range(20) for y in (51.23, 53.77)]
    bodies += [Body(joint, METAL) for joint in joints]
    for ref in ("R1", "R2", "R3", "R4"):
        x, y = on_pi(PLACES[ref])
        bodies += [
            Body(box(x - 3.15, y - 1.1, top + 0.1, 6.3, 2.2, 2.2), SAND),
            Body(box(x - 5.1, y - 0.3, top + 0.9, 10.2, 0.6, 0.6), METAL),
        ]
    x, y = on_pi(BUTTON)
    bodies += [Body(box(x - 3, y - 3, top, 6, 6, 3.5), DARK), Body(cylinder(x, y, top + 3.5, 1.75, 3.5), BLUE)]
    holes = [cylinder(*on_pi(PLACES[ref]), z + 0.01, 1.35, BOARD_THICK) for ref in ("H1", "H2", "H3", "H4")]
    return bodies + [Body(hole, (1.0, 1.0, 1.0)) for hole in holes]


def _lid(models: Models, z: float) -> Body:
    """The lid as it sits on the case, its lower face at z; it is printed the other way up."""
    return Body(moved(upside_down(models["lid-pi4"]), 0, 0, z + FLOOR), LID)


def _pipes(models: Models, z: float) -> list[Body]:
    bodies = []
    for number, (ref, place) in enumerate(LIGHTS.items()):
        x, y = on_pi(place)
        one = models["pipes"]
        near = abs(one[:, :, 0].mean(axis=1) - 12 * number) < 5
        bodies.append(Body(moved(one[near], x - 12 * number, y, z), LIGHT[ref]))
    return bodies


def closed(models: Models) -> bytes:
    """The case as it stands on a shelf."""
    x, y = on_pi(BUTTON)
    cap = Body(moved(models["button"], x, y, BOARD_TOP + 7.1), BLUE)
    bodies = [Body(models["base-pi4"], SHELL), _lid(models, INSIDE), *_pipes(models, INSIDE - 1.6), cap]
    return picture([*bodies, *pi4(FLOOR + UNDER)], 1100, 32, 38)


def apart(models: Models) -> bytes:
    """Everything above everything else, in the order in which it goes together."""
    x, y = on_pi(BUTTON)
    bodies = [
        Body(models["base-pi4"], SHELL),
        *pi4(48),
        *lights_board(82),
        *_pipes(models, 109),
        Body(moved(models["button"], x, y, 109), BLUE),
        _lid(models, 158),
    ]
    return picture(bodies, 900, 32, 28)


def board(_models: Models) -> bytes:
    """The board with its parts on."""
    return picture(lights_board(0), 1100, 20, 42)


def printed(models: Models) -> bytes:
    """All parts as they lie on the printer."""
    cap = moved(models["button"], 20, -18)
    bodies = [
        Body(models["base-pi4"], SHELL),
        Body(moved(models["lid-pi4"], 105, 56), LID),
        Body(moved(models["pipes"], 105 + 10, -18), CLEAR),
        Body(cap, BLUE),
    ]
    return picture(bodies, 1200, 15, 45)


SCENES = {"case": closed, "case-apart": apart, "case-printed": printed, "board-assembled": board}
