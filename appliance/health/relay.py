"""What the relay says about itself."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.text import text

# The part of the places for connections that is taken when the house counts as full.
NEARLY_FULL = 0.9


@check("relay-stopped", Severity.BLOCKING)
def relay_stopped(facts: Facts) -> Iterator[Problem]:
    """The relay has run since the device was switched on, and is silent now or says that it stops."""
    if facts.relay and not facts.alive and facts.relay.phase != "starting":
        yield Problem(
            text("The relay is not running."),
            text("Nobody can use your porchlight at the moment."),
            text("It tries to start again by itself. If this stays for five minutes, unplug the power, wait ten "
                 "seconds and plug it in again."),
        )  # fmt: skip


@check("port-closed", Severity.TROUBLE)
def port_closed(facts: Facts) -> Iterator[Problem]:
    """A port of the relay cannot be opened, mostly because another program holds it; one problem for each port."""
    for one in facts.alive.ports if facts.alive else ():
        if one.trouble:
            yield Problem(
                one.trouble,
                text("Until then, people who were told to use port %(port)s cannot connect.", port=one.port),
                text("Stop the other program, or choose another port in porchlight.toml on the card."),
            )


@check("relay-trouble", Severity.TROUBLE)
def relay_trouble(facts: Facts) -> Iterator[Problem]:
    """The relay names something of its own: a certificate or a web folder that cannot be used."""
    yield from facts.alive.problems if facts.alive else ()


@check("nearly-full", Severity.NOTICE)
def nearly_full(facts: Facts) -> Iterator[Problem]:
    """Nine in ten of the places for connections are taken."""
    relay = facts.alive
    if relay and not relay.resting and 0 < NEARLY_FULL * relay.max_connections <= relay.connections:
        yield Problem(
            text("Your porchlight is nearly full."),
            text("When all places are taken, whoever comes next is turned away until somebody leaves."),
            text("Nothing to do. A second porchlight, or a stronger device, would help more people."),
        )
