"""The service manager's side of a restart, after sd_notify(3), sd_pid_notify_with_fds(3) and sd_listen_fds(3).

Debian 12's systemd has no ``$FDSTORE`` yet, and in a container there is often none to talk to, so the quick tests
speak its protocol; ``tests/boot/`` does the same with the card's own systemd.
"""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

# Puts the passed descriptors where systemd puts them, and becomes the service: LISTEN_PID must be its number.
AS_SYSTEMD = """
import fcntl, os, sys
count = int(sys.argv[1])
high = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 500) for one in sys.argv[2:2 + count]]
for number, one in enumerate(high):
    os.dup2(one, 3 + number)
    os.close(one)
os.closerange(3 + count, 500)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count))
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


class Manager:
    """Keeps descriptors for a service, and starts its processes with them.

    Args:
        folder: for the notification socket.
        room: how many descriptors it keeps (``FileDescriptorStoreMax=``).
    """

    def __init__(self, folder: Path, room: int = 1024) -> None:
        self.store: dict[str, list[int]] = {}
        self.messages: list[str] = []
        self._room = room
        self._address = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._address))
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while True:
            message, passed, _, _ = socket.recv_fds(self._socket, 4096, 253)
            fields = dict(line.split("=", 1) for line in message.decode().splitlines())
            name = fields.get("FDNAME", "stored")
            self.messages.append(message.decode())
            if "END" in fields:
                return
            if "FDSTORE" in fields:
                self.store.setdefault(name, []).extend(passed)
            if "FDSTOREREMOVE" in fields:
                self._close(self.store.pop(name, []))

    @staticmethod
    def _close(descriptors: list[int]) -> None:
        for one in descriptors:
            os.close(one)

    def launch(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the service with everything that is in the store."""
        passed = [(name, one) for name, some in self.store.items() for one in some]
        numbers = [one for _, one in passed]
        names = ":".join(name for name, _ in passed)
        environment = {**os.environ, "NOTIFY_SOCKET": str(self._address), "FDSTORE": str(self._room)}
        return subprocess.Popen(
            [sys.executable, "-c", AS_SYSTEMD, str(len(passed)), *map(str, numbers), *command],
            stdout=log,
            stderr=log,
            pass_fds=numbers,
            env={**environment, "LISTEN_FDNAMES": names},
        )

    def release(self) -> None:
        """Close what the service left: what systemd does when a service was stopped and is not to start again."""
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"END=1", str(self._address))
            self._thread.join()
            self._socket.close()
        while self.store:
            self._close(self.store.popitem()[1])
