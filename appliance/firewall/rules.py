"""The firewall's rules from the settings and the home network, as nftables' own text. No input or output.

Theory of operation. There is no connection tracking: its table is memory that anybody outside can fill, and on a Pi 3
it holds 8,192 entries, a third of what the relay serves. It is not needed either. A TCP connection begins with a packet
that has SYN and not ACK, so only those are judged, and whatever else comes without a connection gets the kernel's RST.
Of UDP the card serves nothing to strangers; answers come from the ports that were asked, to ports from which programs
ask (``net.ipv4.ip_local_port_range``), and the kernel gives a datagram only to a socket that waits for it.

What is turned away gets what a closed port gives, so that the setup page's port looks like any other from outside.
Where a socket listens, the kernel leaves a packet without SYN, ACK and RST unanswered (FIN, NULL and Xmas scans), and
where none does it resets. No connection has such packets (RFC 9293, section 3.10.7.4), so they are refused alike
wherever not everybody may come. The page's socket is silent to strangers' ACKs too, by its unit's ``IPAddressAllow=``.
Nothing is logged, since a line of the log would hold an address; counters count packets.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from urllib.parse import urlsplit

from appliance.firewall.ranges import NOT_PUBLIC_IPV4, NOT_PUBLIC_IPV6, PUBLIC_IPV6, ports, ranges
from appliance.network.home import HOMELY, Address, Home, Network, delegated
from appliance.relay.ports import looked_at
from appliance.settings.declared import Settings
from appliance.settings.kinds import split_host_port

TABLE = "porchlight"
# usr/lib/sysusers.d/porchlight.conf
RELAY, PAGE, LIGHTS, ROUTER, NAME, CERTIFICATE, UPDATE, FETCH, JUDGE = 811, 812, 813, 814, 815, 816, 818, 819, 821
# Who fetches by HTTP; of an update the one asks the feed, and the other streams the bundle to RAUC. Root does not.
WEB_USERS = (NAME, CERTIFICATE, UPDATE, FETCH)
# usr/lib/sysctl.d/90-porchlight.conf: from where programs ask.
FIRST_ASKING = 10240
ASKING = f"{FIRST_ASKING}-65535"
DNS, NTP, DHCP, DHCP_CLIENT, DHCPV6, DHCPV6_CLIENT, MDNS = 53, 123, 67, 68, 547, 546, 5353
PCP, PCP_ANNOUNCEMENT, SSDP = 5351, 5350, 1900
WEB = {"http": 80, "https": 443}
# Echo requests a second that are answered; more is no question.
ECHOES = 20
# Bits. A prefix of the home's own that is wider than this is somebody's mistake, and would hold WhatsApp's servers too.
WIDEST = {4: 16, 6: 32}
# What a closed port answers.
REFUSED_TCP = "reject with tcp reset"


def rules(settings: Settings, home: Home | None) -> str:
    """A script for ``nft -f`` that puts all rules in place of the former ones, in one step.

    Args:
        settings: what applies.
        home: the home network; None while nobody knows it, as early at boot. Then everybody with a private address may
            come to the setup page, and the page itself tells who is at home.
    """
    lines = [f"table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    for name, hook, policy, chain in (
        ("input", "input", "drop", _input(settings, home)),
        ("forward", "forward", "drop", iter(())),
        ("output", "output", "drop", _output(settings, home)),
    ):
        lines.append(f"  chain {name} {{")
        lines.append(f"    type filter hook {hook} priority filter; policy {policy};")
        lines += [f"    {line}" for line in chain]
        lines.append("  }")
    return "\n".join((*lines, "}", ""))


def _input(settings: Settings, home: Home | None) -> Iterator[str]:
    page, relay = settings.page, settings.relay
    yield "iif lo accept"
    balancers = set(relay.balancer_ports) - {0, page.port}
    open_ports = _open_ports(settings)
    # What each packet is asked first is one comparison: most are nothing of the kind.
    yield f"tcp flags & (syn | ack | rst) == 0 {_elsewhere('dport', open_ports)}counter {REFUSED_TCP}"
    refused_page = tuple(_page_refused(settings, home))
    if page.port < FIRST_ASKING:
        # The card itself begins no connection from there, so none of a stranger's can be one.
        yield from refused_page
        refused_page = ()
    yield "tcp flags & (syn | ack) != syn accept"
    yield from refused_page
    yield from _by_version(f"{{}} saddr {{}} tcp dport {page.port} accept", _neighbours(home))
    if balancers:
        # Whatever address the header names there is believed. The gateway may be the balancer.
        yield from _by_version(f"{{}} saddr {{}} tcp dport {{{ports(balancers)}}} accept", _neighbours(home))
    if open_ports:
        yield f"tcp dport {ports(open_ports)} accept"
    yield "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept"
    yield "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept"
    yield f"icmp type echo-request limit rate {ECHOES}/second accept"
    yield f"icmpv6 type echo-request limit rate {ECHOES}/second accept"
    # The cable alone: no router passes these on (RFC 4861, RFC 2710).
    nd = "nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
    yield f"ip6 hoplimit 255 icmpv6 type {{ {nd} }} accept"
    yield "ip6 saddr fe80::/10 icmpv6 type { mld-listener-query, mld-listener-report, mld2-listener-report } accept"
    yield "ip protocol igmp accept"
    yield f"udp sport {DHCP} udp dport {DHCP_CLIENT} accept"
    yield f"ip6 saddr fe80::/10 udp sport {DHCPV6} udp dport {DHCPV6_CLIENT} accept"
    yield from _by_version(f"{{}} saddr {{}} udp dport {MDNS} accept", _neighbours(home))
    answering = {DNS, NTP, *_ports_of(settings.router.outside_look)}
    yield f"udp sport {ports(answering)} udp dport {ASKING} accept"
    if home:
        # The gateway answers a search from whichever port it likes, and says by itself that it has started anew.
        yield from _by_version(
            f"{{}} saddr {{}} udp dport {{{{ {PCP_ANNOUNCEMENT}, {ASKING} }}}} accept", home.gateways
        )
    yield f"meta l4proto tcp counter {REFUSED_TCP}"
    yield "counter drop"


def _page_refused(settings: Settings, home: Home | None) -> Iterator[str]:
    """The page's port is nothing for whoever is not at home, and nothing for the gateway."""
    port, refused = f"tcp dport {settings.page.port}", f"counter {REFUSED_TCP}"
    if home and not settings.page.allow_gateway:
        yield from _by_version(f"{port} {{}} saddr {{}} {refused}", home.gateways)
    for version in (4, 6):
        found = ranges(_neighbours(home), version)
        who = f"{_family(version)} saddr != {found}" if found else f"meta nfproto ipv{version}"
        yield f"{port} {who} {refused}"


