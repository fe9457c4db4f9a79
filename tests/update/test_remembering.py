"""What is remembered of an update where the card fails, the power goes, or the restart does not come."""

import errno
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import __version__
from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.update import record, stick
from appliance.update.record import Outcome, Record
from tests.update.card import NEW, Card, offer

HOUR = 3600.0
# A quiet hour, 02:00.
NIGHT = time.time() // (24 * HOUR) * 24 * HOUR + 2 * HOUR


def fails(*_: object, **__: object) -> None:
    """What a file system that can only be read says."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_where_nothing_can_be_written_nothing_is_installed_by_itself(
    card: Card, paths: Paths, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(paths, server, NEW, "hour = 2\n")
    monkeypatch.setattr(Path, "touch", fails)
    monkeypatch.setattr(record, "write", fails)
    for hours in (0, 1, 24, 25, 100):
        card.run_by_the_timer(NIGHT + hours * HOUR)
        if not hours % 24:
            assert card.said().said == "The memory card cannot be written: Read-only file system."
    assert card.written == []
    # The owner's word counts.
    card.updates.look(now=True)
    assert (len(card.written), card.restarts) == (1, 1)


def test_what_fails_cannot_come_again_each_night_where_it_cannot_be_remembered(
    card: Card, paths: Paths, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The partition was sound when the look was noted."""
    offer(paths, server, NEW, "hour = 2\n")
    monkeypatch.setattr(record, "write", fails)
    card.run_by_the_timer(NIGHT)
    assert (card.written, card.restarts) == ([], 0)
    assert "cannot be written" in card.said().said
    # Neither by the next start.
    assert (card.memory.read().primary, card.memory.read().trial) == ("A", None)


def test_a_file_that_the_owner_brings_is_installed_all_the_same(
    card: Card, brought: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "write", fails)
    card.updates.install(brought, NEW)
    assert (card.written, card.restarts) == ([brought], 1)


def test_a_version_that_was_never_started_has_not_failed(
    card: Card, paths: Paths, server: tuple[str, Path], brought: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the other slot, and systemd does not restart the device."""
    offer(paths, server, NEW, "hour = 2\n")
    card.stays_on = True
    for hours in range(3):
        card.run_by_the_timer(NIGHT + hours * HOUR)
        assert card.restarts == hours + 1
        assert (card.said().phase, card.said().said) == ("idle", "The device does not restart.")
    # Nor does a stick make it one that has.
    monkeypatch.setattr(stick, "booted", lambda: ("A", False))
    tried = Record(NEW, "B", __version__)
    assert stick.last_update(paths) == record.read(paths.update_record) == tried
    # Nothing takes its place.
    paths.update_wish.write_text(json.dumps({"file": brought}))
    card.run_by_the_timer(NIGHT + 4 * HOUR)
    assert not Path(brought).exists()
    assert len(card.written) == 1
    card.stays_on = False
    card.run_by_the_timer(NIGHT + 5 * HOUR)
    assert card.said().phase == "restarting"
    assert card.memory.read().trial == "B"
    # Now it is started, and does not stay.
    card.start("A").settle()
    assert record.read(paths.update_record) == replace(tried, outcome=Outcome.FAILED)


class Pulled(Exception):
    """Somebody has pulled the plug."""


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("former", [None, Record("98.0.0", "B", __version__, Outcome.FAILED)])
def test_a_power_cut_does_not_make_it_another_version_that_was_tried(
    card: Card, paths: Paths, brought: str, monkeypatch: pytest.MonkeyPatch, former: Record | None, whole: bool
) -> None:
    """Before the slot is marked, or after that and before it is kept that it was."""
    record.write(paths.update_record, former)
    install = card.install

    def cut(source: str, progress: Callable[[int], None]) -> None:
        if whole:
            install(source, progress)
        raise Pulled

    monkeypatch.setattr(card, "install", cut)
    with pytest.raises(Pulled):
        card.updates.install(brought, NEW)
    assert card.memory.read().trial == ("B" if whole else None)
    if not whole:
        last = card.start("A").settle()
        assert last
        assert (last.version, last.outcome) == (NEW, Outcome.WRITING)
        assert (card.said().phase, card.said().said, card.said().other_version) == ("idle", "", "")
        # It was not tried, and the former one is not forgotten.
        assert not record.refused(last, NEW)
        assert record.refused(last, "98.0.0") == bool(former)
        return
    card.start("B")
    card.record()
    assert (card.said().phase, card.said().said) == ("trial", f"Version {NEW} is new here and is being tried.")
    last = card.start("A").settle()
    assert last
    assert (last.version, last.outcome) == (NEW, Outcome.FAILED)
    assert f"Version {NEW} did not work here" in card.said().said


@pytest.mark.parametrize("former", [None, Record("98.0.0", "B", __version__, Outcome.FAILED)])
def test_a_bundle_that_is_refused_leaves_what_was_known(
    card: Card, paths: Paths, brought: str, former: Record | None
) -> None:
    record.write(paths.update_record, former)
    card.fails = True
    with pytest.raises(UpdateError):
        card.updates.install(brought, NEW)
    assert record.read(paths.update_record) == former


def test_what_cannot_be_kept_at_the_end_is_given_up(
    card: Card, paths: Paths, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data partition fails while the slot is written."""
    offer(paths, server, NEW, "hour = 2\n")
    install = card.install

    def failing(source: str, progress: Callable[[int], None]) -> None:
        install(source, progress)
        monkeypatch.setattr(record, "write", fails)

    monkeypatch.setattr(card, "install", failing)
    card.run_by_the_timer(NIGHT)
    assert (len(card.written), card.restarts) == (1, 0)
    assert (card.memory.read().primary, card.memory.read().trial) == ("A", None)
