"""The files of the KiCad project, by name."""

import json

from hardware.board.circuit import LIBRARY, NAME
from hardware.board.footprints import FOOTPRINTS, library_file
from hardware.board.layout import TRACK, board
from hardware.board.schematic import schematic
from hardware.board.sexpr import expression, identifier, write
from hardware.board.symbols import library

# What makers of boards commonly offer for their cheapest kind, millimetres; the rules are checked against it.
RULES = {
    "min_clearance": 0.2,
    "min_track_width": 0.2,
    "min_through_hole_diameter": 0.3,
    "min_copper_edge_clearance": 0.5,
}


def files() -> dict[str, str]:
    """Path below the project's folder to text."""
    made = {
        f"{NAME}.kicad_pro": _project(),
        f"{NAME}.kicad_sch": write(schematic()),
        f"{NAME}.kicad_pcb": write(board()),
        f"{LIBRARY}.kicad_sym": write(library()),
        "sym-lib-table": _table("sym_lib_table", f"{LIBRARY}.kicad_sym"),
        "fp-lib-table": _table("fp_lib_table", f"{LIBRARY}.pretty"),
    }
    for name in FOOTPRINTS:
        made[f"{LIBRARY}.pretty/{name}.kicad_mod"] = write(library_file(name))
    return made


def _table(head: str, place: str) -> str:
    entry = [("name", LIBRARY), ("type", "KiCad"), ("uri", f"${{KIPRJMOD}}/{place}"), ("options", ""), ("descr", "")]
    row = expression("lib", *(expression(key, value) for key, value in entry))
    return write(expression(head, expression("version", 7), row))


def _project() -> str:
    settings = {
        "board": {"design_settings": {"rules": RULES}},
        "meta": {"filename": f"{NAME}.kicad_pro", "version": 3},
        "net_settings": {
            "classes": [
                {"name": "Default", "clearance": 0.2, "track_width": TRACK, "via_diameter": 0.8, "via_drill": 0.4}
            ],
            "meta": {"version": 4},
        },
        "sheets": [[str(identifier(NAME, "sheet")[1]), "Root"]],
    }
    return json.dumps(settings, indent=2) + "\n"
