"""Draws and renders everything of hardware/: drawings, board, fabrication files, case, pictures.

python3 -m hardware          writes what is out of date
python3 -m hardware draw     only what Python draws: no KiCad, no OpenSCAD
python3 -m hardware check    says what is out of date, and ends with status 1 if anything is
python3 -m hardware rules    KiCad's checks of schematic and board
python3 -m hardware all      renders everything anew
"""

import sys
import tempfile
import time
from pathlib import Path

try:
    from hardware import office, rendered
    from hardware.drawn import ROOT, drawn
except ModuleNotFoundError as missing:
    sys.exit(
        f"The Python module {missing.name} is missing, so that nothing can be drawn.\n"
        "Run this with the Python of the tests, ~/.cache/porchlight/tests-*/bin/python.\n"
        "./test quick hardware makes it."
    )
from image.errors import BuildError


def stale() -> list[str]:
    """Drawn files that would change."""
    return [
        str(path)
        for path, text in drawn().items()
        if not (ROOT / path).exists() or (ROOT / path).read_text("utf-8") != text
    ]


def draw() -> None:
    """Write the drawn files."""
    for path, text in drawn().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, "utf-8")


def render(*, everything: bool) -> None:
    """Render what is out of date, or all of it."""
    for step in rendered.STEPS:
        if not everything and not rendered.out_of_date([step]):
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            files = step.make(office.enter(), Path(folder))
        for path, data in files.items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_bytes(data)
        rendered.note(step, files)
        print(f"{step.name}: {len(files)} files, {time.monotonic() - begun:.0f} s")


def main(arguments: list[str]) -> int:
    """The command line."""
    task = arguments[0] if arguments else "stale"
    if task not in ("stale", "draw", "check", "rules", "all") or len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    if task == "check":
        wrong = [f"{name} is out of date" for name in stale()] + rendered.out_of_date()
        print("\n".join(wrong) if wrong else "Everything is up to date.")
        return 1 if wrong else 0
    try:
        if task == "rules":
            with tempfile.TemporaryDirectory() as folder:
                Path(folder).chmod(0o755)
                rendered.rules(office.enter(), Path(folder))
            print("KiCad finds nothing wrong with schematic and board.")
            return 0
        draw()
        if task != "draw":
            render(everything=task == "all")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
