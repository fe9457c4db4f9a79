"""``python -m tests.bench``: measure, show, and write docs/performance.md where that is asked for."""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import document, profile, report
from tests.bench.relays import ONE, PEERS, TWO, Peer, missing
from tests.bench.rows import TASKS
from tests.bench.running import Run

ROUNDS, SECONDS = 5, 2.0
# With one round: about a minute.
QUICK_SECONDS, QUICK_SCALE = 0.6, 0.2


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./test bench", description="Compare porchlight with HAProxy and nginx.")
    # The script ./test has taken it already.
    parser.add_argument("--release", choices=("card", "host", "board"), help="whose programs (card)")
    names = ", ".join(task.name for task in TASKS)
    parser.add_argument("--quick", action="store_true", help="one short round: a minute in all, good for a first look")
    parser.add_argument("--rows", metavar="NAME", nargs="+", default=[], help=f"only these: {names}")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"how often everything is measured ({ROUNDS})")
    parser.add_argument("--seconds", type=float, metavar="S", help=f"how long one piece of work lasts ({SECONDS:g})")
    parser.add_argument(
        "--only", metavar="WORDS", default="", help="only relays with one of these words (a,b) in their name"
    )
    parser.add_argument(
        "--other", type=Path, metavar="FOLDER", nargs="+", default=[], help="measure other checkouts as well"
    )
    parser.add_argument("--profile", action="store_true", help="profile porchlight's worker with perf instead")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its picture")
    options = parser.parse_args()
    unknown = set(options.rows) - {task.name for task in TASKS}
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}. One of these: {names}.")
    for folder in options.other:
        if not (folder / "appliance").is_dir():
            parser.error(
                f"{folder} is no checkout, or not below this one: the tree of the card's release shows no other."
            )
    if options.profile and not profile.available():
        parser.error("perf is not installed (Debian's package is linux-perf).")
    if missing():
        parser.error(f"these are not installed: {', '.join(missing())}. tests/bench/packages.txt names the packages.")
    if options.write and (options.rows or options.quick or options.only or options.other or options.profile):
        parser.error("only a whole run is written down: --write goes with --rounds and --seconds alone.")
    return options


def _relays(options: argparse.Namespace) -> list[Peer]:
    if options.profile:
        profile.name_functions()
        return [ONE]
    relays = [*PEERS, ONE, TWO]
    for other in options.other:
        relays.append(Peer(f"porchlight, {other.name}", "porchlight", {"workers": "1", "source": str(other.resolve())}))
    return [one for one in relays if any(word in one.name for word in options.only.split(","))]


def main() -> int:
    """Run it; 0 when every target is met."""
    options = _options()
    relays = _relays(options)
    tasks = [
        task for task in TASKS if task.name in options.rows or (not options.rows and not (options.quick and task.long))
    ]
    rounds = options.rounds or (1 if options.quick or options.profile else ROUNDS)
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    scale = QUICK_SCALE if options.quick else 1.0
    began, load = time.monotonic(), os.getloadavg()[0]

    def tell(what: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began:4.0f} s] {what}\n")

    run = Run(tasks, relays, seconds, scale, tell)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    profiles = Path(tempfile.mkdtemp(prefix="porchlight-profile-")) if options.profile else None
    run.take(rounds, profiles)
    if profiles:
        sys.stdout.write("\n".join(file.read_text() for file in sorted(profiles.glob("*.txt"))))
        sys.stdout.write(f"\nAll of it is in {profiles}.\n")
        return 0
    found = report.lines(tasks, run.figures)
    sys.stdout.write(report.for_terminal(report.table(found, relays)) + "\n")
    for name, remarks in run.remarks.items():
        sys.stdout.write("".join(f"{name}: {remark}\n" for remark in sorted(remarks)))
    if options.quick:
        sys.stdout.write("One short round, without the longest row: ratios are good to about a tenth at best.\n")
    if options.write:
        document.write(found, relays, run.remarks, rounds, seconds, (load, os.getloadavg()[0]))
    missed = [line.row.about for line in found if line.met is False]
    sys.stdout.write(f"{len(missed)} targets are missed.\n" if missed else "Every target is met.\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
