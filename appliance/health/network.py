"""The way from the device to the home's router.

A relay that has reached WhatsApp has a network by definition, whatever the routing table looks like.
"""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.text import text


def _reached(facts: Facts) -> bool:
    chat = facts.alive.upstreams.get("chat") if facts.alive else None
    return chat is not None and chat.reachable is True


@check("no-link", Severity.BLOCKING)
def no_link(facts: Facts) -> Iterator[Problem]:
    """No network socket has a cable with something at its other end, and no Wi-Fi is joined."""
    if facts.machine.link is False and not facts.addressed and not _reached(facts):
        yield Problem(
            text("No network cable is connected."),
            text("Your porchlight has no way out, so nobody can use it."),
            text("Push the cable in at both ends until it clicks, and see that your router is on."),
        )


@check("no-address", Severity.BLOCKING)
def no_address(facts: Facts) -> Iterator[Problem]:
    """There is a link (or nobody can tell), and no address came over it."""
    if not facts.addressed and facts.machine.link is not False and not _reached(facts):
        yield Problem(
            text("This device has no address."),
            text("The router has not given it one, so nobody can use it."),
            text("Switch your router off and on. If this stays, try another socket of the router."),
        )


@check("no-way-out", Severity.BLOCKING)
def no_way_out(facts: Facts) -> Iterator[Problem]:
    """There is an address and no gateway, and WhatsApp has not been reached some other way."""
    if facts.addressed and not facts.connected and not _reached(facts):
        yield Problem(
            text("There is no way out to the internet."),
            text("The home network names no router, so nobody can use your porchlight."),
            text("Connect your porchlight to the router itself, and see that the router is on."),
        )
