"""What is looked at after a power cut: each kind of damage is told from what a cut may leave."""

import struct
import subprocess
from pathlib import Path

import pytest

from tests.boot.cuts import Steps, trouble

# Of the boot sector: bytes in a sector, reserved sectors, number of FATs, sectors of each, dirty bit (Microsoft's FAT32
# specification, section 3.3).
BYTES, RESERVED, FATS, SECTORS, DIRTY = 11, 14, 16, 36, 65
END_OF_CHAIN = 0x0FFFFFFF
# In a folder's entry.
FIRST_CLUSTER, SIZE = 26, 28
SETTINGS = b"PORCHL~1TOM"


class Fat:
    """A FAT partition with one file, to be damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("wb") as file:
            file.truncate(60 << 20)
        subprocess.run(["mkfs.vfat", "-F", "32", str(path)], check=True, capture_output=True)
        settings = path.with_suffix(".toml")
        settings.write_bytes(bytes(5000))
        subprocess.run(["mcopy", "-i", str(path), str(settings), "::porchlight.toml"], check=True)
        self.content = bytearray(path.read_bytes())

    def number(self, form: str, place: int) -> int:
        """A number in the boot sector."""
        return int(struct.unpack_from(form, self.content, place)[0])

    def put(self, form: str, place: int, number: int) -> None:
        """Write a number anywhere."""
        struct.pack_into(form, self.content, place, number)

    def entries(self, cluster: int) -> list[int]:
        """Where a cluster's entry stands, in each FAT."""
        size, first = self.number("<H", BYTES), self.number("<H", RESERVED)
        return [(first + one * self.number("<I", SECTORS)) * size + 4 * cluster for one in range(self.content[FATS])]

    def trouble(self) -> list[str]:
        """What fsck.vfat finds, and cuts do not allow."""
        self.path.write_bytes(self.content)
        said = subprocess.run(["fsck.vfat", "-n", str(self.path)], capture_output=True, text=True)
        assert "fsck.fat" in said.stdout, said
        return trouble(said.stdout)


@pytest.fixture
def fat(tmp_path: Path) -> Fat:
    """A whole one."""
    return Fat(tmp_path / "fat.img")


def test_a_fat_that_was_being_written_to_is_whole(fat: Fat) -> None:
    assert fat.trouble() == []
    fat.put("B", DIRTY, 1)
    # A cluster that was taken before any folder named the file.
    for place in fat.entries(500):
        fat.put("<I", place, END_OF_CHAIN)
    assert fat.trouble() == []
    # One more, in the first table only.
    fat.put("<I", fat.entries(501)[0], END_OF_CHAIN)
    assert fat.trouble() == []


def test_tables_of_which_the_first_is_no_good_are_damage(fat: Fat) -> None:
    fat.put("<I", fat.entries(0)[0], 0)
    assert any("First FAT" in line or "second FAT" in line for line in fat.trouble())


def test_a_file_that_is_not_as_long_as_its_folder_says_is_damage(fat: Fat) -> None:
    fat.put("<I", fat.content.index(SETTINGS) + SIZE, 50000)
    assert any("File size is 50000 bytes" in line for line in fat.trouble())


def test_a_file_without_its_clusters_is_damage(fat: Fat) -> None:
    fat.put("<H", fat.content.index(SETTINGS) + FIRST_CLUSTER, 600)
    assert any("free cluster (600)" in line for line in fat.trouble())


def test_values_are_followed_from_one_to_the_next() -> None:
    steps = Steps(["", "a", "b"], [10, 20])
    for cut, found in ((0, ""), (9, "a"), (10, "a"), (15, "b"), (20, "b"), (30, "b")):
        steps.follow(cut, found)


@pytest.mark.parametrize(
    ("cut", "found"),
    [(5, "b"), (10, ""), (20, "a"), (20, ""), (15, "half")],
    ids=["too early", "lost", "the one before", "all lost", "half"],
)
def test_a_value_that_was_not_promised_is_found_out(cut: int, found: str) -> None:
    with pytest.raises(AssertionError, match=f"after {cut} writes"):
        Steps(["", "a", "b"], [10, 20]).follow(cut, found)


def test_a_value_does_not_go_back() -> None:
    steps = Steps(["", "a"], [10])
    steps.follow(5, "a")
    with pytest.raises(AssertionError, match="after 6 writes"):
        steps.follow(6, "")
