"""The inadyn process: started with a file that only this service reads, listened to, ended.

Its password stands in that file alone, never among the arguments. ``-l none`` is what makes inadyn (2.10, 2.11) write
to its standard error without sending the same to the system's log; at this level it writes everything, the request with
the password included, so nothing of what is read here may be passed on as it is.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from appliance.files import write_atomically

PROGRAM = "inadyn"
# Where Debian puts it; a service's search path has it, an ordinary user's has not.
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
# Bytes read at once, and the longest line that is kept.
CHUNK = 16 * 1024
LONGEST_LINE = 8 * 1024
# Seconds until a process that does not end by itself is killed.
PATIENCE = 3.0


class Child:
    """One inadyn.

    Args:
        folder: for its configuration and its memory of the last address; in RAM, readable by nobody else.
        configuration: what ``configuration.render`` says.
        afresh: whether to forget the last address, so that the provider is told at once.

    Raises:
        OSError: there is no inadyn, or the folder cannot be written.
    """

    def __init__(self, folder: Path, configuration: str, *, afresh: bool) -> None:
        program = shutil.which(PROGRAM, path=PLACES)
        if program is None:
            raise FileNotFoundError(2, "there is no inadyn")
        cache = folder / "cache"
        if afresh:
            shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / "inadyn.conf"
        write_atomically(file, configuration.encode(), mode=0o600, durable=False)
        command = [program, "--foreground", "--no-pidfile", "-l", "none", f"--cache-dir={cache}", f"--config={file}"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={"PATH": PLACES, "LC_ALL": "C", "HOME": str(folder)},
        )
        assert self._process.stderr is not None  # noqa: S101  # for mypy
        self._pipe = self._process.stderr
        os.set_blocking(self._pipe.fileno(), False)
        self._rest = b""

    def fileno(self) -> int:
        """The pipe, to wait for."""
        return self._pipe.fileno()

    def lines(self) -> list[str]:
        """What it has written since the last call, in whole lines; does not wait."""
        found: list[bytes] = []
        while True:
            try:
                more = os.read(self._pipe.fileno(), CHUNK)
            except BlockingIOError:
                break
            if not more:
                break
            *whole, self._rest = (self._rest + more).split(b"\n")
            found += whole
            self._rest = self._rest[:LONGEST_LINE]
        return [one[:LONGEST_LINE].decode("utf-8", "replace") for one in found]

    def ended(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._process.poll()

    def check_now(self) -> None:
        """Let it look at the outer address at once, without sending what the provider knows (inadyn(8), SIGUSR2)."""
        self._process.send_signal(signal.SIGUSR2)

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # It waits for a server that says nothing, and does not look at signals meanwhile.
            self._process.kill()
            self._process.wait()
        self._pipe.close()
