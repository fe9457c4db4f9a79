"""Time since boot: the only clock on a Pi that is right before the network is there."""

import time


def since_boot() -> float:
    """Seconds since boot, suspended time included; equal in all processes of one machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
