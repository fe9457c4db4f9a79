"""A domain of one's own: which records to set there, and whether they are right. Pure."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from appliance.text import Text, text


@dataclass(frozen=True, slots=True)
class Record:
    """One record to set at the domain's provider (RFC 1035, RFC 3596).

    Args:
        kind: ``A``, ``AAAA`` or ``CNAME``.
        name: the whole name, as many providers want it.
        label: the same without its last two labels, as the others want it; ``@`` for the domain itself.
        value: what it says.
    """

    kind: str
    name: str
    label: str
    value: str


class Verdict(StrEnum):
    """Whether a name leads home."""

    RIGHT = "right"
    ELSEWHERE = "elsewhere"
    NOT_THERE = "not-there"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on a name, and the same in plain words."""

    verdict: Verdict
    said: Text


def records(name: str, addresses: Collection[str], follows: str = "") -> tuple[Record, ...]:
    """The exact records to set for a name.

    Args:
        name: the whole name, such as ``relay.example.org``.
        addresses: the home's outer addresses; those that nobody outside reaches are left out.
        follows: a free dynamic name that already follows the home's address: one CNAME is then enough, and stays right
            when the address changes. It cannot be set for a domain itself (RFC 1034, section 3.6.2).
    """
    label = ".".join(name.split(".")[:-2]) or "@"
    if follows and follows != name and label != "@":
        return (Record("CNAME", name, label, f"{follows}."),)
    found = [one for one in map(_public, addresses) if one]
    kinds = {4: "A", 6: "AAAA"}
    return tuple(
        Record(kinds[one.version], name, label, str(one)) for one in sorted(found, key=lambda one: (one.version, one))
    )


def _public(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return found if found.is_global else None


def check(name: str, points_to: Collection[str], known: bool, addresses: Collection[str]) -> Check:
    """Whether a name leads home.

    Args:
        name: the name.
        points_to: the addresses that it says now.
        known: whether somebody has answered what it says.
        addresses: the home's outer addresses, as far as they are known.

    Returns:
        right when everything that it says is one of the home's addresses. A name that says one more address leads
        some people elsewhere, and is not right.
    """
    if not name or not known:
        return Check(Verdict.NOT_CHECKED, text("Nobody has answered yet where this name leads."))
    if not points_to:
        return Check(Verdict.NOT_THERE, text("There is no address under %(name)s yet.", name=name))
    home = {one for one in map(_same, addresses) if one}
    # What a home has in IPv6 is often not known: only an address of a kind that is known can be right or wrong.
    versions = {ipaddress.ip_address(one).version for one in home}
    judged = [one for one in map(_same, points_to) if one and ipaddress.ip_address(one).version in versions]
    wrong = ", ".join(one for one in judged if one not in home)
    if wrong:
        said = text("%(name)s leads to %(address)s, which is not your home.", name=name, address=wrong)
        return Check(Verdict.ELSEWHERE, said)
    if not judged:
        return Check(
            Verdict.NOT_CHECKED,
            text(
                "%(name)s leads to %(address)s; whether that is your home is not known yet.",
                name=name,
                address=", ".join(points_to),
            ),
        )
    return Check(Verdict.RIGHT, text("%(name)s leads to your home.", name=name))


def _same(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
