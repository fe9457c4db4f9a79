"""The log of what is written to a card: read, also when it was cut, and played again."""

import random
import struct
from pathlib import Path

import pytest

from tests.boot.writes import (
    DISCARD,
    ENDS,
    ENTRY,
    FLUSH,
    JOURNAL,
    MAGIC,
    MARK,
    SECTOR,
    Replay,
    chosen,
    everything_written,
    read_log,
)


def entry(sector: int, count: int, flags: int = 0, data: bytes = b"") -> bytes:
    """One entry as QEMU writes it."""
    length = len(data) if flags & MARK else 0
    return ENTRY.pack(sector, count, flags, length).ljust(SECTOR, b"\0") + data


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two writes, a flush, a mark, a discard."""
    path = tmp_path / "log"
    head = struct.pack("<QQQI", 0x6A736677736872, 1, 5, SECTOR).ljust(SECTOR, b"\0")
    parts = [head, entry(3, 1, 0, b"a" * SECTOR), entry(0, 0, FLUSH), entry(0, 0, MARK, b"m" * SECTOR)]
    parts += [entry(1, 2, FLUSH, b"b" * 2 * SECTOR), entry(3, 1, DISCARD)]
    path.write_bytes(b"".join(parts))
    return path


def test_writes_are_read_in_their_order(log: Path) -> None:
    found = read_log(log)
    assert [(one.sector, one.count) for one in found] == [(3, 1), (1, 2), (3, 1)]
    assert found[2].at is None


def test_a_log_that_was_cut_ends_with_its_last_whole_write(log: Path) -> None:
    whole = log.read_bytes()
    end = read_log(log)[1].end
    for cut, expected in ((end, 2), (end - 1, 1), (SECTOR, 0), (0, 0)):
        log.write_bytes(whole[:cut])
        assert len(read_log(log)) == expected
    # The head is written last; room that nobody has written to follows now and then.
    log.write_bytes(bytes(SECTOR) + whole[SECTOR:end] + bytes(3 * SECTOR))
    assert len(read_log(log)) == 2


def test_a_card_goes_through_it_again(log: Path, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.write_bytes(bytes(5 * SECTOR))
    replay = Replay(card, log)
    shown = []
    for number in range(4):
        replay.go_to(number)
        shown.append(bytes(card.read_bytes()[place * SECTOR] for place in range(5)))
    assert shown == [b"\0\0\0\0\0", b"\0\0\0a\0", b"\0bba\0", b"\0bb\0\0"]
    assert replay.number_at(replay.writes[0].end) == 1


def test_what_was_overwritten_is_still_told(log: Path) -> None:
    assert everything_written(log) == b"a" * SECTOR + b"b" * 2 * SECTOR


def test_cut_points_are_spread_and_near_what_is_asked_for() -> None:
    found = chosen(1000, 10, [500, 1000])
    assert {499, 500, 501, 999, 1000} <= set(found)
    assert max(found) == 1000
    assert len(found) >= 14
    assert chosen(3, 10, []) == [0, 1, 2, 3]


def test_flushes_are_found_by_what_the_journal_says(tmp_path: Path) -> None:
    """Two sectors of a file, and a block of four that ends a transaction; the same elsewhere means nothing."""
    end = JOURNAL.pack(MAGIC, ENDS).ljust(SECTOR, b"\0")
    parts = [bytes(SECTOR), entry(10, 1, 0, b"a" * SECTOR), entry(11, 1, 0, b"b" * SECTOR), entry(2, 1, 0, end)]
    parts += [entry(20 + one, 1, 0, end if one == 0 else bytes(SECTOR)) for one in range(4)]
    parts += [entry(12, 1, 0, b"c" * SECTOR)]
    log = tmp_path / "log"
    log.write_bytes(b"".join(parts))
    card = tmp_path / "card"
    card.write_bytes(bytes(30 * SECTOR))
    replay = Replay(card, log)
    assert replay.orders(5 * SECTOR, 20 * SECTOR) == [0, 3, 7]


def test_what_was_not_flushed_may_be_lost(log: Path, tmp_path: Path) -> None:
    card, copy = tmp_path / "card", tmp_path / "copy"
    card.write_bytes(bytes(5 * SECTOR))
    replay = Replay(card, log)
    replay.go_to(1)
    seen = set()
    for seed in range(20):
        copy.write_bytes(card.read_bytes())
        lost = replay.go_astray(copy, 3, SECTOR, 2 * SECTOR, random.Random(seed))  # noqa: S311  # the same each time
        found = bytes(copy.read_bytes()[place * SECTOR] for place in range(5))
        # The discard is not in what may be lost.
        assert found == (b"\0\0\0\0\0" if lost else b"\0bb\0\0")
        seen.add(lost)
    assert seen == {0, 1}
