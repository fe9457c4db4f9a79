"""``./test lynis``: what Lynis says of the card's system.

The system is slot A of the card in ``dist/``, copied out of it; Lynis runs inside, by the card's own shell under
emulation, with nothing else running. So it sees files only: what the running card does is for ``tests/boot``. The copy
is read-only as on the card, and what a program may write to is memory. No test: the index says how many of Lynis' own
points a system gets, most of which are for programs that this card is better off without (docs/threats.md).
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from image.stages import REPOSITORY, version
from tests.image.card import Card

# Debian's package. Lynis also works from one folder, when started there.
PARTS = (
    "/usr/share/lynis/include",
    "/usr/share/lynis/db",
    "/etc/lynis/default.prf",
    "/etc/lynis/plugins",
    "/usr/sbin/lynis",
)
# Run by sh in a mount and a process namespace of its own: $1 the system, $2 Lynis' folder.
INSIDE = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
for one in tmp run var/tmp var/log; do mount -t tmpfs tmpfs "$1/$one"; done
cp -r "$2" "$1/tmp/lynis"
run="./lynis audit system --quick --no-colors --logfile /tmp/log --report-file /tmp/report"
chroot "$1" /bin/sh -c "cd /tmp/lynis && exec $run"
cp "$1/tmp/log" "$1/tmp/report" "$2/"
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What Lynis says.

    Args:
        index: the hardening index, in per cent of the points that a system could have got.
        points: how many it got, and of how many.
        tests: how many tests there were.
        warnings: each one.
        missed: by the test that gave fewer than it could, how many points it kept.
    """

    index: int
    points: tuple[int, int]
    tests: int
    warnings: list[str]
    missed: Counter[str]


def read(report: str, log: str) -> Said:
    """What stands in Lynis' report and log.

    Raises:
        ValueError: it did not come to its end.
    """
    index = re.search(r"^hardening_index=(\d+)$", report, re.MULTILINE)
    done = re.search(r"^lynis_tests_done=(\d+)$", report, re.MULTILINE)
    if not index or not done:
        raise ValueError("Lynis did not come to its end")
    missed: Counter[str] = Counter()
    points, best, test = 0, 0, ""
    for line in log.splitlines():
        if begun := re.search(r"Performing test ID (\S+)", line):
            test = begun[1]
        if given := re.search(r"Hardening: assigned .*having (\d+) points \(out of (\d+)\)", line):
            now, of = int(given[1]), int(given[2])
            missed[test] += (of - best) - (now - points)
            points, best = now, of
    warnings = re.findall(r"^warning\[\]=(.*)$", report, re.MULTILINE)
    return Said(int(index[1]), (points, best), int(done[1]), warnings, +missed)


def ask(image: Path, folder: Path) -> Said:
    """Let Lynis look at the system of a card.

    Args:
        image: the card, compressed.
        folder: for copies; a gigabyte and a half.

    Raises:
        subprocess.CalledProcessError: the card cannot be read, or Lynis cannot run.
        ValueError: Lynis did not come to its end.
    """
    path = folder / "card.img"
    with path.open("wb") as file:
        subprocess.run(["xz", "--decompress", "--stdout", str(image)], stdout=file, check=True)
    slot = Card(path, folder).slot()
    path.unlink()
    own = folder / "lynis"
    own.mkdir()
    subprocess.run(["cp", "-r", *PARTS, str(own)], check=True)
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    subprocess.run([*namespaces, "sh", "-c", INSIDE, "lynis", str(slot), str(own)], check=True)
    return read((own / "report").read_text(), (own / "log").read_text())


def main() -> int:
    """Ask, and tell. 0: there is an index, whatever it is."""
    if os.geteuid():
        print("This needs root: only root can copy a system with the owners of its files.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        said = ask(REPOSITORY / f"dist/porchlight-{version()}-arm64.img.xz", Path(folder))
    print(f"\nHardening index {said.index}: {said.points[0]} of {said.points[1]} points in {said.tests} tests.")
    print("".join(f"  warning: {one}\n" for one in said.warnings), end="")
    kept = ", ".join(f"{name} {lost}" for name, lost in said.missed.most_common())
    print(f"Points that were not given, by test: {kept}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
