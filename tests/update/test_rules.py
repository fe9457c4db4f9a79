"""The rules of updates, without a card: what is newer, when to look, what became of it, whether it is good."""

import itertools
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from appliance.errors import UpdateError
from appliance.status import update as update_status
from appliance.status.update import UpdateStatus
from appliance.text import Text, text
from appliance.update import record
from appliance.update.backend import answer
from appliance.update.bundle import explained
from appliance.update.disk import Memory
from appliance.update.feed import Offer, parse, too_far, wanted
from appliance.update.record import Outcome, Record, judged, refused, settled
from appliance.update.schedule import AGAIN_AFTER, HOUR, OVERDUE, begun, due
from appliance.update.verdict import PATIENCE, PATIENCE_WITHOUT_LINE, Seen, Verdict, judge
from appliance.update.version import key, newer
from image.bundle import feed

FEED = "https://example.org/porchlight/update.json"
TRIED = Record("0.2.0", "B", "0.1.0")
ALL = Seen(page=True, ports=True, relayed=True, direct=True)
SILENT = replace(ALL, relayed=False)
NO_LINE = replace(SILENT, direct=False)


def test_versions_in_their_order() -> None:
    """The order of section 11 of Semantic Versioning."""
    ordered = ["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    ordered += ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0"]
    assert sorted(reversed(ordered), key=key) == ordered
    assert not newer("1.0.0+5", "1.0.0")


@pytest.mark.parametrize("word", ["", "1", "1.2", "v1.2.3", "1.2.3 ", "1.2.3\n", "-1.0.0", "\u0661.0.0", "1.2.3-"])
def test_what_is_no_version(word: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        key(word)


def test_the_builds_feed_is_understood() -> None:
    said = feed("porchlight-0.2.0-arm64.raucb", "0.2.0", 70, "ab" * 32)
    offer = parse(said.encode(), FEED)
    assert offer == Offer("0.2.0", "https://example.org/porchlight/porchlight-0.2.0-arm64.raucb")
    assert wanted(offer, "0.1.0")
    assert not wanted(offer, "0.2.0")
    assert not wanted(offer, "0.3.0")
    assert not wanted(replace(offer, since="0.1.5"), "0.1.0")
    assert too_far(replace(offer, since="0.1.5"), "0.1.0")
    assert not too_far(replace(offer, since="0.1.5"), "0.2.0")
    assert not too_far(offer, "0.1.0")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"version": "new", "url": "x", "compatible": "porchlight-arm64"}',
        b'{"version": "1.0.0", "url": "file:///etc/passwd", "compatible": "porchlight-arm64"}',
        b'{"version": "1.0.0", "url": "http://example.org/x.raucb", "compatible": "porchlight-arm64"}',
    ],
)
def test_a_feed_that_is_none(said: bytes) -> None:
    with pytest.raises(UpdateError, match="cannot be understood"):
        parse(said, FEED)


def test_a_feed_for_other_boards_is_refused() -> None:
    said = json.dumps({"version": "9.0.0", "url": "x.raucb", "compatible": "porchlight-riscv"})
    with pytest.raises(UpdateError, match="not for this kind of device"):
        parse(said.encode(), FEED)


NIGHT = 1_800_000_000.0 // (24 * HOUR) * 24 * HOUR + 2 * HOUR


@pytest.mark.parametrize(
    ("now", "looked", "expected"),
    [
        (None, None, False),
        (NIGHT, None, True),
        (NIGHT + HOUR - 1, None, True),
        (NIGHT + HOUR, None, False),  # counted from here on: test_never_on_at_night
        (NIGHT + HOUR, NIGHT + 24 * HOUR, False),  # so too
        (NIGHT + HOUR - 1, NIGHT, False),
        (NIGHT, NIGHT - 24 * HOUR, True),
        (NIGHT, NIGHT + 24 * HOUR, True),  # the clock was wrong then
        (NIGHT + 6 * HOUR, NIGHT - 24 * HOUR, False),
        (NIGHT + 6 * HOUR, NIGHT - 72 * HOUR, True),  # never on at night
    ],
)
def test_when_to_look(now: float | None, looked: float | None, expected: bool) -> None:
    assert due(now, looked, 2, 0.0, 0.0) == expected


@pytest.mark.parametrize(
    ("up", "looked", "expected"),
    [
        (OVERDUE - 1, None, False),  # somebody may still tell the time
        (OVERDUE, None, True),
        (OVERDUE, NIGHT - OVERDUE + 1, False),
        (OVERDUE, NIGHT - OVERDUE, True),
        (OVERDUE, NIGHT + 1, True),  # the clock stood elsewhere then
    ],
)
def test_where_nobody_ever_tells_the_time_it_looks_each_third_day(
    up: float, looked: float | None, expected: bool
) -> None:
    assert due(None, looked, 2, up, NIGHT) is expected


