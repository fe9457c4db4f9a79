"""Every setting of porchlight, declared once: the file, the page, the help and the checks all come from here.

A setting is a dataclass field whose metadata carries its kind and its explanation. A new setting is one more field.
"""

from dataclasses import Field, dataclass, field
from typing import Any

from appliance.name import providers
from appliance.settings import kinds
from appliance.settings.kinds import Kind


def _setting(default: Any, kind: Kind, about: str, *, on_page: bool = False) -> Any:
    """Declare one setting.

    Args:
        default: its value when nobody sets it.
        kind: what values it takes.
        about: what it does, for somebody who reads the settings file; lines are kept.
        on_page: whether the setup page may save it.
    """
    return field(default=default, metadata={"kind": kind, "about": about, "on_page": on_page})


def _section(section: type, about: str) -> Any:
    return field(default_factory=section, metadata={"section": section, "about": about})


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Where the relay takes people to: ``[relay.upstream]``."""

    chat: tuple[str, ...] = _setting(
        ("g.whatsapp.net:5222", "g-fallback.whatsapp.net:5222"),
        kinds.upstreams,
        "WhatsApp's chat servers, tried in this order.",
    )
    http: tuple[str, ...] = _setting(
        ("g.whatsapp.net:80", "g-fallback.whatsapp.net:80"),
        kinds.upstreams,
        "The same servers for chat that arrives on port 80 (or 8080).",
    )
    media: tuple[str, ...] = _setting(
        ("whatsapp.net:443",), kinds.upstreams, "WhatsApp's servers for pictures, voice messages and calls."
    )
    allow_private: bool = _setting(
        False,
        kinds.flag,
        "Allow addresses inside a home network as destination. Only for tests and labs:\n"
        "with true, a forged name lookup could turn the relay against your own network.",
    )


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How the relay listens and what it may use: ``[relay]``."""

    enabled: bool = _setting(
        True,
        kinds.flag,
        "Whether to relay at all. With false everybody who is connected is let go within seconds, and nobody else can\n"
        "connect, until it is true again.",
        on_page=True,
    )
    chat_tls_port: int = _setting(
        443, kinds.port_or_off, "The port for chat inside TLS. The app uses 443 unless told otherwise. 0 turns it off."
    )
    chat_ports: tuple[int, ...] = _setting((5222, 80), kinds.ports, "Ports for chat without the extra TLS.")
    media_ports: tuple[int, ...] = _setting(
        (587, 7777),
        kinds.ports,
        "Ports for pictures, voice messages and calls. The app uses 587 unless told otherwise.",
    )
    balancer_ports: tuple[int, ...] = _setting(
        (),
        kinds.ports,
        "Ports behind a load balancer of your own, which puts a PROXY header (v1 or v2) before each connection.\n"
        "A connection without it is refused. A port that also stands in another list carries what that list says;\n"
        "any other chat, with TLS or without. Only for the home network: never forward such a port in your router.",
    )
    listen: tuple[str, ...] = _setting(
        ("0.0.0.0", "::"),
        kinds.addresses,
        'This device\'s addresses to listen on. "0.0.0.0" and "::" mean all of them.',
    )
    send_proxy: str = _setting(
        "v1",
        kinds.choice("v1", "v2", "off"),
        "Tell WhatsApp each person's address, as a direct connection would (PROXY protocol, chat only).\n"
        'With "off" everybody seems to come from your home.',
    )
    foreign_sni: str = _setting(
        "allow",
        kinds.choice("allow", "refuse"),
        "What to do on the media ports with a connection that asks for a server that is not WhatsApp's, or for none.\n"
        'It reaches only WhatsApp anyway, and a later app may ask in another way. "refuse" turns such people away.',
    )
    max_connections: int = _setting(
        0,
        kinds.whole_number(0, 1_000_000, "a whole number, 0 for automatic"),
        "How many connections at the same time. 0 chooses by this device's memory, 27500 at most.",
        on_page=True,
    )
    max_connections_per_address: int = _setting(
        1000,
        kinds.whole_number(1, 1_000_000, "a whole number from 1 to 1000000"),
        "How many of them from one address. Many people can share one address at a mobile provider. When the relay is\n"
        "more than half full, neighbouring addresses share an eighth of it. More than 27500 here switches that off,\n"
        "for a router that shows the relay its own address in place of everybody's.",
    )
    idle_timeout: float = _setting(
        200.0, kinds.seconds(1, 86400), "Seconds without a byte in either direction after which a connection is closed."
    )
    rate_limit: int = _setting(
        0,
        kinds.whole_number(0, 10_000_000_000, "a whole number of bytes a second, 0 for no limit"),
        "Bytes a second for the whole relay, both directions added up. 0 means no limit. All that is relayed leaves\n"
        "your home by the upload, so this is what the relay takes of that: 125000 is 1 Mbit/s. Each connection gets\n"
        "the same share, whoever needs little is not held up, and what began without a limit goes on without one.",
        on_page=True,
    )
    web_directory: str = _setting(
        "",
        kinds.folder,
        "A folder with a web page of your own (index.html, pictures), which browsers are shown instead of the neutral\n"
        "page, so that your relay looks like any small site. Everybody can see all of it. At most 4 MB, read when the\n"
        "relay starts. File names in plain letters. A name without a slash before it is a folder beside this file.",
    )
    monthly_quota: int = _setting(
        0,
        kinds.data,
        'How much data in a calendar month, such as "200 GB"; 0 means no limit. When it is used up, nobody can\n'
        "connect until the first of the next month. Each relayed byte counts twice, since it passes your line twice:\n"
        "in and out. The line itself adds some percent to that, so stay a tenth below what your contract allows.",
        on_page=True,
    )
    workers: int = _setting(
        0, kinds.whole_number(0, 64, "a whole number from 0 to 64"), "Relay processes. 0: as many as are needed."
    )
    upstream: UpstreamSettings = _section(
        UpstreamSettings, "Where people are taken to. There is no reason to change this outside a test."
    )


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """What people outside are told: ``[share]``."""

    domain: str = _setting(
        "",
        kinds.domain,
        "The name (or address) under which your home is reached from outside, such as relay.example.org.\n"
        "It goes into the link that you share.",
        on_page=True,
    )
    chat_port: int = _setting(443, kinds.port, "The chat port in the link, as your router opens it.", on_page=True)
    media_port: int = _setting(587, kinds.port, "The media port in the link, as your router opens it.", on_page=True)


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """Opening ports in the home router: ``[router]``."""

    open_ports: bool = _setting(
        False,
        kinds.flag,
        "Ask the router to open the ports 443 and 587 for the relay, by PCP, NAT-PMP or UPnP (docs/router.md).\n"
        "They are closed again when the relay's device is switched off properly, or when this is false.",
        on_page=True,
    )
    also: tuple[int, ...] = _setting(
        (),
        kinds.ports,
        "Further ports to open, such as [5222, 80, 7777]. Only ports on which the relay listens, never that of the\n"
        "setup page and none of balancer_ports.",
        on_page=True,
    )
    outside_look: tuple[str, ...] = _setting(
        ("stun.cloudflare.com:3478", "stun.nextcloud.com:443", "stun.l.google.com:19302"),
        kinds.servers,
        "Servers (STUN) that are asked under which address your home appears outside, the first that answers counts.\n"
        "They learn that address and nothing else, and only while open_ports is true. An empty list asks nobody.",
    )


