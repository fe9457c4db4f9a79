"""``porchlight relay`` that can be looked into: its first worker tells, on a socket, what it holds at this moment.

    python -m tests.relay.glass relay --settings FILE ...

Nothing of the relay is changed; one more watcher stands beside its own. What existed before the worker began to serve
does not count: the worker itself has put that aside (``gc.freeze``).
"""

import gc
import json
import os
import socket
import subprocess
import sys
from _ssl import _SSLSocket  # type: ignore[attr-defined]
from collections import Counter
from pathlib import Path
from typing import IO, Any

from gevent import Greenlet, get_hub
from greenlet import greenlet

from appliance.relay import worker
from appliance.relay.client_hello import Reader
from appliance.relay.connection import Connection
from appliance.relay.delivery import Delivery
from appliance.relay.dial import Dial
from appliance.relay.opening import Opening
from appliance.relay.rate import Metered, MeteredDecrypting, MeteredEncrypting
from appliance.relay.stream import READ, DecryptingFlow, EncryptingFlow, Flow, Stream
from appliance.relay.tls import Secured
from tests.relay.running import Launch

SOCKET = "PORCHLIGHT_GLASS"
# By whose absence one sees that nothing is left: a buffer has to be held by one of them.
STREAMS = tuple(one.__name__ for one in (Connection, DecryptingFlow, EncryptingFlow, Flow, Secured, Stream, _SSLSocket))
METERED = tuple(one.__name__ for one in (Metered, MeteredDecrypting, MeteredEncrypting))
OPENINGS = tuple(one.__name__ for one in (Delivery, Dial, Opening, Reader))
WATCHED = (*STREAMS, *METERED, *OPENINGS, Greenlet.__name__, greenlet.__name__, "io", "memoryview", "socket")


def holdings() -> dict[str, int]:
    """Descriptors, and how many there are of each kind of object that can hold something."""
    gc.collect()
    found = Counter(type(one).__name__ for one in gc.get_objects())
    return {"descriptors": len(os.listdir("/proc/self/fd")), **{name: found[name] for name in WATCHED if found[name]}}


class GlassWorker(worker.Worker):
    """A worker with a window."""

    def run(self, *arguments: Any) -> None:
        """Serve as always, and answer whoever connects to the window."""
        window = socket.socket(socket.AF_UNIX)
        window.bind(os.environ[SOCKET])
        window.listen()
        watcher = get_hub().loop.io(window.fileno(), READ)
        watcher.start(self._answer, window)
        super().run(*arguments)

    @staticmethod
    def _answer(window: socket.socket) -> None:
        found = holdings()
        asking, _ = window.accept()
        with asking:
            asking.sendall(json.dumps(found).encode())


def through_glass(window: Path) -> Launch:
    """How a relay is started so that it can be looked into.

    Args:
        window: where the socket will be.
    """

    def launch(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        glazed = [__name__ if word == "appliance" else word for word in command]
        return subprocess.Popen(glazed, stderr=log, stdout=log, env={**os.environ, SOCKET: str(window)})

    return launch


def look(window: Path) -> dict[str, int]:
    """Ask a worker what it holds."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(window))
        answer = b""
        while part := asking.recv(65536):
            answer += part
    found: dict[str, int] = json.loads(answer)
    return found


if __name__ == "__main__":
    from appliance.cli.main import main

    worker.Worker = GlassWorker  # type: ignore[misc]
    sys.exit(main())
