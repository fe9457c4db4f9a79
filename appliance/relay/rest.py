"""Why the relay rests, if it does: by the owner's switch, for a while, or until the next month. No input or output."""

# The owner has switched the relay off (``enabled``), has asked for a pause, or the month's data is used up. The number
# of each is what the parent tells the workers; 0 is to relay. They are counted as reasons of refusal too (``sums``).
RESTS = ("", "off", "paused", "quota")


def rest_of(*, enabled: bool, paused: bool, quota_reached: bool) -> str:
    """The one reason that is told: what the owner did last by hand explains most.

    Args:
        enabled: what the setting says.
        paused: whether a pause has not ended yet.
        quota_reached: whether this month's data is used up.

    Returns:
        One of ``RESTS``; empty when people are relayed.
    """
    if not enabled:
        return "off"
    if paused:
        return "paused"
    return "quota" if quota_reached else ""