@dataclass(frozen=True, slots=True)
class NameSettings:
    """A name that follows the home's address: ``[name]``."""

    provider: str = _setting(
        "",
        kinds.one_of(providers.KEYS, "a provider of docs/names.md, or empty for none"),
        "Who gives your home a name that follows its address, such as duckdns.org; empty for nobody. The password is\n"
        "entered on the setup page, and never stands in this file.",
        on_page=True,
    )
    hostname: str = _setting(
        "", kinds.domain, "The name that the provider gave you. Empty: the one in [share].", on_page=True
    )
    update_url: str = _setting(
        "",
        kinds.secret(kinds.web_address(secret=True)),
        'Only for provider = "custom": where to tell it an address. %h stands for the name, %i for the address.',
        on_page=True,
    )
    check_ip: str = _setting(
        "",
        kinds.web_address(secret=False),
        "A web page that says from which address it was asked. Empty: the provider's own, or that of inadyn.",
    )


@dataclass(frozen=True, slots=True)
class CertificateSettings:
    """The relay's certificate: ``[certificate]``."""

    kind: str = _setting(
        "self-signed",
        kinds.choice("self-signed", "public"),
        '"self-signed" works with the app, and nobody has to be asked. "public" gets one from an authority that\n'
        "browsers trust, for the name in [share]: your relay then looks like an ordinary site, and the name stands\n"
        "for ever in public lists of certificates. Port 80 must be open in your router for that.",
        on_page=True,
    )
    email: str = _setting(
        "", kinds.email, "Where the authority may write to when something is wrong. It may stay empty.", on_page=True
    )
    authority: str = _setting(
        "https://acme-v02.api.letsencrypt.org/directory",
        kinds.web_address(secret=True),
        "The authority's ACME directory. The default is Let's Encrypt, whose terms of service you accept by asking\n"
        "for a certificate: https://letsencrypt.org/repository/",
    )
    authority_roots: str = _setting(
        "",
        kinds.folder,
        "A file with the certificates by which the authority itself is known. Only for tests and labs.",
    )


