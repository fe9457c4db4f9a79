"""Who gives a home a name: the providers that inadyn 2.11 (Debian trixie) speaks with, the five most useful first.

"Useful" means: free for one name, sign-up by a person without a shell, updates by HTTPS, and a name that points to the
home within a minute or so. docs/names.md compares them.

Two of the five stand here as an address instead of one of inadyn's plugins: its plugin for dynv6 sends a damaged
request (2.11: no blank between the token and "HTTP/1.0"), and the one for deSEC puts the password into the address.
"""

import re
from dataclasses import dataclass

from appliance.text import Text, text

# What a token may hold where inadyn puts it into a web address without encoding it.
TOKEN = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
CUSTOM = "custom"

TOKEN_LABEL = text("Token")
PASSWORD_LABEL = text("Password")
USER_LABEL = text("User name")


@dataclass(frozen=True, slots=True)
class Update:
    """How to tell a provider an address where inadyn needs to be told (inadyn.conf(5), ``custom``).

    Args:
        url: ``%h`` stands for the name, ``%i`` for the address, ``%u`` for user name, ``%p`` for password.
        answers: what the provider's answer holds when all is well; inadyn's own list when empty.
    """

    url: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    Args:
        key: its name in the settings.
        title: its name for people.
        register: the page where somebody gets a name.
        plugin: its name in inadyn; empty where ``update`` says how to do it.
        update: how to do it without a plugin.
        steps: what to do there, in plain words.
        example: a name as it gives them.
        user_label: what it calls the user name; None where it needs none.
        secret_label: what it calls the password.
        username: what inadyn gets as user name: ``user``, ``secret`` or ``host``.
        check_ip: a page of its own that says the outer address, where inadyn knows none.
        token: whether the secret goes into the web address, so that only ``TOKEN`` may stand in it.
    """

    key: str
    title: str
    register: str
    plugin: str = ""
    update: Update | None = None
    steps: tuple[Text, ...] = ()
    example: str = "relay.example.org"
    user_label: Text | None = USER_LABEL
    secret_label: Text = PASSWORD_LABEL
    username: str = "user"
    check_ip: str = ""
    token: bool = False


FIRST = (
    Provider(
        "duckdns.org",
        "Duck DNS",
        "https://www.duckdns.org/",
        plugin="default@duckdns.org",
        steps=(
            text("Sign in on the provider's page with one of the accounts that it offers."),
            text("Type a name of your choice and add the domain."),
            text("Copy the token at the top of that page, and paste it here."),
        ),
        example="example.duckdns.org",
        user_label=None,
        secret_label=TOKEN_LABEL,
        username="secret",
        token=True,
    ),
    Provider(
        "desec.io",
        "deSEC (dedyn.io)",
        "https://desec.io/signup",
        update=Update("https://update.dedyn.io/?hostname=%h&myipv4=%i", ("good", "nochg")),
        steps=(
            text("Make an account with your e-mail address, and ask for a name under dedyn.io."),
            text("Follow the link in the e-mail. Make a token there, and copy it: it is shown only once."),
            text("Paste the token here."),
        ),
        example="example.dedyn.io",
        user_label=None,
        secret_label=TOKEN_LABEL,
        username="host",
        check_ip="https://checkipv4.dedyn.io/",
    ),
    Provider(
        "dynv6.com",
        "dynv6",
        "https://dynv6.com/users/sign_up",
        update=Update(
            "https://ipv4.dynv6.com/api/update?hostname=%h&token=%p&ipv4=%i",
            ("addresses updated", "addresses unchanged"),
        ),
        steps=(
            text("Make an account with your e-mail address, and follow the link in the e-mail."),
            text("Make a zone with a name of your choice."),
            text("Copy the token from its page of instructions, and paste it here."),
        ),
        example="example.dynv6.net",
        user_label=None,
        secret_label=TOKEN_LABEL,
        token=True,
    ),
    Provider(
        "freedns.afraid.org",
        "FreeDNS (afraid.org)",
        "https://freedns.afraid.org/signup/",
        plugin="default@freedns.afraid.org",
        steps=(
            text("Make an account with your e-mail address, and follow the link in the e-mail."),
            text("Add a subdomain of type A, with any address."),
            text("Enter the user name and password of that account here."),
        ),
        example="example.mooo.com",
    ),
    Provider(
        "noip.com",
        "No-IP",
        "https://www.noip.com/sign-up",
        plugin="default@no-ip.com",
        steps=(
            text("Make an account with your e-mail address and a host name of your choice."),
            text("Follow the link in the e-mail. The free name has to be confirmed by e-mail every 30 days."),
            text("Enter the user name (or e-mail address) and the password of that account here."),
        ),
        example="example.ddns.net",
    ),
)

_ANY_STEPS = (
    text("Get a name from the provider."),
    text("Enter here what the provider gives you for updates: often this is not the password of its web page."),
)


def _other(
    domain: str,
    title: str = "",
    *,
    web: str = "",
    plugin: str = "",
    user_label: Text = USER_LABEL,
    secret_label: Text = PASSWORD_LABEL,
) -> Provider:
    return Provider(
        domain,
        title or domain,
        web or f"https://www.{domain}/",
        plugin=plugin or f"default@{domain}",
        steps=_ANY_STEPS,
        user_label=user_label,
        secret_label=secret_label,
    )


# Left out of inadyn's list: services that have closed (domains.google.com), that give no name (opendns.com,
# dnsomatic.com, tunnelbroker.net), and second spellings of one in the list.
OTHERS = (
    Provider(
        "freemyip.com",
        "freemyip.com",
        "https://freemyip.com/",
        plugin="default@freemyip.com",
        steps=(
            text("Choose a name on the provider's page; it needs no account."),
            text("Copy the token from the address that it shows, and keep it: nobody can give it to you again."),
            text("Paste the token here."),
        ),
        example="example.freemyip.com",
        user_label=None,
        secret_label=TOKEN_LABEL,
        token=True,
    ),
    _other("dynu.com", "Dynu"),
    _other("ddnss.de", web="https://ddnss.de/"),
    _other("nsupdate.info", plugin="ipv4@nsupdate.info"),
    _other("spdyn.de", web="https://spdyn.de/"),
    _other("dy.fi"),
    _other("goip.de"),
    _other("dnshome.de"),
    _other("twodns.de"),
    _other("myonlineportal.net", web="https://myonlineportal.net/"),
    _other("mydns.jp"),
    _other("duiadns.net"),
    _other("dhis.org"),
    _other("dyndns.org", "Dyn", web="https://account.dyn.com/"),
    _other("easydns.com"),
    _other("dnsexit.com", web="https://dnsexit.com/"),
    _other("dnsmadeeasy.com", web="https://dnsmadeeasy.com/"),
    _other("dnsmax.com"),
    _other("thatip.com"),
    _other("zoneedit.com"),
    _other("changeip.com"),
    _other("sitelutions.com"),
    _other("he.net", "Hurricane Electric", web="https://dns.he.net/"),
    _other("cloudflare.com", "Cloudflare", user_label=text("Zone"), secret_label=TOKEN_LABEL),
    _other("ovh.com", "OVH"),
    _other("strato.com"),
    _other("loopia.com"),
    _other("selfhost.de"),
    _other("namecheap.com"),
    _other("joker.com", web="https://joker.com/"),
    _other("inwx.com", "INWX"),
    _other("infomaniak.com"),
    _other("all-inkl.com", web="https://all-inkl.com/"),
    _other("core-networks.de"),
    _other("do.de", "Domain-Offensive"),
    _other("domopoli.de", plugin="default@domopoli"),
    _other("domaindiscount24.com"),
    _other("moniker.com"),
    _other("itsdns.de"),
    _other("regfish.de"),
    _other("schokokeks.org", web="https://schokokeks.org/"),
    _other("simply.com"),
    _other("udmedia.de"),
    _other("variomedia.de"),
    _other("dnsever.com"),
    _other("dnspod.cn"),
    _other("oray.com"),
    _other("3322.org", web="https://www.pubyun.com/"),
    _other("gira.de", web="https://geraeteportal.gira.de/"),
    _other("dyndns.it"),
)

OWN = Provider(
    CUSTOM,
    "",
    "",
    steps=(
        text("Look up the update address in your provider's manual; it often looks like that of dyndns2."),
        text("Write %(host)s where your name goes and %(address)s where the address goes.", host="%h", address="%i"),
    ),
)

ALL = (*FIRST, *OTHERS, OWN)
BY_KEY = {one.key: one for one in ALL}
KEYS = tuple(BY_KEY)


# The third choice beside a provider's name and a domain of one's own: what it means to do without a name.
NO_NAME = (
    text("The link then holds the numeric address of your home."),
    text(
        "Most homes get a new address now and then, some every night. From that moment on the link leads nowhere, and "
        "everybody needs a new one from you."
    ),
)
