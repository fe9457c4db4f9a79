"""Which program holds a port: so that "port in use" can say by whom.

``/proc/net/tcp`` names a socket's inode, and whoever has ``socket:[inode]`` among its open files holds it (proc(5)).
The second half needs root or the same user; without it the port's holder stays unnamed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
# TCP_LISTEN of the kernel's include/net/tcp_states.h, as /proc/net/tcp writes it.
LISTENING = "0A"


def holder_of(port: int) -> str | None:
    """The name of the program that listens on a TCP port of this device.

    Args:
        port: its number.

    Returns:
        The program's name as the kernel keeps it (at most 15 characters), or None when nobody listens there or
        this process may not look.
    """
    tables = (_lines(PROC / "net" / table) for table in ("tcp", "tcp6"))
    inodes = {inode for lines in tables for inode in listening_inodes(lines, port)}
    return _program_with(inodes) if inodes else None


def is_held(port: int) -> bool:
    """Whether any program listens on a TCP port of this device."""
    return any(listening_inodes(_lines(PROC / "net" / table), port) for table in ("tcp", "tcp6"))


def listening_inodes(lines: Iterable[str], port: int) -> set[str]:
    """The inodes of the sockets that listen on a port.

    Args:
        lines: of ``/proc/net/tcp`` or ``tcp6``, its head line included.
        port: its number.
    """
    found = set()
    for line in lines:
        words = line.split()
        # sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
        if len(words) > 9 and words[3] == LISTENING and words[1].rpartition(":")[2] == f"{port:04X}":
            found.add(words[9])
    return found


def _program_with(inodes: set[str]) -> str | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in _folder(PROC):
        if not process.name.isdigit():
            continue
        for descriptor in _folder(process / "fd"):
            try:
                if str(descriptor.readlink()) in wanted:
                    return (process / "comm").read_text(errors="replace").strip() or None
            except OSError:
                # The file was closed or the process ended while we looked.
                continue
    return None


def _folder(path: Path) -> Iterator[Path]:
    try:
        yield from path.iterdir()
    except OSError:
        return


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii", errors="replace").splitlines()
    except OSError:
        return []
