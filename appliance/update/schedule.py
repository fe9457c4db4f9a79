"""When to look for an update: at the quiet hour, once a day."""

HOUR = 3600.0
# Seconds between two looks at least: twice within one quiet hour would be once too often.
AGAIN_AFTER = 12 * HOUR
# Seconds after which the hour does not matter any more: some devices are never on at night.
OVERDUE = 72 * HOUR


def due(now: float | None, looked: float | None, hour: int, up: float, clock: float) -> bool:
    """Whether to look now. No input or output here.

    Args:
        now: seconds since 1970; None while nobody has told the time: then there is no hour, and TLS may fail.
        looked: when it was last done, seconds since 1970; None: never, or not known.
        hour: the quiet hour, UTC.
        up: seconds since boot.
        clock: seconds since 1970 by this device's clock, whoever has set it; it stands at the last known time or later.
    """
    if now is None:
        # Some networks never tell: better at any hour, and in vain as long as the clock is too wrong, than not at all.
        return up >= OVERDUE and (looked is None or not clock - OVERDUE < looked <= clock)
    # A date in the future was written while the clock was wrong.
    since = now - looked if looked is not None and looked <= now else None
    if int(now // HOUR) % 24 == hour:
        return since is None or since >= AGAIN_AFTER
    return since is not None and since >= OVERDUE


def begun(now: float | None, looked: float | None) -> float | None:
    """What to take for the last look where nothing is known of one. No input or output here.

    Without it a device that is never on at night would never be overdue, as nothing would ever be counted.

    Args:
        now: seconds since 1970; None while nobody has told the time.
        looked: when it was last done, seconds since 1970; None: never, or not known.

    Returns:
        Seconds since 1970: so long ago that the coming night counts. None when nothing has to be noted.
    """
    if now is None or (looked is not None and looked <= now):
        return None
    return now - AGAIN_AFTER
