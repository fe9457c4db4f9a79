"""HAProxy's configuration with the reference's values, for whoever runs it beside porchlight."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """One listener with the upstream behind it.

    Args:
        name: of the section.
        binds: where it listens, with options (``192.0.2.1:443 ssl crt FILE``).
        server: the upstream's address and port, with options (``198.51.100.10:5222 send-proxy``).
    """

    name: str
    binds: tuple[str, ...]
    server: str


def configuration(
    sections: Iterable[Section], *, maxconn: int, bufsize: str = "4096", idle: float = 200.0, more: str = ""
) -> str:
    """The whole file.

    Args:
        sections: the listeners.
        maxconn: how many connections at the same time.
        bufsize: of one direction of a stream, in bytes.
        idle: seconds without a byte after which a stream is ended.
        more: a further line for the defaults.
    """
    listeners = "\n".join(
        f"listen {one.name}\n"
        + "".join(f"    bind {bind}\n" for bind in one.binds)
        + f"    server upstream {one.server} check"
        for one in sections
    )
    return f"""
global
    nbthread 1
    maxconn {maxconn}
    maxpipes 50
    tune.bufsize {bufsize}
defaults
    mode tcp
    {more}
    timeout connect 5s
    timeout client {round(idle * 1000)}ms
    timeout server {round(idle * 1000)}ms
    timeout client-fin 1s
    timeout server-fin 1s
    backlog 4096
    default-server inter 60s
{listeners}
"""
