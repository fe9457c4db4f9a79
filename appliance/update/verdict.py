"""Is the new system good? The rule by which a slot on trial is kept or given up. No input or output here.

Good is what relays: a stream through the relay's own port has come back from WhatsApp, the relay reaches its chat, and
the setup page answers.

What if no stream comes back? The Internet may be down, and then the new system is not to blame. So the same servers are
asked without the relay. If that works, the relay is at fault. If it does not, either the line is down or the new system
has no network: nothing that can be seen from inside tells the two apart. Going back costs nothing, since nobody is
being relayed anyway, and shows it: the former system either relays, or the line is down for it as well. The version is
not condemned for that, but tried once more. The same holds for a relay that rests and relays for nobody.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from appliance.files import UNREADABLE
from appliance.update.environment import SLOTS, Slot

# Seconds. A Pi 3 relays within one minute after the start, an emulated one on a busy machine within five.
PATIENCE = 600.0
# Seconds to wait for the line: a router that was updated too, or a nightly new address, is back by then.
PATIENCE_WITHOUT_LINE = 1800.0


class Verdict(StrEnum):
    """What to do with the slot on trial."""

    WAIT = "wait"
    GOOD = "good"
    BAD = "bad"  # back to the former slot, and not again
    UNCLEAR = "unclear"  # back to the former slot, which will show whether it was the line

    def written(self, slot: Slot) -> bytes:
        """As the judge leaves it.

        Args:
            slot: the one that it is about.
        """
        return json.dumps({"slot": slot, "verdict": str(self)}).encode()


def verdict_of(data: bytes | None, slot: Slot) -> Verdict | None:
    """What the judge has found about the slot that runs; None when it has found nothing.

    Args:
        data: what it has left; None when it has left nothing.
        slot: the one that runs.
    """
    try:
        raw = json.loads(data or b"")
        found = Verdict(raw["verdict"])
        return found if raw["slot"] in SLOTS and raw["slot"] == slot and found is not Verdict.WAIT else None
    except UNREADABLE:
        return None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at one moment.

    Args:
        page: the setup page answers.
        ports: the relay's own ports answer as they should.
        relayed: a stream through one of them has come back from the upstream, and the chat's is reached.
        direct: the upstreams answer without the relay.
        allowed: the owner lets the relay relay: it is neither switched off nor is the month's data used up.
    """

    page: bool = False
    ports: bool = False
    relayed: bool = False
    direct: bool = False
    allowed: bool = True


def judge(seen: Seen, passed: float, patience: float = PATIENCE) -> Verdict:
    """The verdict.

    Args:
        seen: what is there now.
        passed: seconds since the start.
        patience: seconds that everything but the line may take.
    """
    here = seen.page and seen.ports
    if here and seen.relayed:
        return Verdict.GOOD
    if passed < patience:
        return Verdict.WAIT
    if not here or (seen.direct and seen.allowed):
        return Verdict.BAD
    return Verdict.UNCLEAR if passed >= max(patience, PATIENCE_WITHOUT_LINE) else Verdict.WAIT