@dataclass(frozen=True, slots=True)
class PageSettings:
    """The setup page: ``[page]``."""

    port: int = _setting(8199, kinds.port, "The port of the setup page. Never forward it in your router.")
    listen: tuple[str, ...] = _setting(
        (), kinds.addresses, "Addresses for the setup page. Empty means every address on the home network."
    )
    allow_gateway: bool = _setting(
        False,
        kinds.flag,
        "Show the setup page to the router's own address too. Some routers pass strangers on under that address,\n"
        "so leave this false unless the computer that you sit at is itself the router of this device.",
    )
    claim_code: str = _setting(
        "",
        kinds.secret(kinds.claim_code),
        "The code that the setup page asks for the first time. Write one of your own here before the first start\n"
        "(at least 8 characters), or leave it empty: then porchlight makes one and writes it to CLAIM-CODE.txt,\n"
        "beside this file, and to a screen on the HDMI port.",
    )
    language: str = _setting(
        "",
        kinds.language,
        "The language of the setup page: en, fr, es, pt, de, ar, fa, ru, uk, tr, zh_Hans or my. Empty means that the\n"
        "browser decides.",
        on_page=True,
    )
    factory_reset: str = _setting(
        "",
        kinds.word,
        "Write a new word here, any will do, and start porchlight again: everything that was saved is forgotten, the\n"
        "password and what the setup page has set included. This file stays. Each word works once.",
    )


