"""One run of the updater with a card in a file and a feed on a real HTTPS server; only RAUC's part is played.

What root does is root's own code (``appliance.update.root``); how it is asked, test_root.py shows.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from appliance import __version__
from appliance.cli.update import update
from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.status import relay as relay_status
from appliance.status.relay import RelayStatus
from appliance.update import record
from appliance.update.environment import Environment
from appliance.update.feed import COMPATIBLE
from appliance.update.record import Outcome, Record
from appliance.update.service import wish
from appliance.update.verdict import Verdict
from tests.update.card import NEW, Card, offer

# Seconds.
DAY = 24 * 3600
# Within the quiet hour of a card whose settings say 2.
NIGHT = time.time() // DAY * DAY + 2.5 * 3600


def test_a_newer_version_is_installed_and_tried(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    offer(paths, server, NEW)
    card.updates.settle()
    card.updates.look(now=True)
    assert card.written == [server[0].replace("update.json", "x.raucb")]
    assert card.restarts == 1
    assert (card.said().phase, card.said().version) == ("restarting", NEW)
    assert record.read(paths.update_record) == Record(NEW, "B", __version__)
    assert card.memory.read().trial == "B"


@pytest.mark.parametrize("version", [__version__, "0.0.9"])
def test_what_is_not_newer_is_left_alone(card: Card, paths: Paths, server: tuple[str, Path], version: str) -> None:
    offer(paths, server, version)
    card.updates.look(now=True)
    assert card.written == []
    assert card.memory.read() == Environment()
    assert "no newer version" in card.said().said


def test_a_card_that_is_too_old_for_it_is_told_so(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    """Not that there is nothing newer: it would never be updated again, and nobody would know."""
    offer(paths, server, NEW)
    (server[1] / "update.json").write_text(
        json.dumps({"version": NEW, "url": "x.raucb", "compatible": COMPATIBLE, "since": NEW})
    )
    with pytest.raises(UpdateError, match=NEW) as refused:
        card.updates.look(now=True)
    assert "flash the card again" in str(refused.value)
    assert card.written == []
    assert card.restarts == 0


@pytest.mark.parametrize(("extra", "expected"), [("", 1), ("enabled = false\n", 0)])
def test_by_itself_only_when_allowed(
    card: Card, paths: Paths, server: tuple[str, Path], extra: str, expected: int
) -> None:
    card.wall = lambda: NIGHT
    offer(paths, server, NEW, f"hour = 2\n{extra}")
    card.updates.look()
    assert len(card.written) == expected
    # And not again within the same hour.
    card.updates.look()
    assert len(card.written) == expected


@pytest.mark.parametrize("resting", ["off", "paused", "quota"])
def test_not_while_the_relay_rests(card: Card, paths: Paths, server: tuple[str, Path], resting: str) -> None:
    card.wall = lambda: NIGHT
    offer(paths, server, NEW, "hour = 2\n")
    relaying = RelayStatus(since_boot(), "0.1.0", "running")
    relay_status.publish(paths.relay_status, replace(relaying, resting=resting))
    card.updates.look()
    assert card.written == []
    # As soon as it relays again, within the same hour.
    relay_status.publish(paths.relay_status, relaying)
    card.updates.look()
    assert len(card.written) == 1


def test_not_before_its_hour(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    card.wall = lambda: NIGHT
    offer(paths, server, NEW, "hour = 14\n")
    card.updates.look()
    assert card.written == []


@pytest.mark.parametrize("left", [None, 400 * DAY])
def test_never_on_at_the_quiet_hour(card: Card, paths: Paths, server: tuple[str, Path], left: float | None) -> None:
    """On each day from eight to eight: the timer's runs from an empty folder on, or from a look in the future."""
    offer(paths, server, NEW, "hour = 2\n")
    midnight = time.time() // DAY * DAY
    if left is not None:
        paths.update_state.mkdir()
        paths.update_looked.touch()
        os.utime(paths.update_looked, (midnight + left, midnight + left))
    days: list[int] = []
    kept: set[float] = set()
    for day in range(6):
        for hour in range(8, 20):
            now = midnight + day * DAY + hour * 3600
            replace(card.updates, wall=partial(float, now)).look()
            days += [day] * (len(card.written) - len(days))
            kept.add(paths.update_looked.stat().st_mtime)
    # And again three days later.
    assert days == [3]
    # It begins to count, and it looks.
    assert len(kept) == 2


