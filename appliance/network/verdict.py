"""What the home router was found to be, in one word each. The router's service finds it out."""

from enum import StrEnum


class Verdict(StrEnum):
    """Whether people outside can get through the router, and if not, why."""

    OFF = "off"
    LOOKING = "looking"
    OPEN = "open"
    MAPPED = "mapped"
    DOUBLE_NAT = "double-nat"
    CGNAT = "cgnat"
    IPV6_ONLY = "ipv6-only"
    PORT_TAKEN = "port-taken"
    NO_ANSWER = "no-answer"
