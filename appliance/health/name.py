"""The relay's name and its certificate."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.text import text

# Seconds before its end at which a public certificate should long have been renewed: that begins at two thirds of its
# life, which for the shortest that are common (45 days) is two weeks before the end.
ENDS_SOON = 7 * 86400.0


@check("name-elsewhere", Severity.TROUBLE)
def name_elsewhere(facts: Facts) -> Iterator[Problem]:
    """The relay's name leads to another address than the one that the home has."""
    name = facts.name
    if name and name.address and name.points_to and name.points_to != name.address:
        yield Problem(
            text("The name %(name)s leads elsewhere.", name=name.name),
            text("People who use your link arrive at %(wrong)s, and your home is at %(right)s.",
                 wrong=name.points_to, right=name.address),
            text("Wait ten minutes: a change takes a while. If this stays, look at the name on the setup page."),
        )  # fmt: skip


@check("certificate-ends", Severity.TROUBLE)
def certificate_ends(facts: Facts) -> Iterator[Problem]:
    """The public certificate ends within a week, or has ended: it could not be renewed."""
    found = facts.certificate
    if found and found.kind == "public" and facts.wall is not None and found.not_after - facts.wall < ENDS_SOON:
        yield Problem(
            text("The certificate for %(name)s could not be renewed.", name=found.name),
            text("When it ends, the relay goes on with one of its own, and looks less like an ordinary web site."),
            text("Look at the certificate on the setup page: it says what stands in the way."),
        )
