"""docs/health.md has one row for each check, in their order."""

from pathlib import Path

from appliance.health.registry import CHECKS

DOCUMENT = Path(__file__).parents[2] / "docs" / "health.md"


def test_every_check_has_its_row() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    expected = [f"| `{one.id}` | {one.severity} | {one.appears} |" for one in CHECKS]
    assert rows == expected, "write these rows into docs/health.md:\n" + "\n".join(expected)
