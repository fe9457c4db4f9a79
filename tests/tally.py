"""The closing line of ``./test``: what all its runs of pytest have counted (tests/conftest.py)."""

import sys
from collections import Counter
from pathlib import Path


def closing_line(counted: str, seconds: int) -> str:
    """All outcomes together.

    Args:
        counted: lines such as ``passed 12``, from several runs.
        seconds: how long all of them took.
    """
    sums: Counter[str] = Counter()
    for line in counted.splitlines():
        what, number = line.split()
        sums[what] += int(number)
    said = ", ".join(f"{number} {what}" for what, number in sums.items() if number) or "none"
    return f"==== All tests: {said} in {seconds // 60} min {seconds % 60} s ===="


if __name__ == "__main__":
    print(closing_line(Path(sys.argv[1]).read_text("ascii"), int(sys.argv[2])))
