"""The way from the home to WhatsApp, as the relay finds it; nothing is probed here."""

from collections.abc import Iterator

from appliance.health.check import check
from appliance.settings.problem import Problem, Severity
from appliance.status.facts import Facts
from appliance.status.relay import Cause, UpstreamStatus
from appliance.text import Text, text

KEEPS_TRYING = text("Wait: porchlight keeps trying by itself.")


def _lost(facts: Facts, group: str) -> UpstreamStatus | None:
    """The servers of a group, when they cannot be reached although there is a network (``network`` tells when not)."""
    upstreams = facts.alive.upstreams if facts.alive else {}
    chat, found = upstreams.get("chat"), upstreams.get(group)
    networked = facts.connected or (chat is not None and chat.reachable is True)
    return found if networked and found and found.reachable is False else None


@check("no-dns", Severity.BLOCKING)
def no_dns(facts: Facts) -> Iterator[Problem]:
    """The relay finds no address for the name of WhatsApp's chat servers."""
    chat = _lost(facts, "chat")
    if chat and chat.cause == Cause.UNRESOLVED:
        yield Problem(
            text("WhatsApp's servers cannot be found by their name."),
            text("Either your internet connection is down, or its name service (DNS) does not work. Nobody can use the "
                 "relay meanwhile."),
            text("Check whether other web pages open in your home. If they do, choose another DNS server in your "
                 "router."),
        )  # fmt: skip


@check("forged-dns", Severity.BLOCKING)
def forged_dns(facts: Facts) -> Iterator[Problem]:
    """The name of WhatsApp's chat servers leads into a home network."""
    chat = _lost(facts, "chat")
    if chat and chat.cause == Cause.FORGED:
        yield Problem(
            text("Somebody forges the answers about WhatsApp's name."),
            text("The name leads into a home network, so porchlight does not use it. Nobody can use the relay "
                 "meanwhile."),
            text("Choose another DNS server in your router."),
        )  # fmt: skip


@check("no-upstream", Severity.BLOCKING)
def no_upstream(facts: Facts) -> Iterator[Problem]:
    """WhatsApp's chat servers are found, and none of them accepts a connection."""
    chat = _lost(facts, "chat")
    if chat and chat.cause not in (Cause.UNRESOLVED, Cause.FORGED):
        yield Problem(
            text("WhatsApp's servers do not answer."),
            text("Messages cannot be passed on, so nobody can use the relay."),
            text("Check whether other web pages open in your home. If they do, wait: porchlight keeps trying by "
                 "itself."),
        )  # fmt: skip


def _part(facts: Facts, group: str, what: Text, means: Text) -> Iterator[Problem]:
    # Where chat is lost too, one cause is told once.
    if _lost(facts, group) and not _lost(facts, "chat"):
        yield Problem(what, means, KEEPS_TRYING)


@check("media-unreachable", Severity.TROUBLE)
def media_unreachable(facts: Facts) -> Iterator[Problem]:
    """Chat goes through, and WhatsApp's media servers are not reached."""
    return _part(
        facts,
        "media",
        text("WhatsApp's servers for pictures and calls do not answer."),
        text("Messages work, but pictures, voice messages and calls do not."),
    )


@check("http-unreachable", Severity.TROUBLE)
def http_unreachable(facts: Facts) -> Iterator[Problem]:
    """Chat goes through, and the servers for chat on port 80 are not reached."""
    return _part(
        facts,
        "http",
        text("WhatsApp's servers for port 80 do not answer."),
        text("Only people who use port 80 notice it."),
    )
