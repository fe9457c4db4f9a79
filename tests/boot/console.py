"""The board's serial ports: what it prints, and a root shell for looking inside.

The small UART is the text console of the card. On the full one stands a root shell, which the card itself does not
have: nobody can log in there. It comes from the kernel's command line, which carries one more unit for systemd
(systemd-debug-generator(8)): what somebody can do who holds the board in the hand, with nothing changed on the card.
"""

import base64
import codecs
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

UNIT = """\
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/sh -i
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
Restart=always
"""
# A terminal takes lines of 4,095 characters (termios(3)).
LONGEST_LINE = 3000
# Seconds for one command in the shell: an emulated board on a busy machine.
PATIENCE = 120.0


def shell_arguments() -> str:
    """What to put on the kernel's command line to have the shell."""
    unit = base64.b64encode(UNIT.encode()).decode()
    return f"systemd.set_credential_binary=systemd.extra-unit.tester.service:{unit} systemd.wants=tester.service"


class Console:
    """A serial port: everything printed since the board was switched on.

    Args:
        path: the emulator's socket for it.
        log: a file that receives everything, for a person to read after a failure.
    """

    def __init__(self, path: Path, log: Path) -> None:
        self._text = ""
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._log = log.open("ab")
        self._thread = threading.Thread(target=self._read, name=f"console {log.name}", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """Everything printed so far, with plain line ends."""
        with self._changed:
            return self._text

    def wait_for(self, pattern: str, timeout: float, since: int = 0) -> re.Match[str]:
        """Wait until something that matches is printed.

        Args:
            pattern: a regular expression.
            timeout: seconds.
            since: a position in ``text``; what stands before it does not count.

        Raises:
            AssertionError: it is not printed in time; the message ends with what was.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                if found := re.compile(pattern, re.MULTILINE).search(self._text, since):
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"{pattern!r} was not printed within {timeout} s; the last lines:\n{self.tail()}"
                self._changed.wait(min(left, 1))

    def tail(self, lines: int = 40) -> str:
        """The last lines."""
        return "\n".join(self._text.splitlines()[-lines:])

    def send(self, text: str) -> None:
        """Type something."""
        self._socket.sendall(text.encode())

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self._log.close()

    def _read(self) -> None:
        # A character may come in two pieces.
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while data := self._receive():
            self._log.write(data)
            self._log.flush()
            with self._changed:
                self._text += decoder.decode(data).replace("\r", "")
                self._changed.notify_all()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""


class Shell:
    """A root shell on a serial port."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0
        self._ready = False

    def run(self, command: str, timeout: float = PATIENCE, *, check: bool = True) -> str:
        """Run a command and return what it printed.

        Args:
            command: for ``sh``, one line.
            timeout: seconds.
            check: whether a status other than 0 is a failure.

        Raises:
            AssertionError: it failed, or took too long.
        """
        if not self._ready:
            self._wake(timeout)
        self._number += 1
        since = len(self._console.text)
        # Written in two halves, so that the echo of the line, which some terminals begin again, is taken for neither.
        begin, end = (f"printf '\\n=%s=%s=%s=\\n' {one} {self._number}" for one in ("begin", "end"))
        self._console.send(f"{begin} 0; {{ {command}\n}} 2>&1; {end} $?\n")
        said = self._console.wait_for(
            rf"(?s)^=begin={self._number}=0=\n(.*)^=end={self._number}=(\d+)=$", timeout, since
        )
        output = said[1].strip("\n")
        assert not check or said[2] == "0", f"{command!r} ended with {said[2]}:\n{output}"
        return output

    def write(self, path: str, content: str) -> None:
        """Write a file, in lines that are short enough for a terminal.

        Args:
            path: on the card.
            content: replaces what is there.
        """
        coded = base64.b64encode(content.encode()).decode()
        pieces = [coded[at : at + LONGEST_LINE] for at in range(0, len(coded), LONGEST_LINE)]
        for number, piece in enumerate(pieces):
            self.run(f"printf %s {piece} {'>>' if number else '>'}{path}.base64")
        self.run(f"base64 -d {path}.base64 >{path} && rm {path}.base64")

    def _wake(self, timeout: float) -> None:
        """Wait until the shell is there, and make it fit for a program: no echo, no prompt, no wrapped lines."""
        deadline = time.monotonic() + timeout
        while True:
            since = len(self._console.text)
            self._console.send("stty -echo -onlcr; PS1=; PS2=; PAGER=cat; printf '=%s=\\n' awake\n")
            with suppress(AssertionError):
                self._console.wait_for("^=awake=$", 5, since)
                break
            assert time.monotonic() < deadline, f"no shell on the second serial port:\n{self._console.tail()}"
        self._ready = True