def _open_ports(settings: Settings) -> set[int]:
    """The relay's ports that are for everybody."""
    relay = settings.relay
    everybody = {relay.chat_tls_port, *relay.chat_ports, *relay.media_ports}
    return everybody - {0, settings.page.port, *relay.balancer_ports}


def _elsewhere(side: str, numbers: set[int]) -> str:
    """What matches every port but these."""
    return f"tcp {side} != {ports(numbers)} " if numbers else ""


def _output(settings: Settings, home: Home | None) -> Iterator[str]:
    yield "tcp flags & (syn | rst) == 0 accept"
    # The kernel's resets repeat the sender's kind of service, the firewall's do not, and nobody is to tell them apart.
    resets = f"tcp flags & rst == rst {_elsewhere('sport', _open_ports(settings))}"
    yield f"{resets}ip dscp set cs0 ip ecn set not-ect"
    yield f"{resets}ip6 dscp set cs0 ip6 ecn set not-ect"
    yield "tcp flags & (syn | ack) != syn accept"
    # Names are looked up at the card's own resolver, by everybody.
    yield f"oif lo meta l4proto {{ tcp, udp }} th dport {DNS} ip daddr 127.0.0.0/8 accept"
    yield from _relay(settings, home)
    # The page answers, and asks nobody; the lights only look at the card's own addresses.
    yield from _refuse(f"meta skuid {{ {PAGE}, {LIGHTS} }} ")
    # Those three ping nobody either. What the kernel says by itself, such as who is on the cable, is no user's.
    yield "meta l4proto { icmp, ipv6-icmp, igmp } accept"
    yield from _itself(settings)
    yield from _router(settings, home)
    yield from _web(settings, home)
    # The judge of a new system asks WhatsApp's servers without the relay, to tell a broken relay from a broken line.
    servers = settings.relay.upstream
    yield from _upstreams(JUDGE, (*servers.chat, *servers.media[:1]), settings, home)
    own = f"{{ {ROUTER}, {NAME}, {CERTIFICATE}, {UPDATE}, {FETCH}, {JUDGE} }}"
    yield from _refuse(f"meta skuid {own} ")
    # The system's own: names, time, its address.
    yield f"meta l4proto {{ tcp, udp }} th dport {DNS} accept"
    yield f"udp dport {NTP} accept"
    yield f"udp sport {DHCP_CLIENT} udp dport {DHCP} accept"
    yield f"udp sport {DHCPV6_CLIENT} udp dport {DHCPV6} accept"
    yield f"udp dport {MDNS} ip daddr 224.0.0.251 accept"
    yield f"udp dport {MDNS} ip6 daddr ff02::fb accept"
    yield from _by_version(f"{{}} daddr {{}} udp sport {MDNS} accept", _neighbours(home))
    yield from _refuse()


