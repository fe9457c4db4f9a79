"""What is kept where, how often it is written, and what a power cut leaves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import files
from appliance.history import keeper as module
from appliance.history.keeper import TELL_EVERY, WRITE_EVERY, Keeper, card_file, ram_file, stored
from appliance.history.rules import Sum, date_of
from appliance.paths import Paths
from appliance.status.relay import RelayStatus

NOON = 1_795_608_000.0
HOUR = 3600.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    found.page_state.mkdir(parents=True)
    return found


def relay(connections: int, count: int) -> RelayStatus:
    counters = {
        "connections": {"443": connections - 1, "587": 1} if connections else {"443": 0},
        "bytes_from_people": {"443": count // 2},
        "bytes_to_people": {"443": count - count // 2},
        "browsers": {"443": 77},
    }
    return RelayStatus(1.0, "0", "running", counters=counters)


def cut_power(paths: Paths) -> None:
    shutil.rmtree(paths.run)


def test_what_is_relayed_is_added_up_over_restarts_of_the_relay(paths: Paths) -> None:
    kept = Keeper(paths, 0.0)
    kept.turn(None, 0.0, None)
    # Relayed before the page looked for the first time: nobody knows when.
    kept.turn(relay(50, 500), 2.0, NOON)
    kept.turn(relay(53, 800), 4.0, NOON)
    # The relay was started again.
    kept.turn(relay(2, 100), 6.0, NOON)
    kept.turn(relay(3, 150), TELL_EVERY + 8, NOON)
    found = stored(paths)
    assert found.slots == {0: Sum(6, 450)}
    assert found.days == {date_of(NOON): Sum(6, 450)}


def test_whoever_comes_while_the_relay_rests_is_no_use(paths: Paths) -> None:
    kept = Keeper(paths, 0.0)
    kept.turn(relay(50, 500), 2.0, NOON)
    # What was relayed until the very end counts; those who came afterwards in vain do not.
    kept.turn(replace(relay(60, 600), resting="off"), 4.0, NOON)
    kept.turn(replace(relay(90, 600), resting="off"), 6.0, NOON)
    kept.turn(relay(91, 610), TELL_EVERY + 8, NOON)
    assert stored(paths).slots == {0: Sum(1, 110)}


@pytest.mark.costly
def test_the_card_is_written_four_times_a_day_and_only_with_something_to_write(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    honest = files.write_atomically

    def count(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
        written.append(path)
        assert len(data) < 2048 or path != card_file(paths)
        honest(path, data, mode=mode, durable=durable)

    monkeypatch.setattr(module, "write_atomically", count)
    kept = Keeper(paths, 0.0)
    for turn in range(int(24 * HOUR / 10)):
        kept.turn(relay(turn, turn * 10_000_000), turn * 10.0, NOON + turn * 10)
    assert written.count(card_file(paths)) == 3
    kept.close()
    assert written.count(card_file(paths)) == 4
    # Nothing more has come.
    kept.close()
    for turn in range(100):
        kept.turn(None, 24 * HOUR + turn * HOUR, NOON + (24 + turn) * HOUR)
    days = json.loads(card_file(paths).read_bytes())
    assert written.count(card_file(paths)) <= 4 + 100 / 6 + 1
    assert sum(one[0] for one in days.values()) >= 8639


def test_a_power_cut_costs_six_hours_of_the_month_at_most(paths: Paths) -> None:
    kept = Keeper(paths, 0.0)
    kept.turn(relay(0, 0), 0.0, NOON)
    kept.turn(relay(20, 30_000_000), WRITE_EVERY, NOON)
    kept.turn(relay(40, 60_000_000), WRITE_EVERY + 60, NOON)
    assert stored(paths).days == {date_of(NOON): Sum(40, 60_000_000)}
    cut_power(paths)
    again = Keeper(paths, 5.0)
    again.turn(relay(0, 0), 5.0, None)
    again.turn(relay(10, 10_000_000), 100.0, NOON)
    assert stored(paths).days == {date_of(NOON): Sum(30, 40_000_000)}
    # When somebody connected is gone with the power.
    assert list(stored(paths).slots) == [0]


def test_a_restart_of_the_page_costs_nothing(paths: Paths) -> None:
    kept = Keeper(paths, 0.0)
    kept.turn(relay(0, 0), 0.0, NOON)
    kept.turn(relay(20, 30_000_000), 1000.0, NOON)
    kept.close()
    again = Keeper(paths, 1010.0)
    again.turn(relay(21, 30_000_000), 1010.0, NOON)
    again.turn(relay(22, 30_000_000), 1050.0, NOON)
    assert stored(paths).slots == {0: Sum(), 1: Sum(21, 30_000_000)}


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"2026-11-25": "x"}', b"\xff" * 50])
def test_damaged_files_begin_anew(paths: Paths, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    card_file(paths).write_bytes(damage)
    ram_file(paths).parent.mkdir(parents=True)
    ram_file(paths).write_bytes(damage)
    kept = Keeper(paths, 0.0)
    assert "damaged" in caplog.text
    kept.turn(relay(0, 0), 0.0, NOON)
    kept.turn(relay(1, 1), 100.0, NOON)
    assert stored(paths).days == {date_of(NOON): Sum(1, 1)}
    kept.close()
    assert json.loads(card_file(paths).read_bytes()) == {date_of(NOON): [10, 10_000_000]}


def test_the_card_learns_no_moment(paths: Paths) -> None:
    kept = Keeper(paths, 0.0)
    kept.turn(relay(0, 0), 0.0, NOON)
    kept.turn(relay(1, 4_321), 100.0, NOON)
    kept.close()
    assert json.loads(card_file(paths).read_bytes()) == {date_of(NOON): [10, 10_000_000]}
    for file in (card_file(paths), ram_file(paths)):
        assert file.stat().st_mode & 0o077 == 0


def test_a_card_that_cannot_be_written_stops_nothing(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    kept = Keeper(paths, 0.0)
    shutil.rmtree(paths.page_state)
    kept.turn(relay(0, 0), 0.0, NOON)
    kept.turn(relay(1, 1), WRITE_EVERY, NOON)
    kept.turn(relay(2, 2), 2 * WRITE_EVERY, NOON)
    assert caplog.text.count("cannot be written") == 1
    assert stored(paths).days == {date_of(NOON): Sum(2, 2)}
