"""What outlives the parent process: the listening sockets, and the line by which workers know that the service lives.

systemd keeps copies of them in its file descriptor store (sd_pid_notify_with_fds(3), ``FileDescriptorStoreMax=``)
and hands them to the next process (sd_listen_fds(3)). So a restart closes no listening socket: whoever connects
meanwhile waits in the kernel's queue. And the workers of the former process know what its end means: while the store
holds the writing end of the lifeline, another process takes over and they may finish their streams; when it lets go
of it, the service was stopped.
"""

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import sdnotify

log = logging.getLogger(__name__)

# The first descriptor that systemd passes (sd_listen_fds(3), SD_LISTEN_FDS_START).
FIRST_PASSED = 3
# More descriptors than this do not fit into one message (SCM_MAX_FD in the kernel's net/scm.h is 253).
MOST_AT_ONCE = 250


class Store:
    """The service manager's file descriptor store; without one, everything ends with the process.

    Args:
        notifier: the connection to the service manager.
        inherited: names of what is in the store already.
    """

    def __init__(self, notifier: sdnotify.SystemdNotifier, inherited: Sequence[str] = ()) -> None:
        # None without a service manager; then nothing below uses it.
        self._socket: Any = notifier.socket
        # Set by systemd 254 and later for a service that has a store (systemd.exec(5)).
        room = os.environ.get("FDSTORE", "")
        self._room = int(room) if notifier.socket and room.isdecimal() else 0
        self._kept: dict[str, tuple[int, ...]] = dict.fromkeys(inherited, ())

    @property
    def keeps(self) -> bool:
        """Whether what was put into the store outlives this process."""
        return self._room > 0

    def put(self, wanted: Mapping[str, Sequence[int]]) -> None:
        """Make the store hold exactly these descriptors.

        Args:
            wanted: by name: printable ASCII without a colon, each name with one or more descriptors.
        """
        if not self.keeps:
            return
        if sum(map(len, wanted.values())) > self._room:
            log.warning(
                "The service manager keeps %d descriptors at most (FileDescriptorStoreMax=), which is too little for "
                "these ports. Streams are cut when the relay is restarted.",
                self._room,
            )
            self._give_up()
            return
        try:
            for name, kept in list(self._kept.items()):
                if name not in wanted or kept != tuple(wanted[name]):
                    self._remove(name)
            for name in wanted.keys() - self._kept.keys():
                self._add(name, wanted[name])
        except OSError as error:
            log.warning("The service manager takes no descriptors (%s). Streams are cut at a restart.", error.strerror)
            self._give_up()

    def _add(self, name: str, descriptors: Sequence[int]) -> None:
        for first in range(0, len(descriptors), MOST_AT_ONCE):
            # Not polled: an end of a pipe whose other end is closed for a moment must stay.
            message = f"FDSTORE=1\nFDPOLL=0\nFDNAME={name}".encode("ascii")
            socket.send_fds(self._socket, [message], list(descriptors[first : first + MOST_AT_ONCE]))
        self._kept[name] = tuple(descriptors)

    def _remove(self, name: str) -> None:
        self._socket.sendall(f"FDSTOREREMOVE=1\nFDNAME={name}".encode("ascii"))
        del self._kept[name]

    def _give_up(self) -> None:
        """Leave nothing behind: a lifeline that nobody ever lets go of would keep the workers from ending."""
        try:
            for name in list(self._kept):
                self._remove(name)
        except OSError:
            # Then the store is out of reach as well when this process ends, and with it the whole service.
            pass
        self._room = 0


def take_inherited() -> dict[str, list[int]]:
    """The descriptors that the service manager passed to this process, by name; they are passed on to nobody else."""
    passed = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", ""), os.environ.pop("LISTEN_FDNAMES", "")
    process, count, names = passed
    if process != str(os.getpid()) or not count.isdecimal():
        return {}
    found: dict[str, list[int]] = {}
    for offset, name in enumerate(names.split(":")[: int(count)]):
        os.set_inheritable(FIRST_PASSED + offset, False)
        found.setdefault(name, []).append(FIRST_PASSED + offset)
    return found


def lifeline(inherited: Mapping[str, Sequence[int]]) -> tuple[int, int]:
    """The pipe that every worker watches: reading end, writing end; the former process's, where there is one."""
    ends = inherited.get("life-read"), inherited.get("life-write")
    if ends[0] and ends[1]:
        return ends[0][0], ends[1][0]
    return os.pipe()
