"""What came out, as a table: for a terminal and for docs/performance.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.relays import MANY, ONE, PEERS, REFERENCE, Peer
from tests.bench.rows import Row, Task

# Figures by row, then by relay: one for each round.
Figures = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table, with its verdict."""

    row: Row
    values: Mapping[str, float]
    spread: float
    reference: float | None
    best: float | None
    met: bool | None


def judge(row: Row, figures: Mapping[str, Sequence[float]]) -> Line | None:
    """A row's medians, or worst rounds, and whether porchlight with one worker is good enough; None if not measured."""
    typical = max if row.worst else median
    values = {name: float(typical(found)) for name, found in figures.items() if found}
    name = ONE.name if ONE.name in values else MANY.name
    ours = values.get(name)
    if ours is None:
        return None
    spread = (max(figures[name]) - min(figures[name])) / ours / 2 if ours else 0.0
    peers = [values[one.name] for one in PEERS if one.name in values]
    reference = _ratio(ours, values.get(REFERENCE.name))
    best = _ratio(ours, min(peers) if len(peers) == len(PEERS) else None)
    verdicts = [
        found <= limit
        for found, limit in ((reference, row.reference), (best, row.best), (ours, row.most))
        if limit is not None and found is not None
    ]
    if row.least is not None:
        verdicts.append(ours >= row.least)
    return Line(row, values, spread, reference, best, all(verdicts) if verdicts else None)


def _ratio(ours: float, theirs: float | None) -> float | None:
    return ours / theirs if theirs and theirs > 0 else None


def lines(tasks: Sequence[Task], figures: Figures) -> list[Line]:
    """Every row that was measured."""
    found = [judge(row, figures[row.key]) for task in tasks for row in task.rows if figures.get(row.key)]
    return [line for line in found if line is not None]


def table(found: Sequence[Line], relays: Sequence[Peer]) -> list[list[str]]:
    """The table's cells, the head first."""
    head = ["", "", *(one.name for one in relays), "of reference", "of best peer", "±", "met"]
    return [head, *(_cells(line, relays) for line in found)]


def _cells(line: Line, relays: Sequence[Peer]) -> list[str]:
    row = line.row
    numbers = [_number(line.values.get(one.name)) for one in relays]
    if MANY.name in line.values and ONE.name not in line.values:
        numbers = [*numbers[:-1], f"{_number(line.values[MANY.name])} (3 workers)"]
    verdict = {True: "yes", False: "NO", None: ""}[line.met]
    against = _against(line.reference, row.reference)
    if row.most is not None or row.least is not None:
        limit = f"≤ {_number(row.most)}" if row.most is not None else f"≥ {_number(row.least)}"
        against = f"{against} [{limit} {row.unit}]".strip()
    return [row.about, row.unit, *numbers, against, _against(line.best, row.best), f"{line.spread:.0%}", verdict]


def _against(ratio: float | None, limit: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.2f}" + (f" [≤ {limit:g}]" if limit is not None else "")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def for_terminal(cells: Sequence[Sequence[str]]) -> str:
    """Aligned columns."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in pairs).rstrip()
        for pairs in (list(enumerate(zip(row, widths, strict=True))) for row in cells)
    )


def for_markdown(cells: Sequence[Sequence[str]]) -> str:
    """The same as a table in Markdown."""
    head, *rest = cells
    rule = ["---", "---", *["---:"] * (len(head) - 3), "---"]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rest))
