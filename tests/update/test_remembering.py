"""What is remembered of an update where the card fails, the power goes, or the restart does not come."""

import errno
import os
import time
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.update import record
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
    assert card.restarts == 0
    assert "cannot be written" in card.said().said
    # Neither by the next start.
    assert (card.memory.read().primary, card.memory.read().trial) == ("A", None)


def test_a_file_that_the_owner_brings_is_installed_all_the_same(
    card: Card, brought: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "write", fails)
    card.updates.install(brought, NEW)
    assert (card.written, card.restarts) == ([brought], 1)
