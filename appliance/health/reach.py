"""The way from the outside into the home: what the router says, and who really got through."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.network.verdict import Verdict
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.text import text

DAY = 86400.0
# Seconds. A port on the public Internet is tried by strangers many times a day, so three days without anybody mean that
# nobody gets through, even where only a few people know the link.
REACHED_WITHIN = 3 * DAY
# The same for a relay that nobody has reached since it started: people may not have the link yet.
NEVER_AFTER = 3 * DAY


def reached(facts: Facts) -> float | None:
    """When somebody from outside last got through on any port, in seconds since boot; None for nobody since then."""
    times: list[float] = [
        one.reached_outside for one in (facts.alive.ports if facts.alive else ()) if one.reached_outside is not None
    ]
    # A certificate authority comes from outside too, and says so.
    if facts.certificate and facts.certificate.validated:
        times.append(facts.certificate.validated)
    return max(times, default=None)


def _verdict(facts: Facts) -> Verdict | None:
    """What the router's service found, unless somebody got through lately: then it does not matter."""
    last = reached(facts)
    if facts.router is None or (last is not None and facts.now - last <= REACHED_WITHIN):
        return None
    return facts.router.verdict


@check("cgnat", Severity.TROUBLE)
def cgnat(facts: Facts) -> Iterator[Problem]:
    """The provider shares one address among many homes, and nobody from outside got through in three days."""
    if _verdict(facts) is Verdict.CGNAT:
        yield Problem(
            text("Your provider shares one address among many homes."),
            text("People outside cannot reach your porchlight, whatever your router is set to."),
            text("Ask your provider for a public IPv4 address of your own. Many give one for little or no money."),
        )


@check("not-reached", Severity.TROUBLE)
def not_reached(facts: Facts) -> Iterator[Problem]:
    """It is set up to be shared, and nobody from outside got through in three days."""
    relay = facts.alive
    shared = bool(facts.settings.share.domain) or (
        facts.router is not None and facts.router.verdict in (Verdict.OPEN, Verdict.MAPPED)
    )
    if relay is None or relay.resting or relay.started is None or not shared or _verdict(facts) is Verdict.CGNAT:
        return
    last = reached(facts)
    silent = facts.now - last > REACHED_WITHIN if last is not None else facts.now - relay.started > NEVER_AFTER
    if silent:
        yield Problem(
            text("For days nobody from outside has reached your porchlight."),
            text("Even strangers try every address on the internet, so something stands in the way."),
            text("Look from outside, as the setup page shows: with a phone whose Wi-Fi is off."),
        )


@check("double-nat", Severity.NOTICE)
def double_nat(facts: Facts) -> Iterator[Problem]:
    """Behind the home's router stands another one, and nobody from outside got through in three days."""
    if _verdict(facts) is Verdict.DOUBLE_NAT:
        yield Problem(
            text("There are two routers."),
            text("People outside come no further than the first one, unless it lets them through too."),
            text("Open the ports in both routers, or connect your porchlight to the first one."),
        )


@check("port-taken", Severity.NOTICE)
def port_taken(facts: Facts) -> Iterator[Problem]:
    """The router leads a port of the relay to another device."""
    if _verdict(facts) is Verdict.PORT_TAKEN:
        yield Problem(
            text("Another device in your home uses a port that your porchlight needs."),
            text("People outside who come to this port reach that device."),
            text("Take the rule for the other device out of your router's menu, or share another port."),
        )


@check("router-silent", Severity.NOTICE)
def router_silent(facts: Facts) -> Iterator[Problem]:
    """The router was asked to open the ports and does not listen, and nobody from outside got through."""
    if _verdict(facts) is Verdict.NO_ANSWER:
        yield Problem(
            text("Your router does not open ports when it is asked."),
            text("People outside reach your porchlight only if you have opened the ports by hand."),
            text("Follow the steps on the setup page: it names the ports and the address."),
        )