@pytest.mark.parametrize("before", [None, NIGHT + 365 * 24 * HOUR])
def test_never_on_at_night(before: float | None) -> None:
    """From an empty card, or one whose clock was wrong once: on from eight to eight, it looks on the fourth day."""
    looked, notes, found = before, 0, 0.0
    on = [NIGHT + day * 24 * HOUR + hour * HOUR for day in range(10) for hour in range(6, 18)]
    for now in on:
        if due(now, looked, 2, 0.0, 0.0):
            found = now
            break
        since = begun(now, looked)
        if since is not None:
            looked, notes = since, notes + 1
    assert notes == 1
    assert found == on[0] + OVERDUE


def test_the_night_after_the_first_evening_is_not_skipped() -> None:
    for hours in range(1, 24):
        since = begun(NIGHT - hours * HOUR, None)
        assert since is not None
        assert due(NIGHT, since, 2, 0.0, 0.0)
    assert begun(None, None) is None
    assert begun(NIGHT, NIGHT) is None
    assert begun(NIGHT, NIGHT + 1) == NIGHT - AGAIN_AFTER


@pytest.mark.parametrize(
    ("seen", "passed", "expected"),
    [
        (ALL, 1, Verdict.GOOD),
        (SILENT, 1, Verdict.WAIT),
        (replace(ALL, page=False), PATIENCE - 1, Verdict.WAIT),
        (replace(ALL, page=False), PATIENCE, Verdict.BAD),
        (replace(ALL, ports=False), PATIENCE, Verdict.BAD),
        (Seen(), PATIENCE, Verdict.BAD),
        # The upstream is there, and the relay does not reach it.
        (SILENT, PATIENCE, Verdict.BAD),
        # It rests, by the owner's wish or the month's end: then it shows nothing.
        (replace(SILENT, allowed=False), PATIENCE, Verdict.WAIT),
        (replace(SILENT, allowed=False), PATIENCE_WITHOUT_LINE, Verdict.UNCLEAR),
        # Nobody reaches the upstream.
        (NO_LINE, PATIENCE, Verdict.WAIT),
        (NO_LINE, PATIENCE_WITHOUT_LINE, Verdict.UNCLEAR),
    ],
)
def test_verdict(seen: Seen, passed: float, expected: Verdict) -> None:
    assert judge(seen, passed) is expected


@pytest.mark.parametrize("passed", [0.0, PATIENCE, PATIENCE_WITHOUT_LINE, 10 * PATIENCE_WITHOUT_LINE])
def test_nothing_but_a_relayed_stream_and_the_page_makes_it_good(passed: float) -> None:
    for flags in itertools.product((False, True), repeat=5):
        seen = Seen(*flags)
        good = judge(seen, passed) is Verdict.GOOD
        assert good == (seen.page and seen.ports and seen.relayed), seen


def test_what_became_of_an_update() -> None:
    settle = partial(settled, running="0.1.0")
    assert settle(TRIED, "A", trial=False).outcome is Outcome.FAILED
    assert settle(TRIED, "B", trial=True) == TRIED
    assert settle(TRIED, "B", trial=False).outcome is Outcome.GOOD
    failed = replace(TRIED, outcome=Outcome.FAILED)
    assert settle(failed, "B", trial=False) == failed
    writing = replace(TRIED, outcome=Outcome.WRITING)
    assert settle(writing, "A", trial=False) == writing
    assert settle(writing, "B", trial=True) == TRIED
    assert settle(writing, "B", trial=False).outcome is Outcome.GOOD
    # It takes a failure to be refused; where it has been before, it still is.
    assert not refused(writing, TRIED.version)
    again = replace(record.begun(failed, TRIED.version, "B", "0.1.0"), outcome=Outcome.WRITING)
    assert refused(again, TRIED.version)
    assert refused(record.begun(again, "0.3.0", "B", "0.1.0"), TRIED.version)
    unclear = replace(TRIED, outcome=Outcome.UNCLEAR, unclear=1)
    again = replace(record.begun(unclear, TRIED.version, "B", "0.1.0"), outcome=Outcome.WRITING)
    assert not refused(again, TRIED.version)
    assert record.begun(record.begun(again, "0.3.0", "B", "0.1.0"), TRIED.version, "B", "0.1.0").unclear == 1
    # It could not know which one ran before; whoever runs again does, and says so.
    unknown = replace(TRIED, former="")
    assert settle(unknown, "B", trial=True).former == ""
    for one in (unknown, replace(unknown, outcome=Outcome.FAILED)):
        assert settle(one, "A", trial=False) == replace(failed, former="0.1.0")


def test_a_version_that_failed_is_not_tried_again_by_itself() -> None:
    assert not refused(None, "0.2.0")
    assert not refused(TRIED, "0.2.0")
    failed = replace(TRIED, outcome=Outcome.FAILED)
    assert refused(failed, "0.2.0")
    assert not refused(failed, "0.2.1")
    assert not refused(replace(TRIED, outcome=Outcome.UNCLEAR, unclear=1), "0.2.0")
    assert refused(replace(TRIED, outcome=Outcome.UNCLEAR, unclear=2), "0.2.0")