def test_where_nobody_ever_tells_the_time(
    card: Card, paths: Paths, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that lets nobody ask a time server: in the third night after the start it looks, and once."""
    offer(paths, server, NEW, "hour = 14\n")
    card.wall = lambda: None
    looks: list[int] = []
    for hour in range(80):
        monkeypatch.setattr("appliance.update.service.since_boot", partial(float, 3600 * hour))
        card.updates.look()
        looks += [hour] * (len(card.written) - len(looks))
    assert looks == [72]


@pytest.mark.parametrize("extra", ["enabled = false\n", 'feed = ""\n'])
def test_nothing_is_counted_where_nothing_is_asked(card: Card, paths: Paths, extra: str) -> None:
    card.wall = lambda: NIGHT
    paths.owner_file.write_text(f"[update]\nhour = 14\n{extra}")
    card.updates.look()
    assert not paths.update_looked.exists()


def test_nobody_named_a_feed(card: Card) -> None:
    card.updates.look()
    with pytest.raises(UpdateError, match="Nobody has told"):
        card.updates.look(now=True)


def test_a_feed_that_is_not_there_is_told(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    offer(paths, server, NEW)
    (server[1] / "update.json").unlink()
    with pytest.raises(UpdateError, match="cannot be asked"):
        card.updates.look(now=True)


def test_a_server_that_nobody_vouches_for_is_not_asked(
    card: Card, paths: Paths, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(paths, server, NEW)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UpdateError, match="cannot be asked"):
        card.updates.look(now=True)


def test_a_bundle_that_is_refused_changes_nothing(card: Card, paths: Paths, brought: str) -> None:
    card.fails = True
    with pytest.raises(UpdateError, match="damaged"):
        card.updates.install(brought, NEW)
    assert card.restarts == 0
    assert card.memory.read().primary == "A"
    assert record.read(paths.update_record) is None


def test_a_version_that_failed_waits_for_the_owner(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    card.wall = lambda: NIGHT
    offer(paths, server, NEW, "hour = 2\n")
    record.write(paths.update_record, Record(NEW, "B", __version__, outcome=Outcome.FAILED))
    card.updates.look()
    assert card.written == []
    assert (card.said().phase, card.said().version) == ("waiting", NEW)
    # The timer comes each hour, and the feed is asked once a day.
    card.updates.settle()
    assert (card.said().phase, card.said().version) == ("waiting", NEW)
    card.updates.look(now=True)
    assert len(card.written) == 1


def test_a_version_that_failed_waits_even_when_another_one_failed_after_it(
    card: Card, paths: Paths, server: tuple[str, Path], brought: str
) -> None:
    """As with a stick that holds a bad version, and a feed that offers another."""
    card.wall = lambda: NIGHT
    offer(paths, server, NEW, "hour = 2\n")
    record.write(paths.update_record, Record(NEW, "B", __version__, outcome=Outcome.FAILED))
    card.updates.install(brought, "98.0.0")
    card.start("B").note(Verdict.BAD)
    card.start("A").settle()
    card.updates.look()
    assert card.written == [brought]
    assert (card.said().phase, card.said().version) == ("waiting", NEW)
    card.updates.look(now=True)
    assert len(card.written) == 2


def test_the_former_system_is_not_written_over_during_a_trial(card: Card, brought: str) -> None:
    card.updates.install(brought, NEW)
    updates = card.start("B")
    with pytest.raises(UpdateError, match="has not shown yet"):
        updates.install(brought, NEW)
    # Nor by an updater that does not care.
    with pytest.raises(UpdateError, match="has not shown yet"):
        card.install(brought, lambda percent: None)
    assert len(card.written) == 1


def test_only_one_at_a_time(card: Card, brought: str) -> None:
    started, end = threading.Event(), threading.Event()

    class Slow(Card):
        def install(self, source: str, progress: Callable[[int], None]) -> None:
            started.set()
            end.wait(30)

    first = replace(card.updates, root=Slow(card.paths, card.memory))
    thread = threading.Thread(target=first.install, args=(brought, NEW))
    thread.start()
    assert started.wait(30)
    with pytest.raises(UpdateError, match="already"):
        card.updates.install(brought, NEW)
    end.set()
    thread.join()


def test_during_a_trial_nobody_is_asked_and_what_was_brought_is_not_kept(
    card: Card, paths: Paths, server: tuple[str, Path], brought: str
) -> None:
    offer(paths, server, NEW)
    card.updates.install(brought, NEW)
    updates = card.start("B")
    card.record()
    assert update(updates) == 0
    assert card.said().phase == "trial"
    for asked in ("{}", json.dumps({"file": brought})):
        paths.update_wish.write_text(asked)
        with pytest.raises(UpdateError, match="has not shown yet"):
            update(updates)
        assert "has not shown yet" in card.said().said
    assert not paths.update_looked.exists()
    assert not Path(brought).exists()
    assert len(card.written) == 1


def test_wishes_are_taken_once(paths: Paths) -> None:
    assert wish(paths.update_wish) is None
    for content, expected in ((b"{}", ""), (b'{"file": "/x.raucb"}', "/x.raucb"), (b"nonsense", None)):
        paths.update_wish.write_bytes(content)
        assert wish(paths.update_wish) == expected
        assert not paths.update_wish.exists()
