"""The new system's trial: runs only in a slot on trial, until it is marked good or given up."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from appliance import __version__
from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.settings.load import load
from appliance.update import record
from appliance.update.probe import look
from appliance.update.record import Outcome, Record
from appliance.update.service import Updates
from appliance.update.verdict import PATIENCE, Seen, Verdict, judge

log = logging.getLogger(__name__)

# Seconds between two looks. Each opens one stream to WhatsApp's server, for one greeting.
EVERY = 10.0


def run(
    updates: Updates,
    patience: float = PATIENCE,
    see: Callable[[], Seen] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Judge the system that runs, and act on it.

    Args:
        updates: of this card.
        patience: seconds since the start that everything but the line may take.
        see: looks at the running system.
        wait: sleeps.

    Returns:
        The outcome; the device is restarting unless it is ``GOOD``.
    """
    # Without a record the data partition was lost meanwhile.
    last = record.read(updates.paths.update_record)
    if last is None or last.slot != updates.booted:
        last = Record(__version__, updates.booted, "")
    last = replace(last, outcome=Outcome.TRIAL)
    updates.say("trial", last)
    told = None
    while True:
        seen = see() if see else look(updates.paths, load(updates.paths).settings)
        verdict = judge(seen, since_boot(), patience)
        if seen != told:
            log.info("After %.0f s: %s; %s", since_boot(), seen, verdict)
            told = seen
        if verdict is not Verdict.WAIT:
            try:
                return _act(updates, last, verdict)
            except UpdateError as error:
                # The card could not be written: what holds is that the slot is on trial, and the next start counts.
                log.error("%s", error)
        wait(EVERY)


def _act(updates: Updates, last: Record, verdict: Verdict) -> Outcome:
    held = updates.memory.read()
    if verdict is Verdict.GOOD:
        updates.memory.write(held.marked_good(updates.booted))
        last = replace(last, outcome=Outcome.GOOD, unclear=0)
        updates.keep(last)
        updates.say("idle", last)
        return last.outcome
    updates.memory.write(held.marked_bad(updates.booted))
    if verdict is Verdict.BAD:
        last = replace(last, outcome=Outcome.FAILED)
    else:
        last = replace(last, outcome=Outcome.UNCLEAR, unclear=last.unclear + 1)
    updates.keep(last)
    updates.say("restarting", last)
    updates.restart()
    return last.outcome
