"""What is drawn by Python alone: text files that are cheap to write anew, and are compared in every ./test quick."""

from pathlib import Path

from hardware import breadboard, module, sheet, wiring
from hardware.board.layout import BUTTON, LIGHTS
from hardware.board.project import files
from hardware.guide import DOCUMENT, with_tables
from hardware.parts import bill, load_parts

ROOT = Path(__file__).resolve().parent.parent
PICTURES = Path("docs/pictures")
KICAD = Path("hardware/board/kicad")


def drawn() -> dict[Path, str]:
    """Every such file: path below the repository to text."""
    made = {
        PICTURES / "wiring.svg": wiring.diagram() + "\n",
        PICTURES / "breadboard.svg": breadboard.picture(),
        PICTURES / "module.svg": module.picture(),
        PICTURES / "sheet.svg": sheet.picture(),
        Path("hardware/bill.csv"): bill(load_parts()),
        Path("hardware/case/lights.scad"): _positions(),
        DOCUMENT: with_tables((ROOT / DOCUMENT).read_text("utf-8")),
    }
    return made | {KICAD / name: text for name, text in files().items()}


def _positions() -> str:
    lights = ", ".join(f"[{x:g}, {y:g}]" for x, y in LIGHTS.values())
    return (
        "// Written by python3 -m hardware from hardware/board/layout.py: millimetres from its upper left corner.\n"
        f"lights = [{lights}];\nbutton = [{BUTTON[0]:g}, {BUTTON[1]:g}];\n"
    )
