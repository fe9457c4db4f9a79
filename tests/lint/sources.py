"""Which files the linters look at: those that git knows or would add."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Long by nature: pins with their hashes are written by a program, and a licence is what it is.
GENERATED = {"tests/requirements.txt", "tests/requirements-build.txt", "tests/audit/requirements.txt"}


@cache
def sources() -> tuple[Path, ...]:
    """Every file of the repository, new ones included, deleted and ignored ones not."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return tuple(ROOT / name for name in sorted(set(listed)) if name and (ROOT / name).is_file())


def name_of(path: Path) -> str:
    """The file's name as it stands in messages."""
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str | None:
    """The file's text, None for pictures and the like."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def shell_scripts() -> list[Path]:
    """Every shell script: by its name, or by its first line."""
    found = []
    for path in sources():
        first = path.read_bytes()[:80].split(b"\n")[0]
        interpreter = (
            first[2:].split()[-1].rpartition(b"/")[2] if first.startswith(b"#!") and first[2:].split() else b""
        )
        if path.suffix == ".sh" or interpreter in (b"sh", b"bash", b"dash"):
            found.append(path)
    return found
