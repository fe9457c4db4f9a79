"""The board without KiCad: every pad is reached by its net's tracks, and it sits on a Pi."""

import itertools
import uuid

import pytest

from hardware.board.circuit import circuit
from hardware.board.footprints import FOOTPRINTS
from hardware.board.layout import HEIGHT, PLACES, WIDTH, pad, tracks
from hardware.board.sexpr import Word, expression, identifier, number, write

Place = tuple[float, float]
NETS = {net for part in circuit() for net in part.nets.values() if not net.startswith("unconnected")}


def _pads(net: str) -> set[Place]:
    found = set()
    for part in circuit():
        for name, joined in part.nets.items():
            if joined == net:
                same = [each for each in FOOTPRINTS[part.footprint].pads if each.number == name]
                found |= {_round(pad(part.ref, name, which)) for which in range(len(same))}
    return found


def _round(place: Place) -> Place:
    return round(place[0], 4), round(place[1], 4)


@pytest.mark.parametrize("net", sorted(NETS))
def test_tracks_join_all_pads_of_a_net(net: str) -> None:
    # Ground's tracks also meet in the middle of a longer one.
    lines = [(_round(a), _round(b)) for n, _, way in tracks() if n == net for a, b in itertools.pairwise(way)]
    reached = {min(_pads(net))}
    while True:
        more = {end for line in lines for end in line if any(_touches(line, place) for place in reached)}
        more |= {
            end
            for line in lines
            for end in line
            if any(_touches(other, end) for other in lines if set(other) & reached)
        }
        if more <= reached:
            break
        reached |= more
    assert _pads(net) <= reached


def _touches(line: tuple[Place, Place], place: Place) -> bool:
    (ax, ay), (bx, by) = line
    across = (bx - ax) * (place[1] - ay) - (by - ay) * (place[0] - ax)
    within = (
        min(ax, bx) - 1e-3 <= place[0] <= max(ax, bx) + 1e-3 and min(ay, by) - 1e-3 <= place[1] <= max(ay, by) + 1e-3
    )
    return abs(across) < 1e-2 and within


def test_it_sits_on_every_pi() -> None:
    """Raspberry Pi's mechanical drawings: holes 3.5 mm from the edges and 58 mm apart, the header between them."""
    assert PLACES["H2"][0] - PLACES["H1"][0] == 58
    first, last = pad("J1", "1"), pad("J1", "40")
    assert _round(first) == (8.37, 4.77)
    assert _round(last) == _round((8.37 + 19 * 2.54, 2.23))
    assert (first[0] + last[0]) / 2 == pytest.approx((PLACES["H1"][0] + PLACES["H2"][0]) / 2)


def test_everything_lies_on_the_board() -> None:
    for part in circuit():
        half_width, half_height = FOOTPRINTS[part.footprint].courtyard
        x, y = PLACES[part.ref]
        assert half_width <= x <= WIDTH - half_width, part.ref
        assert half_height <= y <= HEIGHT - half_height, part.ref


def test_the_long_leg_is_on_the_pins_side() -> None:
    for part in circuit():
        if part.symbol == "Led":
            assert part.nets == {"1": "/GND", "2": f"/{part.value.upper()}_LED"}, "pad 1 is the cathode, KiCad's usage"


def test_expressions() -> None:
    tree = expression("a", "b c", Word("yes"), 1.50, True, expression("d", 'quote " and\nline'))
    assert write(tree) == '(a "b c" yes 1.5 yes\n\t(d "quote \\" and\\nline")\n)\n'
    assert number(-0.0000001) == "0"
    assert number(100) == "100"
    assert identifier("x") == identifier("x") != identifier("y")
    assert uuid.UUID(identifier("x")[1]).version == 5
