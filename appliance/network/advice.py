"""What each verdict means for a volunteer and what to do about it: plain words, addresses and ports filled in."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.network.verdict import Verdict
from appliance.text import Text, text


@dataclass(frozen=True, slots=True)
class Place:
    """What the words are filled in with.

    Args:
        own: this device's address at home.
        gateway: the router's address at home.
        gateway_page: the link to the router's own page; empty when it has none that answers.
        outer: the router's outer address as it says.
        seen: the address that the outside sees.
        ports: the ports to open.
        taken: those of them that another device holds.
    """

    own: str
    gateway: str
    gateway_page: str = ""
    outer: str = ""
    seen: str = ""
    ports: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """One verdict in words.

    Args:
        title: a few words, for a headline.
        means: what it means for the people who need the relay.
        todo: what the volunteer does now.
        steps: how to do it by hand, one after another; empty where there is nothing to do.
    """

    title: Text
    means: Text
    todo: Text
    steps: tuple[Text, ...] = ()


def advice(verdict: Verdict, place: Place) -> Advice:
    """The words for a verdict."""
    return TABLE[verdict](place)


def by_hand(place: Place) -> tuple[Text, ...]:
    """How to open the ports in the router's own menu."""
    where = (
        text("Open %(page)s in a browser at home and sign in. The password often stands on the router.",
             page=place.gateway_page)
        if place.gateway_page
        else text("Open your router's menu and sign in: by its maker's app, or in a browser at home at %(gateway)s.",
                  gateway=place.gateway)
    )  # fmt: skip
    return (
        where,
        text("Look for “port forwarding”, “port sharing”, “virtual server” or “NAT”."),
        text(
            "Add one rule for each of these ports: %(ports)s. Protocol TCP, the same number outside and inside, to the "
            "device porchlight with the address %(own)s.",
            ports=_list(place.ports),
            own=place.own,
        ),
        text("If the router offers to give porchlight always the same address, say yes."),
        text("Open no other port, least of all 8199: that is this setup page."),
    )


def _off(place: Place) -> Advice:
    return Advice(
        text("The router has not been asked"),
        text("People outside reach your relay only once your router lets them in."),
        text("Let porchlight ask the router to open the ports, or open them by hand."),
        by_hand(place),
    )


def _looking(_place: Place) -> Advice:
    return Advice(
        text("Asking the router"),
        text("porchlight finds out whether people outside can reach your home."),
        text("Nothing to do: this takes a few seconds."),
    )


def _open(_place: Place) -> Advice:
    return Advice(
        text("No router stands in the way"),
        text("Your porchlight has an address of its own that people outside can reach."),
        text("Nothing to do. If a firewall stands before your porchlight, let the ports through there."),
    )


def _mapped(place: Place) -> Advice:
    return Advice(
        text("The router has opened the ports"),
        text("Your router passes people outside on to your porchlight, on these ports: %(ports)s.",
             ports=_list(place.ports)),
        text("Now look from outside, with a phone whose Wi-Fi is off: only that proves it."),
    )  # fmt: skip


def _double_nat(place: Place) -> Advice:
    means = text("Between your router and the internet stands another router, so people outside come no further than "
                 "that one.")  # fmt: skip
    if not place.outer:
        todo = text("Connect porchlight to the first router, or let the ports through in both. Often the provider's "
                    "box can be set to “bridge” or “modem” mode.")  # fmt: skip
    else:
        todo = text(
            "Connect porchlight to that other router, or open the ports there too, to the address %(outer)s. Often the "
            "provider's box can be set to “bridge” or “modem” mode instead.",
            outer=place.outer,
        )
    return Advice(text("There are two routers"), means, todo, by_hand(place))


def _cgnat(_place: Place) -> Advice:
    return Advice(
        text("Your provider shares one address among many homes"),
        text("People outside cannot reach your home at all. No setting of your router changes that."),
        text(
            "Ask your provider for a public IPv4 address of your own. Many give one for little or no money when asked "
            "for “port forwarding”. Otherwise run porchlight at another home."
        ),
    )


def _ipv6_only(_place: Place) -> Advice:
    return Advice(
        text("Your network has IPv6 only"),
        text("Only people whose own network has IPv6 could reach your porchlight, and in many places it does not."),
        text("Switch IPv4 on in your router, or ask your provider for a public IPv4 address."),
    )


def _port_taken(place: Place) -> Advice:
    return Advice(
        text("Another device at home uses the port"),
        text("Your router already passes these ports on to another device: %(ports)s. porchlight leaves it alone.",
             ports=_list(place.taken)),
        text("Find the rule in your router's menu. If you do not need it, delete it; porchlight notices within a "
             "minute."),
        by_hand(place),
    )  # fmt: skip


def _no_answer(place: Place) -> Advice:
    return Advice(
        text("The router does not open ports by itself"),
        text("Your router does not listen when porchlight asks, or it refuses. Many come that way."),
        text("Switch on “UPnP”, “NAT-PMP” or “PCP” in the router's menu, or open the ports by hand. If you have done "
             "so already, all is well: look from outside."),
        by_hand(place),
    )  # fmt: skip


def forbidden(ports: tuple[int, ...]) -> Text:
    """Why ports that the owner asked for stay shut."""
    return text(
        "These ports are not opened: %(ports)s. porchlight opens only ports on which the relay listens, and never that "
        "of the setup page or one for a load balancer.",
        ports=_list(ports),
    )


def moved(former: str, own: str) -> Text:
    """Why the router passes people on to an address at which nobody is any more."""
    return text(
        "porchlight's address at home has changed from %(former)s to %(own)s, and the router still uses the old one. "
        "That ends by itself within two hours, or at once when you restart the router.",
        former=former,
        own=own,
    )


TABLE: dict[Verdict, Callable[[Place], Advice]] = {
    Verdict.OFF: _off,
    Verdict.LOOKING: _looking,
    Verdict.OPEN: _open,
    Verdict.MAPPED: _mapped,
    Verdict.DOUBLE_NAT: _double_nat,
    Verdict.CGNAT: _cgnat,
    Verdict.IPV6_ONLY: _ipv6_only,
    Verdict.PORT_TAKEN: _port_taken,
    Verdict.NO_ANSWER: _no_answer,
}


def _list(ports: tuple[int, ...]) -> str:
    return ", ".join(str(port) for port in ports)
