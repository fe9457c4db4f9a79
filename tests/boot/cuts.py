"""What a card is like after a power cut: looked at as its own initramfs does, and more strictly."""

import hashlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from appliance.update.disk import Memory
from appliance.update.environment import Environment
from tests.boot.card import Card

T = TypeVar("T")

FAT, DATA = 1, 4
# e2fsck: 0 nothing wrong, 1 repaired (a journal written back is no repair); from 4 on something is left.
REPAIRED, LEFT = 1, 4
# What e2fsck says when the cut was between the two sectors of the superblock: then it has to take a copy of it.
TORN = "Superblock checksum does not match superblock"
# All that fsck.vfat (dosfstools 4.2) may say of the FAT partition, which has no journal: that it was being written to,
# which is one bit, and so is the only difference of the two boot sectors; that room is taken which no file has; that
# the number of free clusters, which is no more than a hint, is not the right one; and that the second table, which
# nobody reads as long as there is a first, is one write behind.
HARMLESS = re.compile(
    r"""
    |fsck\.fat\ .*
    |There\ are\ differences\ between\ boot\ sector\ and\ its\ backup\.
    |This\ is\ mostly\ harmless\.\ Differences:.*
    |\ +65:01/00
    |\ +Not\ automatically\ fixing\ this\.
    |Dirty\ bit\ is\ set\..*
    |\ +Automatically\ removing\ dirty\ bit\.
    |FATs\ differ\ but\ appear\ to\ be\ intact\.
    |\ +Using\ first\ FAT\.
    |Reclaimed\ \d+\ unused\ clusters?\ \(\d+\ bytes\)\.
    |Free\ cluster\ summary\ wrong\ .*
    |\ +Auto-correcting\.
    |Leaving\ filesystem\ unchanged\.
    |\S+:\ \d+\ files,\ \d+/\d+\ clusters
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Wreck:
    """What is left on a card.

    Args:
        saved: what the setup page saved; empty when there is no such file.
        password: the record of the owner's password; empty when nobody has claimed the card.
        remembered: for the boot script.
        repaired: whether more than the journal had to be written back.
    """

    saved: bytes
    password: bytes
    remembered: Environment
    repaired: bool


def look(card: Card, folder: Path) -> Wreck:
    """Look at all that is written on a card, and insist that it is whole.

    Args:
        card: is not changed.
        folder: for copies.

    Raises:
        AssertionError: the data partition needs more than its journal, or a superblock whose two sectors the cut has
            separated; or a file system is damaged.
    """
    check_fat(card, folder)
    data = card.take(DATA, folder / "cut-data.img")
    first = _run("e2fsck", "-p", str(data))
    if TORN in first.stdout + first.stderr:
        # The initramfs does the same.
        _run("e2fsck", "-y", str(data))
        _run("e2fsck", "-f", "-y", str(data))
    else:
        assert first.returncode < LEFT, f"the data partition is damaged: {first.stdout}{first.stderr}"
    again = _run("e2fsck", "-fn", str(data))
    assert again.returncode == 0, f"the data partition is not clean after its repair: {again.stdout}{again.stderr}"
    saved, password = (_content(data, path) for path in ("/settings/saved.toml", "/page/password.json"))
    return Wreck(saved, password, Memory(card.path).read(), first.returncode >= REPAIRED)


def check_fat(card: Card, folder: Path) -> None:
    """Insist that the FAT partition is whole.

    Raises:
        AssertionError: something is wrong with it that a cut may not leave.
    """
    done = _run("fsck.vfat", "-n", str(card.take(FAT, folder / "cut-fat.img")))
    # Without its last line it has given up.
    assert re.search(r"\d+ files, \d+/\d+ clusters$", done.stdout), done.stderr
    wrong = trouble(done.stdout)
    assert not wrong, f"the FAT partition is damaged: {wrong}"


class Steps(Generic[T]):
    """Something on a card that goes from one value to the next, never half and never back, whenever the power is cut.

    Args:
        values: in their order; the first one is there before anything is promised.
        promised: for each of the others, after how many writes it was promised.
    """

    def __init__(self, values: Sequence[T], promised: Sequence[int]) -> None:
        assert len(values) == len(promised) + 1
        self._values, self._promised = values, promised
        self._at = 0

    def follow(self, cut: int, found: T) -> None:
        """Look at what there is after a cut.

        Args:
            cut: after so many writes; not less than before.
            found: the value.

        Raises:
            AssertionError: it is neither what was promised nor what comes next, or older than after an earlier cut.
        """
        kept = sum(cut >= one for one in self._promised)
        # What was promised is there; what comes next may be there already, as a whole.
        allowed = self._values[max(kept, self._at) : kept + 2]
        assert found in allowed, f"after {cut} writes there is {found!r}, and {kept} values were promised: {allowed!r}"
        self._at = max(kept, self._at) + allowed.index(found)


def trouble(said: str) -> list[str]:
    """What is wrong with a FAT, by the words of fsck.vfat; what a cut may leave does not count."""
    return [line for line in said.splitlines() if not HARMLESS.fullmatch(line)]


def files_of(card: Card) -> dict[str, str]:
    """The FAT partition's files and their SHA-256."""
    return {name: hashlib.sha256(card.read(name)).hexdigest() for name in card.names() if not name.endswith("/")}


def _content(data: Path, path: str) -> bytes:
    """A file of the data partition; empty when there is none."""
    shown = subprocess.run(["debugfs", "-R", f"cat {path}", str(data)], capture_output=True)
    return b"" if b"File not found" in shown.stderr else shown.stdout


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, errors="replace")
