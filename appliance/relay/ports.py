"""What each port carries, from the settings. No input or output."""

from dataclasses import dataclass

from appliance.settings.declared import RelaySettings

# The reference relays chat on port 80, and on 8080 behind a balancer, to the upstream's port 80.
PORTS_TO_HTTP_UPSTREAM = (80, 8080)


@dataclass(frozen=True, slots=True)
class Port:
    """One listening port.

    Args:
        number: the port.
        carries: ``chat-tls``, ``chat``, ``media``, or ``chat-any`` where the first byte tells whether it is TLS.
        group: which upstreams its connections go to: ``chat``, ``http`` or ``media``.
        needs_header: whether a connection must begin with a PROXY header.
    """

    number: int
    carries: str
    group: str
    needs_header: bool


def ports_of(settings: RelaySettings) -> tuple[Port, ...]:
    """Every port that the settings ask for, each once; the first list that names it decides what it carries."""
    wanted = [(settings.chat_tls_port, "chat-tls")] if settings.chat_tls_port else []
    wanted += [(number, "chat") for number in settings.chat_ports]
    wanted += [(number, "media") for number in settings.media_ports]
    wanted += [(number, "chat-any") for number in settings.balancer_ports]
    found: dict[int, Port] = {}
    for number, carries in wanted:
        if number not in found:
            group = "media" if carries == "media" else "http" if number in PORTS_TO_HTTP_UPSTREAM else "chat"
            if carries == "chat-tls":
                group = "chat"
            found[number] = Port(number, carries, group, number in settings.balancer_ports)
    return tuple(found.values())


def groups_of(ports: tuple[Port, ...]) -> tuple[str, ...]:
    """The upstream groups that these ports need, chat always first."""
    return tuple(group for group in ("chat", "http", "media") if any(port.group == group for port in ports))


def looked_at(settings: RelaySettings) -> tuple[int, int]:
    """Where the judge of a new system looks (appliance/update/probe.py), and the firewall lets it.

    Returns:
        A port for chat inside TLS and one for media; 0 where there is none, or only one behind a balancer, which takes
        nobody without a PROXY header.
    """
    free = [one for one in ports_of(settings) if not one.needs_header]
    chat, media = (next((one.number for one in free if one.carries == what), 0) for what in ("chat-tls", "media"))
    return chat, media
