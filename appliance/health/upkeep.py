"""What waits for the owner at leisure: the page's password, the lights, an update."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.status.update import WAITING
from appliance.text import text

# Seconds for which the feed may be asked in vain before somebody is told.
UNHEARD = 7 * 86400.0


@check("password", Severity.TROUBLE)
def password(facts: Facts) -> Iterator[Problem]:
    """The file with the password's hash is there and cannot be understood."""
    if facts.page and facts.page.ownership == "damaged":
        yield Problem(
            text("The password cannot be read."),
            text("Nobody can sign in to the setup page. The relay is not affected."),
            text("Write a new claim_code under [page] in porchlight.toml on the card, and start again."),
        )


@check("part-silent", Severity.TROUBLE)
def part_silent(facts: Facts) -> Iterator[Problem]:
    """A service beside the relay has run since the device was switched on, and is silent now; one problem for each."""
    for part in facts.silent:
        yield Problem(
            text("A part of porchlight has stopped: %(part)s.", part=part),
            text("The relay is not affected, but what that part does for you does not happen."),
            text("It starts again by itself. If this stays for five minutes, unplug the power and plug it in again."),
        )


@check("firewall", Severity.TROUBLE)
def firewall(facts: Facts) -> Iterator[Problem]:
    """The firewall was not given the rules that settings and network ask for; the former ones stay."""
    if facts.firewall_failed:
        yield Problem(
            text("The firewall does not follow your settings."),
            text("The former rules stay: porchlight is protected, but a port that you have changed may be closed."),
            text("It starts again by itself. If this stays for five minutes, unplug the power and plug it in again."),
        )


@check("lights", Severity.NOTICE)
def lights(facts: Facts) -> Iterator[Problem]:
    """The lights' program cannot use their pins, or cannot tell how the relay does."""
    if facts.lights and facts.lights.trouble:
        yield Problem(
            facts.lights.trouble,
            text("The relay is not affected; only the lights cannot be trusted."),
            text("Check the wires of the lights, or turn the lights off in porchlight.toml."),
        )


@check("update-failed", Severity.NOTICE)
def update_failed(facts: Facts) -> Iterator[Problem]:
    """The last update did not work here, and the former version runs again."""
    update = facts.update
    if update and update.failed:
        yield Problem(
            # Not what is said now, which may be that there is nothing newer.
            update.failed,
            text("The former version relays as it did before; nothing is lost."),
            text("You need not do anything: the next version is tried by itself. Tell the makers, if you like."),
        )


@check("updates-unheard", Severity.NOTICE)
def updates_unheard(facts: Facts) -> Iterator[Problem]:
    """The place of the updates has been asked in vain for a week."""
    update = facts.update
    # One night without an answer is nobody's business: the page of the updates says it.
    if (
        update
        and facts.wall is not None
        and facts.settings.update.enabled
        and 0 < update.unheard <= facts.wall - UNHEARD
    ):
        yield Problem(
            text("For a week nothing could be learned about new versions."),
            text("They close gaps in security. One that does not work gives way to the former one."),
            text("Look for a new version in the settings, under Updates: it says what is in the way."),
        )


@check("update-waiting", Severity.NOTICE)
def update_waiting(facts: Facts) -> Iterator[Problem]:
    """A newer version can be installed, and waits for the owner."""
    update = facts.update
    if update and update.phase == WAITING:
        yield Problem(
            text("A new version waits for you: %(version)s.", version=update.version),
            text("It may close a gap in security or help more people."),
            text("Install it on the setup page when you have a moment."),
        )
