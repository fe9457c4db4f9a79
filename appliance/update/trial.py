"""The new system's trial: runs only in a slot on trial, until it has found whether it is good.

It is a user of its own, who can write nothing but one file: the verdict. The updater's user keeps what became of the
update (``porchlight-record.service``), and root acts on the verdict when this process has ended in order. Root restarts
the device when it has ended in any other way, or without a verdict, or not within an hour: whoever cannot even judge is
not good (``porchlight-good.service``, ``porchlight-verdict.service``, ``root``).
"""

import logging
import time
from collections.abc import Callable

from appliance.clock import since_boot
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.settings.load import load
from appliance.update.environment import Slot
from appliance.update.probe import look
from appliance.update.verdict import PATIENCE, Seen, Verdict, judge

log = logging.getLogger(__name__)

# Seconds between two looks. Each opens one stream to WhatsApp's server, for one greeting.
EVERY = 10.0
# So many of them in a row must find the relay at fault although page and ports answer: when a line comes back, what
# connects anew with each look is there some seconds before what the relay asks now and then.
IN_A_ROW = 6


def run(
    paths: Paths,
    slot: Slot,
    patience: float = PATIENCE,
    see: Callable[[], Seen] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Judge the system that runs.

    Args:
        paths: where this instance keeps its files.
        slot: the one that runs.
        patience: seconds since the start that everything but the line may take.
        see: looks at the running system.
        wait: sleeps.

    Returns:
        The verdict, which has been left for root.

    Raises:
        OSError: it cannot be left: the folder in RAM is missing or full.
    """
    # What an earlier run may have left there.
    paths.verdict.unlink(missing_ok=True)
    told, blamed = None, 0
    while True:
        seen = see() if see else look(paths, load(paths).settings)
        verdict = judge(seen, since_boot(), patience)
        if seen != told:
            log.info("After %.0f s: %s; %s", since_boot(), seen, verdict)
            told = seen
        blamed = blamed + 1 if verdict is Verdict.BAD and seen.page and seen.ports else 0
        if 0 < blamed < IN_A_ROW:
            verdict = Verdict.WAIT
        if verdict is not Verdict.WAIT:
            write_atomically(paths.verdict, verdict.written(slot), durable=False)
            return verdict
        wait(EVERY)
