"""The meter of the month's data: keeps the count of ``quota`` over restarts and power cuts.

There are two copies. The one in RAM is as new as the status and outlives a restart of the service. The one on the card
outlives a power cut; it is written at most every half hour, so a cut costs at most the last half hour's count.
Without a quota nothing is counted and nothing is written.
"""

import json
import logging
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from appliance.clock import since_boot
from appliance.files import UNREADABLE, write_atomically
from appliance.relay.quota import Count, advanced, from_json, month_of, to_json
from appliance.status.relay import QuotaStatus
from appliance.text import text

log = logging.getLogger(__name__)

# Seconds between two writes to the card: 48 a day. Each costs some 41 KB (docs/image.md), so that six in an hour would
# be more than the 5 MB a day that everything together may be.
WRITE_EVERY = 1800.0
# Seconds since boot after which a clock that nobody has set is worth a word; until then the network is coming up.
CLOCK_TAKES = 600.0

NO_CLOCK = text(
    "Nobody has told this device the time, so the relay cannot see when a new month begins for monthly_quota. "
    "Does your router let it ask a time server (NTP, UDP port 123)?"
)
DAMAGED = text("The count of this month's data was damaged on the card. It begins anew at nothing.")


class Meter:
    """The count of one relay.

    Args:
        card: the file that outlives a power cut.
        ram: the file that outlives a restart of the service.
        wall: seconds since 1970, or None while nobody has told the time (``appliance.clock.told``).
    """

    def __init__(self, card: Path, ram: Path, wall: Callable[[], float | None]) -> None:
        self._card, self._ram, self._wall = card, ram, wall
        self._count: Count | None = None
        self._on_card = Count()
        # Seconds since boot. On a card that has just started, the boot itself stands for the last write.
        self._written = 0.0
        self._seen = 0
        # What is wrong, by its cause; the damage is told until the month is over.
        self._damaged_in: str | None = None
        self._unwritable = ""

    def turn(self, limit: int, relayed: int) -> QuotaStatus | None:
        """Count what was relayed since the last turn.

        Args:
            limit: bytes a month, 0 for none.
            relayed: all bytes since the relay started, both directions added up.

        Returns:
            How it stands, None when there is no limit.
        """
        more, self._seen = relayed - self._seen, relayed
        if not limit:
            return None
        before = self._count if self._count is not None else self._load()
        wall = self._wall()
        count = self._count = advanced(before, more, None if wall is None else month_of(wall))
        if count != self._on_card and since_boot() - self._written >= WRITE_EVERY:
            self._write_to_card(count)
        if count != before:
            self._write_to_ram(count)
        return QuotaStatus(limit, count.used, count.month, self._trouble(count, wall))

    def _trouble(self, count: Count, wall: float | None) -> str:
        if self._unwritable:
            return text(
                "The count of this month's data cannot be written to the card (%(reason)s).", reason=self._unwritable
            )
        if self._damaged_in is not None:
            # Found before anybody told the time, it belongs to the month that is then told.
            self._damaged_in = self._damaged_in or count.month
            if self._damaged_in == count.month:
                return DAMAGED
            self._damaged_in = None
        return NO_CLOCK if wall is None and since_boot() > CLOCK_TAKES else ""

    def _load(self) -> Count:
        try:
            raw = json.loads(self._ram.read_bytes())
            count, self._on_card, self._written = from_json(raw), from_json(raw["on_card"]), float(raw["written"])
            return count
        except UNREADABLE:
            # None since this boot, or the service was stopped for good in between: the card knows.
            pass
        try:
            self._on_card = _unwrapped(self._card.read_bytes())
        except FileNotFoundError:
            pass
        except UNREADABLE as error:
            log.error("%s (%s)", DAMAGED, error)
            self._damaged_in = ""
            # Put aside rather than deleted, so that somebody can find out why.
            with suppress(OSError):
                os.replace(self._card, self._card.with_suffix(".damaged"))
        return self._on_card

    def _write_to_card(self, count: Count) -> None:
        # A card that fails is not tried oftener either.
        self._written = since_boot()
        try:
            write_atomically(self._card, _wrapped(count), mode=0o600)
        except OSError as error:
            if not self._unwritable:
                log.error("The count of this month's data cannot be written to the card (%s).", error)
            self._unwritable = error.strerror or str(error)
        else:
            self._on_card, self._unwritable = count, ""

    def _write_to_ram(self, count: Count) -> None:
        raw = {**to_json(count), "on_card": to_json(self._on_card), "written": self._written}
        # The status lies beside it; that one says when the folder cannot be written.
        with suppress(OSError):
            write_atomically(self._ram, json.dumps(raw).encode(), mode=0o600, durable=False)


def _wrapped(count: Count) -> bytes:
    """A count as the card keeps it: a damaged digit must not pass for another count."""
    body = json.dumps(to_json(count), sort_keys=True)
    return json.dumps({"count": body, "crc32": zlib.crc32(body.encode())}).encode()


def _unwrapped(data: bytes) -> Count:
    """The count out of the card's file; raises ValueError for anything else."""
    raw: Any = json.loads(data)
    try:
        if zlib.crc32(raw["count"].encode()) != raw["crc32"]:
            raise ValueError("the check sum is wrong")
        return from_json(json.loads(raw["count"]))
    except UNREADABLE as error:
        raise ValueError(f"not what was written: {error}") from error
