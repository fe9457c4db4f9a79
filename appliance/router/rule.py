"""Which ports the router may be asked to open. No input or output: the one gate that every request passes.

The setup page must never be reachable from outside, nor a port whose PROXY header is believed.
"""

from dataclasses import dataclass

from appliance.relay.ports import Port, ports_of
from appliance.settings.declared import PageSettings, Settings

# What the apps use unless told otherwise: chat inside TLS, and media. Anything else the owner has to ask for.
USUAL = (443, 587)
# The page's port on every card, even where the settings have moved the page elsewhere.
PAGE_PORT = PageSettings().port


@dataclass(frozen=True, slots=True)
class Wish:
    """What the settings come to.

    Args:
        ports: TCP ports to open; the router's port and this device's are always the same number.
        refused: ports that the owner asked for and that stay shut.
    """

    ports: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()


def may_open(port: int, settings: Settings) -> bool:
    """Whether a port may ever be opened in the router.

    Only what the relay listens on, and never the page's port, 8199, or one of ``balancer_ports``.
    """
    if port in (settings.page.port, PAGE_PORT) or port in settings.relay.balancer_ports:
        return False
    return any(port == one.number for one in ports_of(settings.relay))


def further(settings: Settings) -> tuple[Port, ...]:
    """The ports beside the usual ones that the owner may ask for."""
    return tuple(one for one in ports_of(settings.relay) if one.number not in USUAL and may_open(one.number, settings))


def wish_of(settings: Settings) -> Wish:
    """The ports to open: 443 and 587 as far as the relay listens there, and those of ``also``.

    Nothing as long as the owner has not said so.
    """
    if not settings.router.open_ports:
        return Wish()
    usual = [port for port in USUAL if may_open(port, settings)]
    also = list(dict.fromkeys(settings.router.also))
    allowed = [port for port in also if may_open(port, settings)]
    return Wish(tuple(dict.fromkeys((*usual, *allowed))), tuple(port for port in also if port not in allowed))
