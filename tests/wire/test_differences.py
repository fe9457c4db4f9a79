"""The documented differences: each row of docs/differences.md has its test, and each test its row."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs/differences.md"


def documented() -> list[str]:
    return re.findall(r"^\| `([a-z0-9-]+)` \|", DOCUMENT.read_text(), flags=re.MULTILINE)


def shown() -> list[str]:
    """The names that the tests of this folder carry."""
    found = []
    for file in sorted(HERE.glob("test_*.py")):
        for one in ast.walk(ast.parse(file.read_text())):
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                for decorator in one.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "difference":
                        found += [str(ast.literal_eval(argument)) for argument in decorator.args]
    return found


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    rows, tests = documented(), shown()
    assert len(rows) > 10
    assert len(rows) == len(set(rows)), "a name stands twice in docs/differences.md"
    assert len(tests) == len(set(tests)), "two tests show the same row"
    assert not set(rows) - set(tests), "rows of docs/differences.md that no test shows"
    assert not set(tests) - set(rows), "differences that docs/differences.md does not list"


def test_every_row_says_all_four_things() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4, row
        assert all(cells), row
