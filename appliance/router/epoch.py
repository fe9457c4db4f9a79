"""Whether the router has lost its mappings, by the seconds that it counts since it did. No input or output.

Sources: RFC 6887 section 8.5 for PCP, RFC 6886 section 3.6 for NAT-PMP.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heard:
    """The router's epoch, and when it was heard; both in seconds, the second since this device's boot."""

    epoch: int
    at: float


def has_restarted(before: Heard, now: Heard) -> bool:
    """Whether mappings made before are lost, for all that the two epochs tell.

    The router's clock may be wrong by a sixteenth, and a datagram may be late by two seconds; RFC 6887's rule, which
    also notices a clock that runs too fast, serves NAT-PMP's as well.
    """
    if now.epoch + 1 < before.epoch:
        return True
    client, server = now.at - before.at, now.epoch - before.epoch
    return client + 2 < server - server / 16 or server + 2 < client - client / 16
