"""``./test audit``: asks pip-audit about every pin of the tests, of itself, and of the card's own two.

What the card takes from Debian is pinned in tests/requirements.in in Debian's version; what Debian has mended within a
version only its tracker knows (``./build --release``, docs/image.md).
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image import recipe

TESTS = Path(__file__).parent.parent
# Read, and not installed; a hash behind each, so that what is asked about is what is used.
PIP_AUDIT = ("-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")


@dataclass
class Found:
    """What pip-audit says: how many it has looked up, which faults it knows, what it could not look up."""

    sound: int = 0
    faults: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def card() -> str:
    """The pins of what the card takes from the Python package index, as a requirements file."""
    return "".join(f"{pin.requirement} --hash=sha256:{pin.sha256}\n" for pin in recipe.PINNED)


def read(said: str) -> Found:
    """What stands in pip-audit's JSON.

    Raises:
        ValueError: it is none, as when pip-audit reached nobody.
    """
    raw: Any = json.loads(said)
    found = Found()
    try:
        for one in raw["dependencies"]:
            if "skip_reason" in one:
                found.skipped.append(f"{one['name']}: {one['skip_reason']}")
                continue
            found.sound += not one["vulns"]
            for fault in one["vulns"]:
                cure = ", ".join(fault["fix_versions"]) or "no version"
                found.faults.append(f"{one['name']} {one['version']}: {fault['id']}, mended by {cure}")
    except (KeyError, TypeError) as error:
        raise ValueError(f"pip-audit's answer has no {error}") from None
    return found


def ask(path: Path, options: Sequence[str], program: Sequence[str] = (sys.executable, *PIP_AUDIT)) -> Found | None:
    """Ask about a requirements file; None when there is no answer, of which pip-audit itself has said why."""
    done = subprocess.run(
        [*program, "--requirement", str(path), *options], stdout=subprocess.PIPE, text=True, check=False
    )
    try:
        return read(done.stdout)
    except ValueError:
        return None


def main(options: Sequence[str]) -> int:
    """Ask about everything, and tell. 0: all were looked up and none has a known fault; 1: otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "card.txt"
        own.write_text(card())
        clean = True
        for path in (own, *sorted(TESTS.rglob("requirements*.txt"))):
            name = "the card's own pins" if path == own else str(path.relative_to(TESTS.parent))
            found = ask(path, options)
            if found is None:
                print(
                    f"{name}: not looked up, since pip-audit has no answer. Whether it has known faults is not known."
                )
                clean = False
                continue
            counts = f"{len(found.faults)} faults, {len(found.skipped)} not looked up"
            print(f"{name}: {found.sound} without a known fault, {counts}")
            print("".join(f"  {line}\n" for line in (*found.faults, *found.skipped)), end="")
            clean = clean and not found.faults and not found.skipped and found.sound > 0
    print("Clean." if clean else "Not clean, or not known to be.")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
