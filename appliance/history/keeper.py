"""Keeps the history: in RAM for everybody who draws it, and the days on the card.

The setup page's service runs it. The card is written at most every six hours and when the service stops, a file of at
most 2 KB each time and only if something was relayed: four writes a day. A power cut costs the month's chart at most
six hours, and the day's chart begins anew with the power.
"""

import json
import logging
from contextlib import suppress
from pathlib import Path

from appliance.files import UNREADABLE, write_atomically
from appliance.history import rules
from appliance.history.rules import History, Sum, advanced, days_from_json, days_to_json
from appliance.paths import Paths
from appliance.status.relay import RelayStatus

log = logging.getLogger(__name__)

# Seconds between two writes to the card.
WRITE_EVERY = 6 * 3600.0
# Seconds between two writes to RAM: how old a chart may be.
TELL_EVERY = 30.0
COUNTED = ("bytes_from_people", "bytes_to_people")


def card_file(paths: Paths) -> Path:
    """Where the days outlive a power cut."""
    return paths.page_state / "history.json"


def ram_file(paths: Paths) -> Path:
    """Where everything else is, for whoever draws it."""
    return paths.run / "page" / "history.json"


def stored(paths: Paths) -> History:
    """The history as it was told last, half a minute ago at most; an empty one when there is none."""
    with suppress(*UNREADABLE):
        raw = json.loads(ram_file(paths).read_bytes())
        slots = {int(number): Sum(*numbers) for number, numbers in raw["slots"].items()}
        return History(slots, days_from_json(raw["days"]), Sum(*raw["undated"]))
    return History()


class Keeper:
    """Adds up what the relay says.

    Args:
        paths: where this instance keeps its files.
        now: seconds since boot.
    """

    def __init__(self, paths: Paths, now: float) -> None:
        self._paths = paths
        self._on_card: dict[str, list[int]] = {}
        self._history = self._load()
        self._seen: Sum | None = None
        self._told_at = float("-inf")
        # The boot itself stands for the last write, so that a card that is switched on again and again is spared.
        self._written_at = now
        self._complained = False

    def turn(self, relay: RelayStatus | None, now: float, wall: float | None) -> None:
        """Look once.

        Args:
            relay: the relay's last word; None when it has never spoken.
            now: seconds since boot.
            wall: seconds since 1970, or None while nobody has told the time (``appliance.clock.told``).
        """
        more = self._more(relay) if relay else Sum()
        self._history = advanced(self._history, more, now, None if wall is None else rules.date_of(wall))
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self._tell()
        if now - self._written_at >= WRITE_EVERY:
            self._written_at = now
            self._write()

    def close(self) -> None:
        """The service stops."""
        self._tell()
        self._write()

    def _more(self, relay: RelayStatus) -> Sum:
        """What was relayed since the last look; a relay that was started again counts from nothing."""
        totals = {name: sum(ports.values()) for name, ports in relay.counters.items()}
        seen = Sum(totals.get("connections", 0), sum(totals.get(name, 0) for name in COUNTED))
        former, self._seen = self._seen, seen
        if former is None:
            # The page was started again: what came before was counted, or nobody looked.
            return Sum()
        if seen.connections < former.connections or seen.bytes < former.bytes:
            former = Sum()
        # Whoever comes while the relay rests goes away again: that is no use.
        more = 0 if relay.resting else seen.connections - former.connections
        return Sum(more, seen.bytes - former.bytes)

    def _load(self) -> History:
        days: dict[str, Sum] = {}
        try:
            days = days_from_json(json.loads(card_file(self._paths).read_bytes()))
        except FileNotFoundError:
            pass
        except UNREADABLE as error:
            log.warning("The record of the last days is damaged; the month's chart begins anew (%s).", error)
        self._on_card = {date: [one.connections, one.bytes] for date, one in days.items()}
        told = stored(self._paths)
        # What is in RAM is newer, day by day.
        return History(told.slots, {**days, **told.days}, told.undated)

    def _tell(self) -> None:
        history = self._history
        raw = {
            "slots": {number: [one.connections, one.bytes] for number, one in history.slots.items()},
            "days": {date: [one.connections, one.bytes] for date, one in history.days.items()},
            "undated": [history.undated.connections, history.undated.bytes],
        }
        file = ram_file(self._paths)
        # The screen's text lies beside it; whoever writes that one says when the folder cannot be written.
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(raw).encode(), mode=0o600, durable=False)

    def _write(self) -> None:
        raw = days_to_json(self._history)
        if raw == self._on_card:
            return
        try:
            write_atomically(card_file(self._paths), json.dumps(raw).encode(), mode=0o600)
        except OSError as error:
            if not self._complained:
                log.error("The record of the last days cannot be written to the card (%s).", error.strerror)
            self._complained = True
        else:
            self._on_card, self._complained = raw, False
