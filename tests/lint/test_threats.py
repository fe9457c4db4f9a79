"""docs/threats.md: each row names a test, and each test that is named exists."""

import re
from itertools import pairwise

import pytest

from tests.lint.sources import ROOT

DOCUMENT = ROOT / "docs/threats.md"
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
