"""The new system's trial: runs only in a slot on trial, until it has found whether it is good.

It is a user like any other, and its verdict is a file. Root acts on it when this process has ended in order, and
restarts the device when it has ended in any other way, or without a verdict, or not within an hour: whoever cannot even
judge is not good (``porchlight-good.service``, ``porchlight-verdict.service``, ``root``).
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from appliance import __version__
from appliance.clock import since_boot
from appliance.files import write_atomically
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
) -> Verdict:
    """Judge the system that runs.

    Args:
        updates: of this card.
        patience: seconds since the start that everything but the line may take.
        see: looks at the running system.
        wait: sleeps.

    Returns:
        The verdict, which has been left for root.

    Raises:
        OSError: it cannot be left: the folder in RAM is missing or full.
    """
    # What somebody else may have left there.
    updates.paths.verdict.unlink(missing_ok=True)
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
            _leave(updates, last, verdict)
            return verdict
        wait(EVERY)


def _leave(updates: Updates, last: Record, verdict: Verdict) -> None:
    """Keep what became of the update, and only then give the verdict: root acts on it at once."""
    if verdict is Verdict.GOOD:
        # Still on trial: that it is good is kept once it has been marked so (``Updates.settle``).
        updates.keep(replace(last, unclear=0))
    else:
        if verdict is Verdict.BAD:
            last = replace(last, outcome=Outcome.FAILED)
        else:
            last = replace(last, outcome=Outcome.UNCLEAR, unclear=last.unclear + 1)
        updates.keep(last)
        updates.say("restarting", last)
    said = {"slot": updates.booted, "verdict": str(verdict)}
    write_atomically(updates.paths.verdict, json.dumps(said).encode(), durable=False)
