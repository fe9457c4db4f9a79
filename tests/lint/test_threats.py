"""docs/threats.md: each row names a test, and each test that is named exists."""

import re
from itertools import pairwise

import pytest

from tests.image.test_exposure import FOR_A_MOMENT, PROMISED
from tests.lint.sources import ROOT

DOCUMENT = ROOT / "docs/threats.md"
UNITS = ROOT / "image/files/usr/lib/systemd/system"
# Units whose figures stand in rows of their own: what an update needs, and swap space.
ELSEWHERE = {"install", "slot", "verdict", "memory", "swap"}
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[str]:
    """The rows of its tables, heads left out."""
    lines = DOCUMENT.read_text().splitlines()
    return [
        line
        for before, line in pairwise(lines)
        if line.startswith("| ") and before.startswith("|") and not line.startswith("|---")
    ]


def test_each_row_is_shown_by_something() -> None:
    bare = [row for row in rows() if not NAMED.search(row)]
    assert len(rows()) > 20
    assert bare == []


@pytest.mark.parametrize("named", sorted(set(NAMED.findall(DOCUMENT.read_text()))), ids="::".join)
def test_each_test_exists(named: tuple[str, str]) -> None:
    file, function = named
    assert re.search(rf"^def {function}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_the_figure_of_each_other_unit_is_told() -> None:
    """Each unit has its figure in ``tests/image/test_exposure.py``, and the table tells those of the rest."""
    units = {one.stem.removeprefix("porchlight-").rstrip("@") for one in UNITS.glob("porchlight-*.service")}
    assert {*PROMISED, *FOR_A_MOMENT} == units
    (row,) = [row for row in rows() if row.startswith("| the same, of everything else that runs for a moment")]
    told: dict[str, float] = {}
    # Names, perhaps with commas and "and" between them, and a figure.
    for names, figure in re.findall(r"((?:[a-z-]+(?:, | and ))*[a-z-]+) (\d\.\d)(?=[:,.; ])", row):
        told |= {name: float(figure) for name in re.split(r", | and ", names)}
    others = {name: figure for name, figure in FOR_A_MOMENT.items() if name not in ELSEWHERE}
    assert {name: told.get(name) for name in others} == others
