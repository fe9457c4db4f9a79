"""Where porchlight's own time goes: perf beside its workers while a measurement runs."""

import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import accounting
from tests.bench.relays import Running

# Samples a second; a prime, so that it does not beat with the relay's own timers.
RATE = 1499
SHOWN = 40


def available() -> bool:
    """Whether perf is installed."""
    return shutil.which("perf") is not None


def name_functions() -> None:
    """From Python 3.12 on, perf can tell Python's functions apart, if the relay is started with this set."""
    os.environ["PYTHONPERFSUPPORT"] = "1"


@contextmanager
def of(running: Running, file: Path | None) -> Generator[None]:
    """Profile porchlight while something is done, and write what was found beside ``file``; without one, do nothing."""
    if file is None or running.peer.kind != "porchlight":
        yield
        return
    workers = ",".join(str(one) for one in accounting.family(running.process)[1:])
    data = file.with_suffix(".data")
    command = ["perf", "record", "-q", "-F", str(RATE), "-g", "-o", str(data), "-p", workers]
    perf = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait()
    report = ["perf", "report", "-i", str(data), "--stdio", "-g", "none", "--percent-limit", "0.3", "--sort"]
    with file.with_suffix(".txt").open("w") as text:
        for options in (["dso", "--no-children"], ["symbol,dso", "--no-children"], ["symbol,dso", "--children"]):
            done = subprocess.run([*report, *options], capture_output=True, text=True, check=False)
            kept = [line.rstrip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("#")]
            text.write("\n".join([" ".join(options), *kept[:SHOWN], "", ""]))
