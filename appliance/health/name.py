"""The relay's name and its certificate."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.text import text

DAY = 86400.0
# Seconds before its end at which a public certificate should have been renewed; that begins at two thirds of its life.
# One that lives only for days is renewed within this, and then its service says that all is well.
ENDS_SOON = 7 * DAY
# States of the two services in which somebody has to do something: what they say themselves is told.
NAME_IN_TROUBLE = frozenset({"refused", "wrong-name", "blocked", "broken"})
CERTIFICATE_IN_TROUBLE = frozenset({"port-closed", "wrong-name", "limited", "refused", "unfit", "broken"})


@check("name-refused", Severity.TROUBLE)
def name_refused(facts: Facts) -> Iterator[Problem]:
    """The provider of the relay's name refuses the account or the name, or the program that tells it does not run."""
    name = facts.name
    if name and name.state in NAME_IN_TROUBLE:
        yield Problem(
            name.said,
            text("When your home's address changes, people no longer find your porchlight."),
            text("Look at the name on the setup page, and correct what you entered there."),
        )


@check("name-elsewhere", Severity.TROUBLE)
def name_elsewhere(facts: Facts) -> Iterator[Problem]:
    """The relay's name leads to another address than the one that the home has, or nowhere."""
    name = facts.name
    if not (name and name.name and name.known and name.address) or name.address in name.points_to:
        return
    wait = text("Wait ten minutes: a change takes a while. If this stays, look at the name on the setup page.")
    if name.points_to:
        what = text("The name %(name)s leads elsewhere.", name=name.name)
        means = text(
            "People who use your link arrive at %(wrong)s, and your home is at %(right)s.",
            wrong=", ".join(name.points_to),
            right=name.address,
        )
    else:
        what = text("The name %(name)s leads nowhere.", name=name.name)
        means = text("People who use your link do not find your home, which is at %(right)s.", right=name.address)
    yield Problem(what, means, wait)


@check("certificate-ends", Severity.TROUBLE)
def certificate_ends(facts: Facts) -> Iterator[Problem]:
    """The public certificate ends within a week and its renewal does not go well, or within a day."""
    found = facts.certificate
    if not found or found.kind != "public" or facts.wall is None:
        return
    left = found.not_after - facts.wall
    if left < DAY or (left < ENDS_SOON and found.state != "good"):
        yield Problem(
            text("The certificate for %(name)s could not be renewed.", name=found.name),
            text("When it ends, the relay goes on with one of its own, and looks less like an ordinary web site."),
            text("Look at the certificate on the setup page: it says what stands in the way."),
        )


@check("certificate-refused", Severity.NOTICE)
def certificate_refused(facts: Facts) -> Iterator[Problem]:
    """A public certificate was asked for, and the authority gives none until somebody does something."""
    found = facts.certificate
    if found and found.state in CERTIFICATE_IN_TROUBLE:
        yield Problem(
            found.said,
            text("The relay goes on with the certificate that it has; people who write notice nothing."),
            text("Look at the certificate on the setup page: it says what stands in the way."),
        )