def test_what_became_of_those_before_is_remembered() -> None:
    versions = [f"0.3.{number}" for number in range(2 * record.MOST_KEPT)]
    last: Record | None = None
    for version in versions:
        last = replace(record.begun(last, version, "B", "0.1.0"), outcome=Outcome.FAILED)
    assert last
    assert last.failed == tuple(versions[-record.MOST_KEPT - 1 : -1])
    assert all(refused(last, version) for version in versions[-record.MOST_KEPT - 1 :])
    # Its owner has it installed again, and it works.
    again = replace(record.begun(last, versions[-2], "B", "0.1.0"), outcome=Outcome.GOOD)
    assert not refused(again, versions[-2])
    assert refused(again, versions[-1])
    assert not refused(record.begun(again, "1.0.0", "A", versions[-2]), versions[-2])


def test_a_version_without_the_internet_has_one_more_try_whatever_comes_between() -> None:
    last = replace(record.begun(None, "0.3.0", "B", "0.1.0"), outcome=Outcome.UNCLEAR, unclear=1)
    for version in ("0.2.0", "0.3.0"):
        assert not refused(last, version)
        last = judged(record.begun(last, version, "B", "0.1.0"), Verdict.UNCLEAR)
    assert (last.unclear, refused(last, "0.3.0"), refused(last, "0.2.0")) == (2, True, False)
    last = judged(record.begun(last, "0.2.0", "B", "0.1.0"), Verdict.UNCLEAR)
    assert refused(last, "0.2.0")
    assert refused(last, "0.3.0")


def test_an_earlier_version_s_record_is_read_and_a_later_one_s(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    earlier = {"version": "0.2.0", "slot": "B", "former": "0.1.0", "outcome": "trial", "unclear": 0}
    for raw in (earlier, {**earlier, "later": [1]}):
        path.write_text(json.dumps(raw))
        assert record.read(path) == TRIED
    for lists in ({"failed": "0.1.0"}, {"failed": [1]}, {"once": None}, {"once": {"0.1.0": 1}}):
        path.write_text(json.dumps(earlier | lists))
        assert record.read(path) is None


def test_record_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "update/record.json"
    assert record.read(path) is None
    record.write(path, TRIED)
    assert record.read(path) == TRIED
    full = replace(TRIED, failed=("1.0.0", "1.1.0"), once=("2.0.0",))
    record.write(path, full)
    assert record.read(path) == full
    for damaged in (b"", b"{}", b"[1]", path.read_bytes().replace(b'"B"', b'"C"'), path.read_bytes()[:-3]):
        path.write_bytes(damaged)
        assert record.read(path) is None


def test_status_keeps_its_sentences(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    said = text("Version %(version)s was installed, and it works.", version="0.2.0")
    update_status.publish(path, UpdateStatus(5.0, "idle", "", "0.1.0", "good", said))
    found = update_status.read(path, 100_000.0)
    assert found
    assert found.other_version == "0.1.0"
    assert isinstance(found.said, Text)
    assert found.said.template == said.template


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Invalid bundle format: Signature size (917) exceeds bundle size", "damaged"),
        ("signature verification failed: Verify error: self-signed certificate", "not signed by the makers"),
        ("Compatible mismatch: Expected 'porchlight-arm64' but bundle manifest has 'x'", "not for this kind"),
        ("Version mismatch: Expected at least '0.2.0' but bundle manifest has '0.1.0'", "older than what runs"),
        ("Installing `x` failed\nFailed to copy data: Input/output error", "is damaged or incomplete"),
        ("LastError: Failed mounting bundle: Unexpected dm-verity status 'V -' (instead of '')", "is damaged"),
        ("LastError: Failed mounting bundle: no device\nidle\nInstalling failed", "mounting bundle: no device"),
        ("\n\nsomething else\n", "something else"),
        ("", "could not be installed"),
    ],
)
def test_what_rauc_says_is_explained(said: str, expected: str) -> None:
    error = explained(said)
    assert expected in error.what
    assert "not affected" in error.means


def test_raucs_questions_are_answered(memory: Memory) -> None:
    def ask(*words: str) -> str | None:
        return answer(words, memory)

    assert ask("get-primary") == "A"
    assert (ask("get-state", "A"), ask("get-state", "B")) == ("good", "good")
    # As an installation goes: the other slot is not to be started while it is written, then it is to be tried.
    assert ask("set-state", "B", "bad") == ""
    assert (ask("get-state", "B"), ask("get-primary")) == ("bad", "A")
    assert ask("set-primary", "B") == ""
    assert (ask("get-state", "B"), ask("get-primary")) == ("good", "B")
    assert memory.read().trial == "B"
    assert ask("set-state", "B", "good") == ""
    assert memory.read().trial is None
    for nonsense in ((), ("get-state",), ("get-state", "C"), ("set-state", "A", "odd"), ("format", "A")):
        assert ask(*nonsense) is None
