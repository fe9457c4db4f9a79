"""What became of the last update: kept on the data partition, since the next start has to know it.

Written by the updater's user alone, before an update is written and after that, and when it has been judged: three or
four times for each update.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance.files import UNREADABLE, write_atomically
from appliance.update.environment import SLOTS, Slot
from appliance.update.verdict import Verdict

# Versions that are remembered besides the last one: as many as are looked at on a stick (``pick``).
MOST_KEPT = 8


class Outcome(StrEnum):
    """How an update ended."""

    WRITING = "writing"  # it is being written, or the power went before anybody knew more
    TRIAL = "trial"  # installed; the next start, or this one, shows whether it works
    GOOD = "good"  # it relays
    FAILED = "failed"  # it did not, and the former system runs again
    UNCLEAR = "unclear"  # it relayed for nobody, but neither was the Internet there, or the relay was to rest


@dataclass(frozen=True, slots=True)
class Record:
    """The last update.

    Args:
        version: what was installed.
        slot: where to.
        former: the version that installed it.
        outcome: how it ended.
        unclear: how often in a row this version has ended as ``UNCLEAR``.
        failed: versions before it that are not to be installed by themselves, the latest last.
        once: versions before it that have ended as ``UNCLEAR`` once, the latest last.
    """

    version: str
    slot: Slot
    former: str
    outcome: Outcome = Outcome.TRIAL
    unclear: int = 0
    failed: tuple[str, ...] = ()
    once: tuple[str, ...] = ()


def made_of(raw: Any) -> Record:
    """A record of what ``json`` has read: an earlier version's, too, which knew of the last update alone.

    Raises:
        TypeError, ValueError, LookupError, AttributeError: it is none.
    """
    failed, once = raw.get("failed", []), raw.get("once", [])
    strings = all(isinstance(one, str) for one in (raw["version"], raw["former"], *failed, *once))
    lists = isinstance(failed, list) and isinstance(once, list)
    if not (strings and lists and raw["slot"] in SLOTS and isinstance(raw.get("unclear", 0), int)):
        raise TypeError(raw)
    # A later version may have noted more.
    known = {one.name: raw[one.name] for one in fields(Record) if one.name in raw}
    remembered = {"failed": tuple(failed[-MOST_KEPT:]), "once": tuple(once[-MOST_KEPT:])}
    return Record(**{**known, "outcome": Outcome(raw["outcome"]), **remembered})


def read(path: Path) -> Record | None:
    """The last update; None when there was none, or the file is damaged."""
    try:
        return made_of(json.loads(path.read_bytes()))
    except UNREADABLE:
        return None


def write(path: Path, record: Record | None) -> None:
    """Keep it, or that there was none.

    Raises:
        OSError: the data partition is full or failing.
    """
    if record is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(mode=0o755, exist_ok=True)
    # No empty list: a version from before there were any, to which a bad update may lead back, can read it then.
    kept = {name: value for name, value in asdict(record).items() if value != ()}
    write_atomically(path, json.dumps(kept).encode())


def begun(last: Record | None, version: str, slot: Slot, former: str) -> Record:
    """The record of a version that is to be tried; it remembers what became of those before. No input or output here.

    Args:
        last: the update before.
        version: what is installed.
        slot: where to.
        former: the version that runs.
    """
    if last is None:
        return Record(version, slot, former)
    failed, once = last.failed, last.once
    if refused(last, last.version):
        failed = (*failed, last.version)
    elif last.unclear and last.outcome in (Outcome.UNCLEAR, Outcome.WRITING):
        once = (*once, last.version)
    # Whoever has it tried once more without the Internet does not make it one that is tried by itself.
    unclear = 2 if refused(last, version) else last.unclear if last.version == version else int(version in once)
    kept = [tuple(one for one in dict.fromkeys(some) if one != version)[-MOST_KEPT:] for some in (failed, once)]
    return Record(version, slot, former, unclear=unclear, failed=kept[0], once=kept[1])


def settled(record: Record, booted: Slot, *, trial: bool, running: str) -> Record:
    """The record after a start: a trial that is over without a word has failed. No input or output here.

    Args:
        record: as it was left.
        booted: the slot that runs.
        trial: whether that one has to show yet that it works.
        running: the version that runs.
    """
    if booted != record.slot and not record.former:
        # The new version had found no record, since the data were lost meanwhile, and could not know the former one.
        record = replace(record, former=running)
    if record.outcome is Outcome.WRITING and booted != record.slot:
        # The power went: nobody knows whether it was whole, and nobody has seen it fail.
        return record
    if record.outcome not in (Outcome.TRIAL, Outcome.WRITING):
        return record
    if booted != record.slot:
        # Its tries are used up, or somebody started the other slot: either way it did not stay.
        return replace(record, outcome=Outcome.FAILED)
    return replace(record, outcome=Outcome.TRIAL) if trial else replace(record, outcome=Outcome.GOOD, unclear=0)


def waits(record: Record | None, booted: Slot, *, installed: bool) -> bool:
    """Whether a version was never started, since the restart into it has not come. No input or output here.

    Args:
        record: as it was left.
        booted: the slot that runs.
        installed: whether it was installed since the device was started (``Paths.update_installed``).
    """
    return installed and record is not None and record.outcome is Outcome.TRIAL and record.slot != booted


def judged(record: Record, found: Verdict | None) -> Record:
    """The record of a trial, before root acts on the verdict. No input or output here.

    Args:
        record: of the system that runs.
        found: the verdict; None as long as there is none. That it is good is kept once it has been marked so
            (``settled``).
    """
    match found:
        case Verdict.BAD:
            return replace(record, outcome=Outcome.FAILED)
        case Verdict.UNCLEAR:
            return replace(record, outcome=Outcome.UNCLEAR, unclear=record.unclear + 1)
    # Also when the power went between an earlier verdict and root's acting on it.
    return replace(record, outcome=Outcome.TRIAL)


def refused(record: Record | None, version: str) -> bool:
    """Whether a version is not to be installed by itself, since it has been tried here. The owner still may."""
    if record is None:
        return False
    if record.version != version:
        return version in record.failed
    # Once without the Internet says nothing about the version; twice is no accident.
    unsure = record.outcome in (Outcome.UNCLEAR, Outcome.WRITING)
    return record.outcome is Outcome.FAILED or (unsure and record.unclear > 1)