def _refuse(who: str = "") -> Iterator[str]:
    """Programs are told at once, instead of waiting for an answer that cannot come."""
    yield f"{who}meta l4proto tcp counter {REFUSED_TCP}"
    yield f"{who}counter reject with icmpx admin-prohibited"


def _itself(settings: Settings) -> Iterator[str]:
    """What goes to one of the card's own addresses goes through loopback, whatever its address says.

    The setup page takes whoever comes this way for somebody at home: shows figures without a password, and takes
    tries at it, until nobody may try any more. So nobody comes who has no need, root included.
    """
    # The judge of a new system looks at both as a person would.
    found = {*looked_at(settings.relay), settings.page.port} - {0}
    here = "oif lo ip saddr 127.0.0.1 ip daddr 127.0.0.1"
    yield f"meta skuid {JUDGE} {here} tcp dport {ports(found)} accept"
    # The resolver's answers. Nobody else who gets here may take that port (porchlight-relay alone has that right).
    yield f"oif lo ip saddr 127.0.0.0/8 udp sport {DNS} accept"
    yield from _refuse("oif lo ")


def _relay(settings: Settings, home: Home | None) -> Iterator[str]:
    """The relay reaches its upstreams' ports, and at private addresses nothing, the card's own page included."""
    upstream = settings.relay.upstream
    # At its start it tries on a connection with itself whether this kernel can splice (appliance/relay/pipe.py).
    if settings.page.port >= FIRST_ASKING:
        # To the page it would be somebody at home.
        yield f"meta skuid {RELAY} tcp dport {settings.page.port} counter {REFUSED_TCP}"
    yield f"meta skuid {RELAY} oif lo ip saddr 127.0.0.1 ip daddr 127.0.0.1 tcp dport {ASKING} accept"
    if not upstream.allow_private:
        # By its public addresses neither, which a home's prefixes do not tell before they are known, or if too wide.
        yield from _refuse(f"meta skuid {RELAY} oif lo ")
    yield from _upstreams(RELAY, (*upstream.chat, *upstream.http, *upstream.media), settings, home)
    yield from _refuse(f"meta skuid {RELAY} ")


