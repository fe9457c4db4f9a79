"""The month's data."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.status.relay import QuotaStatus
from appliance.status.words import data_used
from appliance.text import text

# The part of the month's data past which its owner hears of it.
NEAR = 0.9


def _quota(facts: Facts) -> QuotaStatus | None:
    return facts.alive.quota if facts.alive else None


@check("quota-count", Severity.TROUBLE)
def quota_count(facts: Facts) -> Iterator[Problem]:
    """There is a limit for the month's data, and the count of it is damaged, cannot be kept, or has no month."""
    quota = _quota(facts)
    if quota and quota.trouble:
        yield Problem(
            quota.trouble,
            text("The month's limit may be reached too late, or the relay may rest for too long."),
            text("If this stays, look at what your Internet provider has counted."),
        )


@check("quota-reached", Severity.NOTICE)
def quota_reached(facts: Facts) -> Iterator[Problem]:
    """The month's data is used up; the lights have a pattern of their own for it."""
    quota = _quota(facts)
    if quota and quota.reached:
        yield Problem(
            text("This month's data is used up."),
            text("Nobody can use your porchlight until the next month begins, as you have wished."),
            text("To go on now, allow more data on the setup page."),
        )


@check("quota-near", Severity.NOTICE)
def quota_near(facts: Facts) -> Iterator[Problem]:
    """Nine tenths of the month's data are used up."""
    quota = _quota(facts)
    if quota and not quota.reached and quota.used >= NEAR * quota.limit:
        yield Problem(
            text("This month's data is nearly used up: %(used)s.", used=data_used(quota)),
            text("When all of it is used, nobody can connect until the first of the next month."),
            text("Nothing to do, or allow more data on the setup page."),
        )
