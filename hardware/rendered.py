"""What KiCad, OpenSCAD and our own renderer make of the drawn files, and whether it is up to date.

`rendered.json` keeps, for each step, the hash of what it was made from and of what came out. So a test of a few
milliseconds tells that nothing was changed by hand or forgotten; a slow one makes everything anew and compares bytes.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hardware.board.circuit import NAME
from hardware.case.mesh import from_binary, from_text, to_binary
from hardware.drawn import KICAD, PICTURES, ROOT
from hardware.office import Office

RECORD = ROOT / "hardware" / "rendered.json"
FABRICATION, CASE = Path("hardware/board/fabrication"), Path("hardware/case")
# The case's parts: file to the variables of case.scad. Pipes and button are the same for all.
MODELS = {
    **{f"{part}-{model}": (part, model) for model in ("pi3", "pi4", "pi5", "zero") for part in ("base", "lid")},
    "pipes": ("pipes", "pi4"),
    "button": ("button", "pi4"),
}
DRAWINGS = ("wiring", "breadboard", "module")
COPPER = "F.Cu,B.Cu,F.Mask,B.Mask,F.SilkS,B.SilkS,Edge.Cuts"
# KiCad writes the time into everything. A fixed one, so that the same board gives the same bytes.
TIMES = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[+-]\d\d:?\d\d|Z)?")
ZIP_TIME = (2026, 1, 1, 0, 0, 0)

Files = dict[Path, bytes]


@dataclass(frozen=True)
class Step:
    """One step: what it is made from, who makes it, and whether the same comes out each time."""

    name: str
    sources: tuple[str, ...]  # patterns below the repository
    make: Callable[[Office, Path], Files]
    repeatable: bool = True

    def key(self) -> str:
        """The hash of all sources, names included."""
        digest = hashlib.sha256()
        for path in sorted({path for pattern in self.sources for path in ROOT.glob(pattern) if path.is_file()}):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
        return digest.hexdigest()


def _png(office: Office, folder: Path) -> Files:
    made = {}
    for name in DRAWINGS:
        (folder / f"{name}.svg").write_bytes((ROOT / PICTURES / f"{name}.svg").read_bytes())
        look = ["--zoom=1.6", "--background-color=white"]
        office.run(f"Drawing {name}.png", ["rsvg-convert", *look, f"{name}.svg", f"--output={name}.png"], folder)
        made[PICTURES / f"{name}.png"] = (folder / f"{name}.png").read_bytes()
    return made


def _sheet(office: Office, folder: Path) -> Files:
    (folder / "sheet.svg").write_bytes((ROOT / PICTURES / "sheet.svg").read_bytes())
    time = f"SOURCE_DATE_EPOCH={int(datetime(*ZIP_TIME, tzinfo=UTC).timestamp())}"
    office.run(
        "Printing the sheet", ["env", time, "rsvg-convert", "--format=pdf", "sheet.svg", "-o", "out.pdf"], folder
    )
    return {PICTURES / "sheet.pdf": (folder / "out.pdf").read_bytes()}


def project(folder: Path) -> None:
    """Lay the KiCad project into a folder."""
    for path in (ROOT / KICAD).rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(ROOT / KICAD)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def rules(office: Office, folder: Path) -> None:
    """KiCad's electrical rules and the rules of the layout, warnings included; the board must be that of the schematic.

    Raises:
        BuildError: a rule is broken; the message has KiCad's words.
    """
    project(folder)
    strict = ["--severity-all", "--exit-code-violations", "--format", "json"]
    office.run(
        "KiCad's check of the schematic",
        ["kicad-cli", "sch", "erc", *strict, "-o", "erc.json", f"{NAME}.kicad_sch"],
        folder,
    )
    drc = ["kicad-cli", "pcb", "drc", "--schematic-parity", *strict, "-o", "drc.json", f"{NAME}.kicad_pcb"]
    office.run("KiCad's check of the board", drc, folder)


def _fabrication(office: Office, folder: Path) -> Files:
    rules(office, folder)
    (folder / "out").mkdir()
    export, board = ["kicad-cli", "pcb", "export"], f"{NAME}.kicad_pcb"
    gerbers = [*export, "gerbers", "--layers", COPPER, "--use-drill-file-origin", "--subtract-soldermask"]
    drill = [*export, "drill", "--drill-origin", "plot", "--excellon-units", "mm", "--excellon-separate-th"]
    positions = [*export, "pos", "--format", "csv", "--units", "mm", "--use-drill-file-origin"]
    office.run("Writing gerbers", [*gerbers, "-o", "out/", board], folder)
    office.run("Writing drill files", [*drill, "-o", "out/", board], folder)
    office.run("Writing positions", [*positions, "-o", f"out/{NAME}-positions.csv", board], folder)
    made = {path.name: TIMES.sub(_same_length, path.read_bytes()) for path in sorted((folder / "out").iterdir())}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in made.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), data, zipfile.ZIP_DEFLATED)
    return {FABRICATION / f"{NAME}.zip": packed.getvalue(), **{FABRICATION / name: data for name, data in made.items()}}


def _same_length(found: re.Match[bytes]) -> bytes:
    return b"2026-01-01" + found[0][10:11] + b"00:00:00" + (b"+00:00" if len(found[0]) > 19 else b"")


def _schematic(office: Office, folder: Path) -> Files:
    project(folder)
    export = ["kicad-cli", "sch", "export", "svg", "--exclude-drawing-sheet", "-o", ".", f"{NAME}.kicad_sch"]
    office.run("Drawing the schematic", export, folder)
    office.run("Drawing the schematic", ["rsvg-convert", "--width=1500", f"{NAME}.svg", "-o", "out.png"], folder)
    return {PICTURES / "board-schematic.png": (folder / "out.png").read_bytes()}


def _board(office: Office, folder: Path) -> Files:
    project(folder)
    look = ["--width", "1600", "--height", "860", "--quality", "high", "--background", "transparent", "--zoom", "1.8"]
    made = {}
    for side in ("top", "bottom"):
        command = ["kicad-cli", "pcb", "render", "--side", side, *look, "-o", f"{side}.png", f"{NAME}.kicad_pcb"]
        office.run("Drawing the board", command, folder)
        made[PICTURES / f"board-{side}.png"] = (folder / f"{side}.png").read_bytes()
    return made


def _models(office: Office, folder: Path) -> Files:
    for path in (ROOT / CASE).glob("*.scad"):
        (folder / path.name).write_bytes(path.read_bytes())

    def one(name: str) -> bytes:
        part, model = MODELS[name]
        command = [
            "openscad",
            "--quiet",
            "-D",
            f'part="{part}"',
            "-D",
            f'model="{model}"',
            "-o",
            f"{name}.stl",
            "case.scad",
        ]
        office.run(f"Modelling {name}", command, folder)
        return to_binary(from_text((folder / f"{name}.stl").read_text()), f"porchlight {name}")

    with ThreadPoolExecutor(2) as pool:
        return {CASE / f"{name}.stl": data for name, data in zip(MODELS, pool.map(one, MODELS), strict=True)}


def _scenes(_office: Office, _folder: Path) -> Files:
    # Here, since only this step needs numpy's and Pillow's time to be imported.
    from hardware.case.scenes import SCENES

    models = {name: from_binary((ROOT / CASE / f"{name}.stl").read_bytes()) for name in MODELS}
    return {PICTURES / f"{name}.png": scene(models) for name, scene in SCENES.items()}


KICAD_FILES = f"{KICAD}/**/*"
STEPS = (
    Step("pictures", tuple(f"{PICTURES}/{name}.svg" for name in DRAWINGS), _png),
    Step("sheet", ("docs/pictures/sheet.svg",), _sheet),
    Step("fabrication", (KICAD_FILES,), _fabrication),
    Step("schematic", (f"{KICAD}/*.kicad_sch",), _schematic),
    # KiCad's renderer throws dice for its shadows.
    Step("board", (f"{KICAD}/*.kicad_pcb",), _board, repeatable=False),
    Step("models", ("hardware/case/*.scad",), _models),
    Step("scenes", ("hardware/case/*.stl", "hardware/case/[msv]*.py", "hardware/board/layout.py"), _scenes),
)


def sha256(data: bytes) -> str:
    """As it stands in the record."""
    return hashlib.sha256(data).hexdigest()


def record() -> dict[str, dict[str, object]]:
    """What the last rendering wrote down; empty if there was none."""
    found: dict[str, dict[str, object]] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    return found


def note(step: Step, files: Files) -> None:
    """Write down what a step was made from, and what came out."""
    known = record()
    known[step.name] = {"from": step.key(), "files": {str(path): sha256(data) for path, data in sorted(files.items())}}
    RECORD.write_text(
        json.dumps({each.name: known[each.name] for each in STEPS if each.name in known}, indent=2) + "\n"
    )


def out_of_date(steps: Iterable[Step] = STEPS) -> list[str]:
    """What is wrong with the rendered files, in words; nothing if all is well."""
    wrong = []
    for step in steps:
        known = record().get(step.name, {})
        if known.get("from") != step.key():
            wrong.append(f"{step.name}: made from other sources than those that are here")
        files = known.get("files", {})
        for name, expected in files.items() if isinstance(files, dict) else ():
            path = ROOT / name
            if not path.exists() or sha256(path.read_bytes()) != expected:
                wrong.append(f"{step.name}: {name} is not what was made")
    return wrong
