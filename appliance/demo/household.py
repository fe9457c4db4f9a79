"""What the demo needs before anything runs: free ports, a settings file, and folders of its own."""

import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from appliance.demo.upstream import HOST
from appliance.errors import PorchlightError
from appliance.paths import Paths
from appliance.settings.load import load
from appliance.settings.save import save

SETTINGS = """\
# The demo's settings, written anew whenever it starts. Everything happens on this computer.

[relay]
listen = ["{host}"]
chat_tls_port = {ports.chat_tls}
chat_ports = [{ports.chat}]
media_ports = [{ports.media}]

[relay.upstream]
# The demo's own stand-in for WhatsApp's servers.
chat = ["{host}:{ports.upstream_chat}"]
http = ["{host}:{ports.upstream_chat}"]
media = ["{host}:{ports.upstream_media}"]
allow_private = true

[page]
listen = ["{host}"]
port = {ports.page}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """The demo's ports, none of which needs any privilege; the defaults are taken if they are free."""

    chat_tls: int = 8443
    chat: int = 5222
    media: int = 8587
    page: int = 8199
    upstream_chat: int = 0
    upstream_media: int = 0


def free_ports(wanted: Ports | None = None) -> Ports:
    """Ports that nobody uses: the wanted ones where possible, any other where not.

    Raises:
        PorchlightError: not a single port is free.
    """
    wanted = wanted or Ports()
    held: list[socket.socket] = []
    try:
        # All are held until all are found, so that no two are the same.
        return Ports(*(_hold(getattr(wanted, name), held) for name in Ports.__dataclass_fields__))
    finally:
        for one in held:
            one.close()


def _hold(port: int, held: list[socket.socket]) -> int:
    for candidate in (port, 0):
        try:
            listener = socket.create_server((HOST, candidate))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise PorchlightError(
                    f"No port can be opened on {HOST} ({error.strerror}).", "The demo cannot start."
                ) from error
            continue
        held.append(listener)
        return int(listener.getsockname()[1])
    raise PorchlightError(f"There is no free port on {HOST}.", "The demo cannot start.", "End some other programs.")


def set_up(folder: Path, ports: Ports) -> Paths:
    """Make the demo's settings and folders; what an earlier demo saved in the folder is kept.

    Args:
        folder: exists.
        ports: from ``free_ports``.

    Raises:
        PorchlightError: the folder cannot be written to.
    """
    paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
    try:
        paths.owner_file.write_text(SETTINGS.format(host=HOST, ports=ports))
        for one in (paths.relay_status.parent, paths.lights_status.parent):
            one.mkdir(parents=True, exist_ok=True)
        # Saved as the page saves it and not fixed in the file, so that it can be changed on the page.
        known = load(paths).settings.share.domain
        save(
            paths,
            {"share.domain": known or HOST, "share.chat_port": ports.chat_tls, "share.media_port": ports.media},
        )
    except OSError as error:
        raise PorchlightError(
            f"The folder {folder} cannot be written to ({error.strerror}).",
            "The demo cannot start.",
            "Choose another one with --folder.",
        ) from error
    return paths
