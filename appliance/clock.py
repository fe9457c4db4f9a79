"""Time since boot, the only clock on a Pi that is right before the network is there; and the date, once it is told."""

import time
from pathlib import Path

# sd_booted(3): this machine runs systemd.
SYSTEMD = Path("/run/systemd/system")
TIMESYNCD = Path("/usr/lib/systemd/systemd-timesyncd")
# systemd-timesyncd.service(8): made when the clock was set for the first time since boot.
SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
# 2026-01-01: the year of this code. A clock before that was set by nobody.
NOT_BEFORE = 1_767_225_600.0


def since_boot() -> float:
    """Seconds since boot, suspended time included; equal in all processes of one machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def told() -> float | None:
    """Seconds since 1970, or None as long as nobody has told this machine the time since it was switched on.

    Where timesyncd looks after the clock, as on the card, it says when it has set it. (The kernel knows too, but
    ``adjtimex`` belongs to the system calls that services may not use.) Anywhere else somebody's own time service or a
    battery does; only a clock that stands in the past is not believed.
    """
    if SYSTEMD.is_dir() and TIMESYNCD.exists() and not SYNCHRONIZED.exists():
        return None
    now = time.time()
    return now if now >= NOT_BEFORE else None