def _upstreams(user: int, servers: Iterable[str], settings: Settings, home: Home | None) -> Iterator[str]:
    """One user's way to the ports of some upstreams."""
    numbers = ports(_ports_of(servers))
    if numbers and settings.relay.upstream.allow_private:
        yield f"meta skuid {user} tcp dport {numbers} accept"
    elif numbers:
        yield from _public(f"meta skuid {user}", f"tcp dport {numbers} accept", home)


def _router(settings: Settings, home: Home | None) -> Iterator[str]:
    """The router service asks the gateway for everything, and a server outside how the home looks from there."""
    who = f"meta skuid {ROUTER}"
    if numbers := ports(_ports_of(settings.router.outside_look)):
        yield from _public(who, f"udp dport {numbers} accept", home)
    if home and home.gateways:
        yield f"{who} ip daddr 239.255.255.250 udp dport {SSDP} accept"
        yield from _by_version(f"{who} {{}} daddr {{}} udp dport {{{{ {PCP}, {SSDP} }}}} accept", home.gateways)
        # UPnP and the router's own page: which port, the router says.
        yield from _by_version(f"{who} {{}} daddr {{}} meta l4proto tcp accept", home.gateways)


def _web(settings: Settings, home: Home | None) -> Iterator[str]:
    """Who fetches something by HTTP: the name, the certificate, the updates. An address for one of them serves all."""
    who = "meta skuid { " + ", ".join(str(user) for user in WEB_USERS) + " }"
    numbers = set(WEB.values())
    for written in web_addresses(settings):
        try:
            place = urlsplit(written)
            port = place.port or WEB[place.scheme]
        except ValueError:
            # Nobody could fetch anything there either.
            continue
        try:
            # Without its zone, if it has one: nftables knows none.
            address = ipaddress.ip_address(ipaddress.ip_address(place.hostname or "").packed)
        except ValueError:
            # A name; whatever it leads to must be public.
            numbers.add(port)
        else:
            # Written down by the owner as it is, so it may be one at home.
            yield f"{who} {_family(address.version)} daddr {address} tcp dport {port} accept"
    # A bundle is streamed over HTTPS, and RAUC would follow a redirect from there to plain HTTP.
    yield f"meta skuid {FETCH} tcp dport {WEB['http']} counter {REFUSED_TCP}"
    yield from _public(who, f"tcp dport {ports(numbers)} accept", home)


def web_addresses(section: object) -> Iterator[str]:
    """Every web address in the settings, by its form: http://... or https://..."""
    for one in fields(section) if is_dataclass(section) else ():
        value = getattr(section, one.name)
        if is_dataclass(value):
            yield from web_addresses(value)
        elif isinstance(value, str) and value.startswith(("http://", "https://")):
            yield value


def _public(who: str, what: str, home: Home | None) -> Iterator[str]:
    """One rule for each version, for public addresses only; the home's own prefixes are not, whatever they are."""
    own = [delegated(one) for one in home.prefixes if one.prefixlen >= WIDEST[one.version]] if home else []
    yield f"{who} ip daddr != {ranges((*NOT_PUBLIC_IPV4, *own), 4)} {what}"
    yield f"{who} ip6 daddr {ranges(PUBLIC_IPV6, 6)} ip6 daddr != {ranges((*NOT_PUBLIC_IPV6, *own), 6)} {what}"


def _neighbours(home: Home | None) -> tuple[Network, ...]:
    """Who is at home: the card's own prefixes, unless the whole world can have an address in them."""
    return HOMELY if home is None else home.neighbourhood


def _by_version(form: str, networks: Iterable[Address | Network]) -> Iterator[str]:
    """A rule for each version of which there is an address; in ``form``, the family and the set are left open."""
    chosen = [ipaddress.ip_network(one) for one in networks]
    for version in (4, 6):
        if found := ranges(chosen, version):
            yield form.format(_family(version), found)


def _family(version: int) -> str:
    return "ip" if version == 4 else "ip6"


def _ports_of(servers: Iterable[str]) -> set[int]:
    return {split_host_port(one)[1] for one in servers}
