"""What the page says of looks that led to nothing, over the runs of the timer: one each hour, and a look each day."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.status.update import UpdateStatus
from appliance.update import pick, record, stick
from appliance.update.feed import COMPATIBLE
from appliance.update.record import Outcome, Record
from tests.update.card import NEW, Card, offer

HOUR = 3600.0
# A quiet hour, 02:00.
NIGHT = time.time() // (24 * HOUR) * 24 * HOUR + 2 * HOUR


@pytest.fixture
def run(card: Card, paths: Paths, server: tuple[str, Path]) -> Callable[[float], UpdateStatus]:
    """One run of the timer, so many hours after the first quiet one: what is said then."""
    # Nothing that is newer.
    offer(paths, server, "0.0.1", "hour = 2\n")

    def at(hours: float) -> UpdateStatus:
        card.run_by_the_timer(NIGHT + hours * HOUR)
        return card.said()

    return at


def test_why_there_is_no_update_stays_until_the_next_look(
    run: Callable[[float], UpdateStatus], server: tuple[str, Path]
) -> None:
    feed = server[1] / "update.json"
    held = feed.read_bytes()
    feed.unlink()
    for hours in range(24):
        assert "cannot be asked for updates" in run(hours).said
    feed.write_text(json.dumps({"version": NEW, "url": "x.raucb", "compatible": COMPATIBLE, "since": NEW}))
    for hours in range(24, 48):
        assert "cannot be installed over this one" in run(hours).said
    feed.write_bytes(held)
    for hours in range(48, 50):
        assert run(hours).said == ""


def test_a_bundle_that_is_refused_stays_on_the_page(
    card: Card, run: Callable[[float], UpdateStatus], paths: Paths, server: tuple[str, Path]
) -> None:
    offer(paths, server, NEW, "hour = 2\n")
    card.fails = True
    for hours in range(24):
        assert run(hours).said == "The update is damaged."
    assert card.restarts == 0


def test_what_a_stick_led_to_stays_too(run: Callable[[float], UpdateStatus], paths: Paths) -> None:
    run(0)
    stick.tell(paths, pick.NOTHING, None)
    for hours in range(1, 24):
        assert run(hours).said == pick.NOTHING
    assert run(24).said == ""


def test_what_becomes_of_an_update_takes_its_place(
    card: Card, run: Callable[[float], UpdateStatus], paths: Paths, server: tuple[str, Path]
) -> None:
    (server[1] / "update.json").unlink()
    run(0)
    record.write(paths.update_record, Record(NEW, "B", "0.1.0"))
    for hours in (1, 2):
        assert "did not work here" in run(hours).said
        assert card.said().outcome == "failed"


def test_a_version_that_waits_is_not_forgotten_over_a_stick(
    card: Card, run: Callable[[float], UpdateStatus], paths: Paths, server: tuple[str, Path]
) -> None:
    offer(paths, server, NEW, "hour = 2\n")
    record.write(paths.update_record, Record(NEW, "B", "0.1.0", outcome=Outcome.FAILED))
    run(0)
    stick.tell(paths, pick.NOTHING, None)
    found = run(1)
    assert (found.phase, found.version, found.said) == ("waiting", NEW, pick.NOTHING)


def test_since_when_nobody_answers_is_known_over_a_restart(
    card: Card, run: Callable[[float], UpdateStatus], paths: Paths, server: tuple[str, Path]
) -> None:
    feed = server[1] / "update.json"
    held = feed.read_bytes()
    assert run(0).unheard == 0
    feed.unlink()
    for day in range(1, 9):
        assert run(24 * day).unheard == NIGHT + 24 * HOUR
    paths.update_status.unlink()
    assert run(24 * 8 + 1).unheard == NIGHT + 24 * HOUR
    # The clock was wrong once.
    paths.update_looked.write_text(f"{NIGHT + 9999 * HOUR:.0f}")
    with pytest.raises(UpdateError):
        replace(card.updates, wall=partial(float, NIGHT + 216 * HOUR)).look(now=True)
    assert run(24 * 9 + 1).unheard == NIGHT + 216 * HOUR
    feed.write_bytes(held)
    assert run(24 * 10).unheard == 0


def test_that_a_version_failed_is_told_whatever_else_is_said(
    card: Card, run: Callable[[float], UpdateStatus], paths: Paths, server: tuple[str, Path]
) -> None:
    """A feed that does not answer, or a stick with nothing newer, is no reason to hide it."""
    last = Record(NEW, "B", "0.1.0", Outcome.FAILED)
    record.write(paths.update_record, last)
    (server[1] / "update.json").unlink()
    run(0)
    for hours in (1, 2, 25):
        told = run(hours)
        assert "cannot be asked for updates" in told.said
        assert "did not work here" in told.failed
    stick.tell(paths, pick.NOTHING, last)
    assert card.said().said == pick.NOTHING
    assert "did not work here" in card.said().failed
    record.write(paths.update_record, None)
    assert run(26).failed == ""


def test_a_record_without_lists_is_read_by_versions_from_before_there_were_any(paths: Paths) -> None:
    """A bad update leads back to one of them, which takes a file with something that it does not know for damaged."""
    record.write(paths.update_record, Record(NEW, "B", "0.1.0", Outcome.FAILED))
    kept = json.loads(paths.update_record.read_text())
    assert kept.keys() == {"version", "slot", "former", "outcome", "unclear"}
    record.write(paths.update_record, Record(NEW, "B", "0.1.0", Outcome.FAILED, failed=("0.0.9",)))
    assert json.loads(paths.update_record.read_text())["failed"] == ["0.0.9"]
