"""The lock: what it says is insisted on, and a difference is named so that somebody can act on it."""

from pathlib import Path

import pytest

from image import lock, verify
from image.errors import BuildError
from image.layout import CARD_SIZE, GAP, MIB

BASH = ["bash", "5.2.37-2", "arm64", "ab" * 32, "card"]
TOOL = ["e2fsprogs", "1.47.2-3", "amd64", "cd" * 32, "tools"]
PINNED = ["python:lgpio", "0.2.2.0", "source", "ef" * 32, "card"]


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "card.lock"
    path.write_text(lock.text([BASH, TOOL, PINNED]))
    assert lock.read(path) == [BASH, TOOL, PINNED]


@pytest.mark.parametrize("damage", ["", "bash\t5.2\n", "\t".join([*BASH[:4], "elsewhere"]) + "\n"])
def test_what_is_no_lock_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "card.lock"
    path.write_text(damage)
    with pytest.raises(BuildError, match="not a lock"):
        lock.read(path)
    with pytest.raises(BuildError, match="cannot be read"):
        lock.read(tmp_path / "missing")


def test_apt_is_told_of_debian_s_packages_only() -> None:
    assert lock.preferences([TOOL, BASH, ["tzdata", "2026f-0", "all", "ef" * 32, "card"], PINNED]) == (
        "Package: bash:arm64\nPin: version 5.2.37-2\nPin-Priority: 1001\n\n"
        "Package: e2fsprogs:amd64\nPin: version 1.47.2-3\nPin-Priority: 1001\n\n"
        "Package: tzdata\nPin: version 2026f-0\nPin-Priority: 1001\n"
    )


def test_a_kept_tree_serves_when_it_agrees() -> None:
    assert lock.agrees([BASH[:4]], [BASH, TOOL])
    # What the lock does not name cannot disagree with it; the whole is compared in the end.
    assert lock.agrees([["zsh", "5.9", "arm64", "00" * 32]], [BASH])
    assert not lock.agrees([["bash", "5.3", "arm64", "ab" * 32]], [BASH])
    assert not lock.agrees([["bash", "5.2.37-2", "arm64", "00" * 32]], [BASH])


def test_the_same_packages_pass() -> None:
    lock.insist([TOOL, BASH], [BASH, TOOL])


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([["bash", "5.3", "arm64", "ab" * 32, "card"], TOOL], "bash (arm64): 5.3 instead of 5.2.37-2"),
        ([BASH], "e2fsprogs (amd64): missing"),
        ([BASH, TOOL, PINNED], "python:lgpio (source): not in the lock"),
        ([[*BASH[:3], "00" * 32, "card"], TOOL], "bash (arm64): the same version 5.2.37-2, but another file"),
    ],
)
def test_each_difference_is_named(made: list[list[str]], said: str) -> None:
    with pytest.raises(BuildError) as caught:
        lock.insist(made, [BASH, TOOL])
    assert said in caught.value.what
    assert "snapshot" in caught.value.do


def test_hundreds_of_differences_are_counted() -> None:
    made = [[f"package-{number}", "1", "all", "00" * 32, "card"] for number in range(300)]
    with pytest.raises(BuildError, match=rf"and {302 - lock.NAMED} more"):
        lock.insist(made, [BASH, TOOL])


def test_a_difference_is_found_in_its_partition() -> None:
    assert verify.where(0) == "before the partitions"
    assert verify.where(GAP) == "partition PORCHLIGHT"
    assert verify.where(GAP + 60 * MIB) == "partition porchlight-a"
    assert verify.where(CARD_SIZE - 1) == "partition porchlight-data"
