"""The generated parts of the assembly guide: wires, resistors, the bill of materials."""

import csv
import io
from pathlib import Path

from hardware.header import wires
from hardware.parts import bands, bill, load_parts

DOCUMENT = Path("docs/assembly.md")


def tables() -> dict[str, str]:
    """The parts of the guide by name."""
    return {"wires": _wires(), "resistors": _resistors(), "sum": _sum(), "bill": _bill()}


def _wires() -> str:
    lines = ["| wire | header pin | is called | goes to |", "|---|---|---|---|"]
    ends = {
        "ground": "the short legs of all three lights",
        "green": "R1, then the long leg of the green light",
        "amber": "R2, then the long leg of the amber light",
        "red": "R3, then the long leg of the red light",
        "button": "R4, then one side of the button",
        "button ground": "the other side of the button",
    }
    lines += [f"| {use} | **{wire.header}** | {wire.name} | {ends[use]} |" for use, wire in wires().items()]
    return "\n".join(lines)


def _resistors() -> str:
    parts = load_parts()
    lines = ["| resistor | value | bands |", "|---|---|---|"]
    lines.append(f"| R1, R2, R3: one for each light | {parts.ohms} Ω | {', '.join(bands(parts.ohms))} |")
    lines.append(f"| R4: the button | {parts.button_ohms} Ω | {', '.join(bands(parts.button_ohms))} |")
    return "\n".join(lines)


def _sum() -> str:
    return "\n".join(f"- {line}" for line in load_parts().sums())


def _bill() -> str:
    head, *rows = csv.reader(io.StringIO(bill(load_parts())))
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def with_tables(document: str) -> str:
    """The document with its generated parts anew."""
    for name, text in tables().items():
        begin, end = f"<!-- {name}: written by python3 -m hardware -->\n", f"<!-- {name}: end -->"
        before, found, rest = document.partition(begin)
        if not found or end not in rest:
            raise ValueError(f"{DOCUMENT} has no place for the table '{name}'")
        document = f"{before}{begin}{text}\n{end}{rest.partition(end)[2]}"
    return document
