"""The boot script by itself: U-Boot with the card's first partition and what is remembered, and no slot to start.

A slot that is not there cannot be loaded, so the script goes through all that it would try, and says so.
"""

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.update.disk import Memory
from appliance.update.environment import OFFSETS, SIZE, Environment
from image.layout import FIRMWARE, GAP
from tests.boot.card import loader_files, unpack

pytestmark = [pytest.mark.boot, pytest.mark.timeout(600)]

# Seconds: it takes nine on an idle machine.
PATIENCE = 180.0
END = "no slot starts"
FRESH = Environment()
ON_TRIAL = replace(FRESH.on_trial("B"), written=0x9E)


class Loader:
    """U-Boot on an emulated board, whose card ends after the first partition."""

    def __init__(self, image: Path, folder: Path) -> None:
        card = unpack(image, folder / "head.img")
        self._loader, self._tree = loader_files(card, folder)
        self.path = card.path
        with self.path.open("r+b") as file:
            # A power of two, as emulated cards are.
            assert GAP + FIRMWARE.size == 64 * 1024 * 1024
            file.truncate(GAP + FIRMWARE.size)

    def copies(self) -> list[bytes]:
        """What lies at the two places."""
        data = self.path.read_bytes()[: OFFSETS[1] + SIZE]
        return [data[offset : offset + SIZE] for offset in OFFSETS]

    def remember(self, *environments: Environment) -> None:
        """Forget all, then write these, one after the other."""
        with self.path.open("r+b") as file:
            for offset in OFFSETS:
                file.seek(offset)
                file.write(bytes(SIZE))
        for one in environments:
            Memory(self.path).write(one)

    def damage(self, copy: int) -> None:
        """Turn one bit over."""
        with self.path.open("r+b") as file:
            file.seek(OFFSETS[copy] + 40)
            (byte,) = file.read(1)
            file.seek(OFFSETS[copy] + 40)
            file.write(bytes([byte ^ 1]))

    def start(self) -> list[str]:
        """Switch on, and wait until all was tried: the slots in their order, with what is left of a trial."""
        log = self.path.with_name("loader.log")
        log.unlink(missing_ok=True)
        command = ["qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-monitor", "none"]
        command += ["-kernel", str(self._loader), "-dtb", str(self._tree)]
        # U-Boot begins on the first serial port, and goes on on the one that the tree names.
        command += ["-drive", f"file={self.path},if=sd,format=raw", "-serial", "null", "-serial", f"file:{log}"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as emulator:
            try:
                deadline = time.monotonic() + PATIENCE
                text = ""
                while END not in text:
                    assert time.monotonic() < deadline, text[-2000:]
                    assert emulator.poll() is None, text[-2000:]
                    time.sleep(0.2)
                    text = log.read_text(errors="replace") if log.exists() else ""
            finally:
                emulator.kill()
        return tried(text)


def tried(text: str) -> list[str]:
    """What was tried: ``A``, ``B``, ``B trial 2``."""
    found: list[str] = []
    mark = ""
    lines = re.compile(r"^porchlight: slot ([AB])(?: is on trial, (\d) tries left.*)?\r?$", re.MULTILINE)
    for slot, left in lines.findall(text):
        if left:
            mark = f" trial {left}"
        else:
            found.append(slot + mark)
            mark = ""
    return found


@pytest.fixture(scope="module")
def loader(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Loader:
    """The loader of the card that ships."""
    return Loader(image, tmp_path_factory.mktemp("loader"))


@pytest.mark.parametrize(
    ("remembered", "expected"),
    [
        pytest.param([], ["A", "B", "A", "B"], id="fresh"),
        pytest.param([FRESH.marked_good("B")], ["B", "A", "B", "A"], id="good"),
        # A slot that has failed comes only after everything else.
        pytest.param([FRESH.marked_bad("A")], ["B", "A", "B"], id="bad"),
        pytest.param([FRESH.on_trial("B").with_left("B", 0)], ["A", "B", "A"], id="trial-used-up"),
        pytest.param([FRESH, FRESH.marked_good("B")], ["B", "A", "B", "A"], id="newer-second"),
        pytest.param([FRESH, FRESH.marked_bad("A"), FRESH.marked_good("B")], ["B", "A", "B", "A"], id="newer-first"),
    ],
)
def test_without_a_trial_nothing_is_written(
    loader: Loader, remembered: Sequence[Environment], expected: list[str]
) -> None:
    loader.remember(*remembered)
    before = loader.copies()
    assert loader.start() == expected
    assert loader.copies() == before


def test_tries_of_a_trial_are_counted(loader: Loader) -> None:
    loader.remember(FRESH, FRESH.on_trial("B"))
    first, second = loader.copies()
    assert loader.start() == ["B trial 2", "A", "B trial 1", "A"]
    held = Memory(loader.path).read()
    # Twice in one start here, since no slot is there; each time over the older copy.
    assert held == replace(FRESH.on_trial("B"), left_b=1, written=4)
    assert loader.copies()[0] != first
    assert loader.copies()[1] != second


@pytest.mark.parametrize("copy", [0, 1])
def test_a_damaged_copy_leaves_the_other(loader: Loader, copy: int) -> None:
    # The copies are written in turn: the first one has the older word.
    loader.remember(FRESH.marked_good("A"), FRESH.marked_good("B"))
    loader.damage(copy)
    assert loader.start()[0] == ("B" if copy == 0 else "A")


def test_two_damaged_copies_are_a_fresh_card(loader: Loader) -> None:
    loader.remember(FRESH.marked_good("A"), FRESH.marked_good("B"))
    loader.damage(0)
    loader.damage(1)
    assert loader.start() == ["A", "B", "A", "B"]
