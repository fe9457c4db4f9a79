"""What a card is like after a power cut: looked at as its own initramfs does, and more strictly."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from appliance.update.disk import Memory
from appliance.update.environment import Environment
from tests.boot.card import Card

DATA = 4
# e2fsck: 0 nothing wrong, 1 repaired (a journal written back is no repair); from 4 on something is left.
REPAIRED, LEFT = 1, 4


@dataclass(frozen=True, slots=True)
class Wreck:
    """What is left on a card.

    Args:
        saved: what the setup page saved; empty when there is no such file.
        remembered: for the boot script.
        repaired: whether more than the journal had to be written back.
    """

    saved: bytes
    remembered: Environment
    repaired: bool


def look(card: Card, folder: Path) -> Wreck:
    """Look at all that is written on a card, and insist that it is whole.

    Args:
        card: is not changed.
        folder: for copies.

    Raises:
        AssertionError: the data partition needs more than its journal, or a file system is damaged.
    """
    data = card.take(DATA, folder / "cut-data.img")
    first = _run("e2fsck", "-p", str(data))
    assert first.returncode < LEFT, f"the data partition is damaged: {first.stdout}{first.stderr}"
    again = _run("e2fsck", "-fn", str(data))
    assert again.returncode == 0, f"the data partition is not clean after its repair: {again.stdout}{again.stderr}"
    shown = subprocess.run(["debugfs", "-R", "cat /settings/saved.toml", str(data)], capture_output=True)
    saved = b"" if b"File not found" in shown.stderr else shown.stdout
    return Wreck(saved, Memory(card.path).read(), first.returncode == REPAIRED)


def files_of(card: Card) -> dict[str, str]:
    """The FAT partition's files and their SHA-256."""
    return {name: hashlib.sha256(card.read(name)).hexdigest() for name in card.names() if not name.endswith("/")}


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, errors="replace")
