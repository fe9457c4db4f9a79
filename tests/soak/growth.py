"""Whether a process grows: what it holds, looked at again and again while nobody is there."""

import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import median

OWN = re.compile(r"^(?:RssAnon|VmSwap):\s*(\d+) kB$", re.MULTILINE)
KIB_PER_MB = 1024
HOUR = 3600.0


def memory(process: int) -> int:
    """What a process holds that is no file of anybody's, in KiB, wherever the kernel keeps it."""
    return sum(map(int, OWN.findall(Path(f"/proc/{process}/status").read_text())))


def descriptors(process: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def slope(looks: Sequence[tuple[float, int]]) -> float:
    """How fast something grows: the median of the slopes between any two looks (Theil and Sen).

    One look at a moment when something was being done moves a straight line by least squares, and not this.

    Args:
        looks: seconds and KiB.

    Returns:
        MB an hour.

    Raises:
        ValueError: there are fewer than two.
    """
    slopes = [(more - less) / (late - early) for (early, less), (late, more) in combinations(looks, 2)]
    if not slopes:
        raise ValueError("growth is seen between two looks")
    return median(slopes) * HOUR / KIB_PER_MB