@dataclass(frozen=True, slots=True)
class LightsSettings:
    """The lights: ``[lights]``."""

    enabled: bool = _setting(
        True,
        kinds.flag,
        "Whether to use the lights: those on the GPIO pins (docs/lights.md says which) and the board's own.",
    )
    board_light: bool = _setting(
        True,
        kinds.flag,
        "Whether the small green light on the board itself (ACT) says how porchlight is doing too, by its rhythm.\n"
        "With false it is left as it is.",
    )
    brightness: int = _setting(
        100,
        kinds.whole_number(1, 100, "a whole number from 1 to 100"),
        "How bright the lights on the pins are, in per cent. Less than 100 costs a little of the processor.",
        on_page=True,
    )
    night: str = _setting(
        "on",
        kinds.choice("on", "dim", "off"),
        'What the lights do at night: stay "on", "dim", or "off". Off means that they show no trouble either.',
        on_page=True,
    )
    night_from: str = _setting("22:00", kinds.time_of_day, "When the night begins.", on_page=True)
    night_to: str = _setting("07:00", kinds.time_of_day, "When it ends.", on_page=True)
    time_zone: str = _setting(
        "",
        kinds.time_zone,
        'Whose clock that is, such as "Europe/Vienna". Empty means universal time (UTC).',
        on_page=True,
    )
    soft: bool = _setting(
        False,
        kinds.flag,
        "Whether the lights on the pins swell and fade instead of switching. Costs a little of the processor.",
    )
    green_gpio: int = _setting(
        0, kinds.gpio, "Another pin for the green light (its GPIO number). 0 means the usual one."
    )
    amber_gpio: int = _setting(0, kinds.gpio, "Another pin for the amber light.")
    red_gpio: int = _setting(0, kinds.gpio, "Another pin for the red light.")
    active_low: bool = _setting(
        False, kinds.flag, "Whether the lights hang between their pins and 3.3 V, so that a low pin lights them."
    )
    rgb: str = _setting(
        "off",
        kinds.choice("off", "common-cathode", "common-anode"),
        "Whether one light of three colours takes the place of the three: its green at the green light's pin, its red\n"
        'at the red one\'s. "common-cathode" has its fourth leg at ground, "common-anode" at 3.3 V.',
    )
    button_gpio: int = _setting(
        0,
        kinds.gpio,
        "The pin of a button to ground, by its GPIO number (docs/lights.md says which, and what it does).\n"
        "0 means that there is none.",
    )


@dataclass(frozen=True, slots=True)
class WifiSettings:
    """The home's Wi-Fi: ``[wifi]``."""

    country: str = _setting(
        "", kinds.country, 'The country that the device is in, such as "DE", whose rules its radio then keeps.'
    )
    ssid: str = _setting(
        "", kinds.wifi_name, "The network's name (SSID), exactly as your router has it. Empty leaves the radio off."
    )
    password: str = _setting(
        "",
        kinds.secret(kinds.wifi_password),
        "Its password. At the first start porchlight writes a key of 64 digits in its place, from which nobody can\n"
        "read the password, and which opens this one network. With another name, write the password here again.",
    )


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """Newer versions: ``[update]``."""

    enabled: bool = _setting(
        True,
        kinds.flag,
        "Whether new versions are looked for and installed by themselves, security fixes among them. A version that\n"
        "does not work on this device gives way to the former one by itself. With false nobody is asked for anything.",
        on_page=True,
    )
    hour: int = _setting(
        2,
        kinds.whole_number(0, 23, "an hour from 0 to 23"),
        "The quiet hour in which that happens, since nobody is relayed for about two minutes. UTC, which is London's\n"
        "time in winter.",
        on_page=True,
    )
    feed: str = _setting(
        "",
        kinds.https_address,
        "The web address of the file that says which version there is. Empty means where this card comes from.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings together. The default of every one is what a freshly flashed card does."""

    relay: RelaySettings = _section(RelaySettings, "The relay itself.")
    share: ShareSettings = _section(ShareSettings, "What you send to the people who need it.")
    router: RouterSettings = _section(RouterSettings, "Opening ports in your home router.")
    name: NameSettings = _section(NameSettings, "A free name that follows the address of your home.")
    certificate: CertificateSettings = _section(CertificateSettings, "The certificate that the relay shows.")
    page: PageSettings = _section(PageSettings, "The setup page on your home network.")
    lights: LightsSettings = _section(LightsSettings, "The lights.")
    wifi: WifiSettings = _section(WifiSettings, "Wi-Fi, for a device without a network cable: that one is preferred.")
    update: UpdateSettings = _section(UpdateSettings, "Newer versions.")


def is_section(declared: "Field[Any]") -> bool:
    """Whether a field of one of the classes above is a table of further settings."""
    return "section" in declared.metadata
