"""A new system on trial: judged by one user, noted by another, and marked by root, on a card in a file."""

from dataclasses import replace

import pytest

from appliance import __version__
from appliance.paths import Paths
from appliance.update import record, trial
from appliance.update.environment import Environment
from appliance.update.record import Outcome, Record
from appliance.update.verdict import PATIENCE, PATIENCE_WITHOUT_LINE, Seen, Verdict
from tests.update.card import NEW, Card

ALL = Seen(page=True, ports=True, relayed=True, direct=True)


def test_a_slot_that_used_its_tries_up_has_failed(card: Card, paths: Paths, brought: str) -> None:
    card.updates.install(brought, NEW)
    # What the boot script does: three starts that led to nothing, then the other slot.
    card.memory.write(card.memory.read().with_left("B", 0))
    last = card.start("A").settle()
    assert last
    assert last.outcome is Outcome.FAILED
    assert card.memory.read() == replace(Environment(("B", "A"), None, 3, 0), written=card.memory.read().written)
    assert "did not work here" in card.said().said
    assert card.said().other_version == NEW


def judged(card: Card, seen: Seen) -> Verdict:
    """The verdict on what was installed, when all looks are alike; root has acted on it."""
    card.paths.update_upload.touch()
    card.updates.install(str(card.paths.update_upload), NEW)
    card.restarts = 0
    card.start("B")
    # So that every patience is over.
    return card.judge(seen)


def test_good_is_what_relays(card: Card) -> None:
    assert judged(card, ALL) is Verdict.GOOD
    held = card.memory.read()
    assert (held.primary, held.trial, card.restarts) == ("B", None, 0)
    # What porchlight-verdict starts then.
    card.updates.settle()
    assert "it works" in card.said().said
    assert card.said().other_version == __version__
    # And so it stays at the next start.
    last = card.start("B").settle()
    assert last
    assert last.outcome is Outcome.GOOD


def test_what_has_not_been_marked_good_is_on_trial(card: Card, paths: Paths, brought: str) -> None:
    """The power goes after the verdict, before root has acted on it."""
    card.updates.install(brought, NEW)
    card.start("B")
    assert trial.run(paths, "B", 0.0, see=lambda: ALL, wait=lambda seconds: None) is Verdict.GOOD
    card.record()
    last = card.start("B").settle()
    assert last
    assert last.outcome is Outcome.TRIAL
    # Its tries are used up.
    card.memory.write(card.memory.read().with_left("B", 0))
    last = card.start("A").settle()
    assert last
    assert last.outcome is Outcome.FAILED


@pytest.mark.parametrize(("in_vain", "verdict"), [(trial.IN_A_ROW - 1, Verdict.GOOD), (trial.IN_A_ROW, Verdict.BAD)])
def test_a_line_that_is_just_back_does_not_condemn_it(
    card: Card, paths: Paths, brought: str, in_vain: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers answer the judge at once, and the relay finds the chat again some seconds later."""
    monkeypatch.setattr(trial, "since_boot", lambda: PATIENCE + 60)
    card.updates.install(brought, NEW)
    card.start("B")
    back = replace(ALL, relayed=False)
    seen = iter([*[back] * (trial.IN_A_ROW - 1), replace(back, direct=False), *[back] * in_vain, ALL])
    assert trial.run(paths, "B", see=lambda: next(seen), wait=lambda seconds: None) is verdict


def test_the_judge_writes_its_verdict_and_nothing_else(card: Card, paths: Paths, brought: str) -> None:
    card.updates.install(brought, NEW)
    card.start("B")
    there = {path: path.read_bytes() for path in paths.owner_file.parent.rglob("*") if path.is_file()}
    assert trial.run(paths, "B", 0.0, see=lambda: ALL, wait=lambda seconds: None) is Verdict.GOOD
    now = {path: path.read_bytes() for path in paths.owner_file.parent.rglob("*") if path.is_file()}
    assert {path for path in now if now[path] != there.get(path)} == {paths.verdict}
    assert there.keys() <= now.keys()


def test_a_trial_that_is_judged_anew_after_a_power_cut(card: Card, paths: Paths, brought: str) -> None:
    """Its verdict was kept, and the power went before root acted on it: the next one counts."""
    card.updates.install(brought, NEW)
    card.start("B")
    card.updates.note(Verdict.BAD)
    card.start("B")
    assert card.judge(ALL) is Verdict.GOOD
    last = card.updates.settle()
    assert last
    assert last.outcome is Outcome.GOOD
    # A verdict that comes after the trial is none.
    card.updates.note(Verdict.BAD)
    assert record.read(paths.update_record) == last


def test_a_trial_whose_record_was_lost(card: Card, paths: Paths, brought: str) -> None:
    card.updates.install(brought, NEW)
    paths.update_record.unlink()
    card.start("B")
    assert card.judge(Seen()) is Verdict.BAD
    assert record.read(paths.update_record) == Record(__version__, "B", "", outcome=Outcome.FAILED)


def test_a_trial_of_which_nobody_could_keep_that_it_began(card: Card, paths: Paths, brought: str) -> None:
    """What failed before is not forgotten over it."""
    card.updates.install(brought, NEW)
    record.write(paths.update_record, Record("98.0.0", "A", "97.0.0", Outcome.FAILED, failed=("96.0.0",)))
    card.start("B")
    assert card.judge(Seen()) is Verdict.BAD
    found = record.read(paths.update_record)
    assert found
    assert (found.version, found.failed) == (__version__, ("96.0.0", "98.0.0"))


@pytest.mark.parametrize("seen", [Seen(), replace(ALL, page=False), replace(ALL, ports=False)])
def test_what_does_not_work_gives_way(card: Card, seen: Seen) -> None:
    assert judged(card, seen) is Verdict.BAD
    held = card.memory.read()
    assert (held.primary, held.left("B"), card.restarts) == ("A", 0, 1)
    card.start("A").settle()
    assert "did not work here" in card.said().said


def test_without_the_internet_the_former_one_has_to_show_it(
    card: Card, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "since_boot", lambda: PATIENCE_WITHOUT_LINE + PATIENCE)
    assert judged(card, Seen(page=True, ports=True)) is Verdict.UNCLEAR
    assert card.memory.read().primary == "A"
    card.start("A").settle()
    assert "could not show that it relays" in card.said().said
    found = record.read(paths.update_record)
    assert found
    assert not record.refused(found, NEW)
    # Once more, and it is enough.
    assert judged(card, Seen(page=True, ports=True)) is Verdict.UNCLEAR
    found = record.read(paths.update_record)
    assert found
    assert record.refused(found, NEW)
