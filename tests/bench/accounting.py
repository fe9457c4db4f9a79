"""What processes have used, as the kernel counts it."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """A process and all its descendants."""
    found = [process]
    for one in found:
        for task in _folders(Path(f"/proc/{one}/task")):
            try:
                found += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                continue
    return found


def cpu_seconds(process: int) -> float:
    """CPU time, user and kernel, of a process and its descendants until now, in seconds.

    The scheduler's own account is exact to the nanosecond; where the kernel has none, it is in hundredths of a second.
    """
    return sum(_scheduled(one) for one in family(process))


def _scheduled(process: int) -> float:
    total = 0.0
    for task in _folders(Path(f"/proc/{process}/task")):
        try:
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            return _ticks(process)
    return total


def _ticks(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime and stime, proc(5); the name before them may contain spaces.
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(process: int) -> int:
    """Proportional memory (PSS) of a process and its descendants: what they share is counted once."""
    return sum(_pss(one) for one in family(process))


def _pss(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def _folders(where: Path) -> Iterable[Path]:
    try:
        return list(where.iterdir())
    except OSError:
        return []
