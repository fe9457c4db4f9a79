"""What is remembered over a restart: every damaged or cut copy leaves what was remembered before or after."""

import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import UpdateError
from appliance.update.disk import Memory, booted, card
from appliance.update.environment import OFFSETS, SIZE, SLOTS, TRIES, Environment, decode, encode, newest

FRESH = Environment()
environments = st.builds(
    Environment,
    st.sampled_from([("A", "B"), ("B", "A"), ("A",), ("B",)]),
    st.sampled_from([None, *SLOTS]),
    st.integers(0, TRIES),
    st.integers(0, TRIES),
    st.integers(0, 0xFFFFFFFF),
)


@given(environments)
def test_what_is_written_is_read(environment: Environment) -> None:
    assert decode(encode(environment)) == environment


def test_format_is_the_loaders() -> None:
    """As ``env export -c`` of U-Boot writes it: tests/boot/test_boot_script.py shows that it reads it."""
    copy = encode(Environment(("B", "A"), "B", 3, 2, 0x1F))
    text = b"BOOT_A_LEFT=3\0BOOT_B_LEFT=2\0BOOT_ORDER=B A\0BOOT_TRIAL=B\0BOOT_WRITTEN=1f\0"
    assert copy[4:] == text.ljust(SIZE - 4, b"\0")
    assert copy[:4] == zlib.crc32(copy[4:]).to_bytes(4, "little")


@given(environments, st.integers(0, SIZE * 8 - 1))
def test_one_wrong_bit_is_seen(environment: Environment, bit: int) -> None:
    copy = bytearray(encode(environment))
    copy[bit // 8] ^= 1 << bit % 8
    assert decode(bytes(copy)) is None


@pytest.mark.parametrize("copy", [b"", bytes(SIZE), b"\xff" * SIZE, encode(FRESH)[:-1], encode(FRESH) + b"\0"])
def test_what_is_no_copy_is_damaged(copy: bytes) -> None:
    assert decode(copy) is None


@pytest.mark.parametrize("text", ["", "BOOT_ORDER=C", "BOOT_ORDER=A A", "BOOT_ORDER=A\0BOOT_A_LEFT=x\0BOOT_B_LEFT=1"])
def test_nonsense_under_a_right_checksum_is_damaged(text: str) -> None:
    data = f"{text}\0BOOT_WRITTEN=1\0".encode().ljust(SIZE - 4, b"\0")
    assert decode(zlib.crc32(data).to_bytes(4, "little") + data) is None


@given(environments, environments, st.integers(0, SIZE), st.booleans())
def test_a_cut_write_leaves_old_or_new(old: Environment, new: Environment, cut: int, backwards: bool) -> None:
    """A card writes its blocks in any order; what was there before stands in the rest."""
    old, new = replace(old, written=8), replace(new, written=9)
    before = encode(replace(old, written=7))
    written = encode(new)
    half = before[:cut] + written[cut:] if backwards else written[:cut] + before[cut:]
    held, _ = newest([encode(old), half])
    assert held in (old, new, replace(old, written=7))
    assert held != replace(old, written=7)


def test_copies_are_written_in_turn(memory: Memory, tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        for slot in SLOTS:
            memory.write(FRESH.marked_good(slot))
            data = (tmp_path / "card").read_bytes()
            seen.append([decode(data[offset : offset + SIZE]) for offset in OFFSETS])
    numbers = [[one.written if one else None for one in copies] for copies in seen]
    assert numbers == [[1, None], [1, 2], [3, 2], [3, 4]]


def test_what_is_remembered_already_costs_no_write(memory: Memory, tmp_path: Path) -> None:
    memory.write(FRESH.marked_good("A"))
    before = (tmp_path / "card").read_bytes()
    assert memory.write(FRESH.marked_good("A")).written == 1
    assert (tmp_path / "card").read_bytes() == before


def test_nothing_beside_the_copies_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "card"
    path.write_bytes(b"x" * (OFFSETS[1] + 2 * SIZE))
    memory = Memory(path)
    memory.write(FRESH.on_trial("B"))
    memory.write(FRESH.marked_good("B"))
    data = path.read_bytes()
    for offset in reversed(OFFSETS):
        data = data[:offset] + data[offset + SIZE :]
    assert set(data) == {ord("x")}
    assert memory.read() == replace(FRESH.marked_good("B"), written=2)


def test_two_damaged_copies_are_a_fresh_card(memory: Memory) -> None:
    assert memory.read() == FRESH
    assert FRESH.primary == "A"


def test_a_card_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="cannot be read"):
        Memory(tmp_path / "none").read()


def test_a_trial_goes_from_one_slot_to_the_other_and_back() -> None:
    trial = FRESH.on_trial("B")
    assert (trial.primary, trial.trial) == ("B", "B")
    good = trial.marked_good("B")
    assert (good.primary, good.trial, good.left("A")) == ("B", None, TRIES)
    bad = trial.marked_bad("B")
    assert (bad.primary, bad.trial) == ("A", None)
    # Its tries are used up: nobody wrote anything, the boot script takes the other one by itself.
    assert trial.with_left("B", 0).primary == "A"
    assert bad.marked_bad("A").primary is None


def test_slot_and_trial_come_from_the_command_line(tmp_path: Path) -> None:
    line = tmp_path / "cmdline"
    assert booted(line) == (None, False)
    line.write_text("root=PARTUUID=706c6967-03 rauc.slot=B porchlight.trial ro\n")
    assert booted(line) == ("B", True)
    line.write_text("rauc.slot=A ro")
    assert booted(line) == ("A", False)


def test_the_card_is_found_by_its_partition(tmp_path: Path) -> None:
    disk = tmp_path / "devices/mmcblk0"
    (disk / "mmcblk0p2").mkdir(parents=True)
    (disk / "uevent").write_text("DEVNAME=mmcblk0\n")
    (disk / "mmcblk0p2/uevent").write_text("DEVNAME=mmcblk0p2\nPARTUUID=706c6967-02\n")
    blocks = tmp_path / "block"
    blocks.mkdir()
    for name, path in {"mmcblk0": disk, "mmcblk0p2": disk / "mmcblk0p2"}.items():
        (blocks / name).symlink_to(path)
    assert card(blocks) == Path("/dev/mmcblk0")
    (disk / "mmcblk0p2/uevent").write_text("PARTUUID=other\n")
    with pytest.raises(UpdateError, match="not run from a porchlight card"):
        card(blocks)
