"""How much is written to an emulated card while it runs, and which of its files that was for."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.boot.board import Board
from tests.boot.writes import SECTOR, read_log

DAY = 86400
# All files that outlive the power: when each was changed, which inode it is, its name. What is being replaced does not
# count yet (appliance/files.py).
FILES = r"sync; cd /var/lib/porchlight; find . -type f ! -name '.*.new' -printf '%T@ %i %P\n'"
FILE = re.compile(r"^(\S+ \d+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Spell:
    """The time between two looks.

    Args:
        changed: which files were written to, by the names that they are listed under.
        sectors: how many were written to the card.
        seconds: how long it was.
    """

    changed: frozenset[str]
    sectors: int
    seconds: float


class Wear:
    """Looks at the card of a board that runs, whose writes are recorded.

    Args:
        board: it runs.
        listed: names of files as ``image/persists.toml`` has them.
    """

    def __init__(self, board: Board, listed: Iterable[str]) -> None:
        self._board, self._listed = board, tuple(listed)
        self.spells: list[Spell] = []
        self._files, self._sectors, self._at = self._look()

    def look(self) -> Spell:
        """Wait until everything has reached the card, and count what was written since the last look."""
        files, sectors, at = self._look()
        changed = {self._name(path) for path, stamp in files.items() if self._files.get(path) != stamp}
        self.spells.append(Spell(frozenset(changed), sectors - self._sectors, at - self._at))
        self._files, self._sectors, self._at = files, sectors, at
        return self.spells[-1]

    def _look(self) -> tuple[dict[str, str], int, float]:
        files = {path: stamp for stamp, path in FILE.findall(self._board.shell.run(FILES))}
        return files, sum(write.count for write in read_log(self._board.logs[-1])), time.monotonic()

    def _name(self, path: str) -> str:
        return next((one for one in self._listed if fnmatchcase(path, one)), path)


def written_in_a_day(spells: Iterable[Spell], times: Mapping[str, int]) -> dict[str, int]:
    """Bytes that reach the card in a day, for each file that is written by the clock, and ``""`` for everything else.

    A file counts with the most that was written while it was, however much of that was for another one.

    Args:
        spells: what was seen.
        times: how often each file is written in a day.

    Raises:
        AssertionError: one of these files was never seen to be written, or one that is not among them was.
    """
    spells = list(spells)
    seen = frozenset[str]().union(*(one.changed for one in spells))
    assert seen == times.keys(), f"not seen: {sorted(times.keys() - seen)}; unexpected: {sorted(seen - times.keys())}"
    found = {
        name: often * SECTOR * max(one.sectors for one in spells if name in one.changed)
        for name, often in times.items()
    }
    idle = [one for one in spells if not one.changed]
    assert idle, "something was written all the time"
    found[""] = round(sum(one.sectors for one in idle) * SECTOR * DAY / sum(one.seconds for one in idle))
    return found
