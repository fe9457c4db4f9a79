"""The clients and the upstream: two small C programs, compiled here and run as processes of their own."""

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

HERE = Path(__file__).parent
# Seconds for anything that the clients do beyond the time that they were told to work.
PATIENCE = 90.0
# A process that uses this much of one core has nothing left: the figures may be its own.
SATURATED = 0.95


class LoadError(RuntimeError):
    """The clients or the upstream could not do their part."""


@dataclass(frozen=True, slots=True)
class Work:
    """What clients do; ``load.c`` says what the words mean. ``processes`` of them share the connections."""

    kind: str
    port: str
    connections: int
    size: int = 200
    tls: bool = False
    gap_ms: float = 0.0
    processes: int = 1

    def shares(self) -> list[Self]:
        """What each process does."""
        each, more = divmod(self.connections, self.processes)
        return [replace(self, connections=each + (at < more), processes=1) for at in range(self.processes)]


@dataclass(frozen=True, slots=True)
class Result:
    """What the clients saw; times in seconds."""

    echoes: int
    bytes: int
    opened: int
    errors: int
    refused: int
    seconds: float
    cpu: float
    median: float
    p99: float
    stalled: int

    @property
    def saturated(self) -> bool:
        """Whether the clients themselves were at their limit."""
        return self.cpu > SATURATED * self.seconds


def compile_into(folder: Path) -> None:
    """Compile both programs.

    Raises:
        LoadError: there is no compiler or no OpenSSL to compile against.
    """
    for name, libraries in (("echo", []), ("load", ["-lssl", "-lcrypto"])):
        if shutil.which("cc") is None:
            raise LoadError("There is no C compiler, so there are no clients. Install gcc and libc6-dev.")
        command = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(folder / name), str(HERE / f"{name}.c")]
        done = subprocess.run([*command, *libraries], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LoadError(f"{name}.c could not be compiled. Is libssl-dev installed?\n{done.stderr}")


class Program:
    """One of the two programs, running; it ends when its standard input does, so also when this process dies."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin
        assert self._process.stdout
        self._input, self._output = self._process.stdin, self._process.stdout
        if self.line() != "ready":
            raise LoadError(f"{Path(command[0]).name} did not start.")

    @property
    def process(self) -> int:
        return self._process.pid

    def line(self) -> str:
        return self._output.readline().strip()

    def go_on(self) -> None:
        self._input.write("\n")
        self._input.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._input.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


class Upstream(Program):
    """The upstream on several ports; those in ``with_header`` expect a PROXY line."""

    def __init__(self, folder: Path, plain: list[int], with_header: list[int]) -> None:
        super().__init__([str(folder / "echo"), *map(str, plain), *(f"{port}h" for port in with_header)])


class Clients(Program):
    """One process of clients. When it has been made, every connection is open and has had its first echo.

    Args:
        folder: where the compiled programs are.
        port: of the relay.
        work: what to do.
        seconds: for how long.
    """

    def __init__(self, folder: Path, port: int, work: Work, seconds: float) -> None:
        words = [work.kind, work.connections, work.size, seconds, work.gap_ms, int(work.tls), int(work.port == "media")]
        super().__init__([str(folder / "load"), str(port), *map(str, words)])

    def start(self) -> None:
        """Begin the work."""
        self.go_on()

    def result(self) -> Result:
        """Wait until the work is done; the connections stay open until ``close``."""
        line = self.line()
        if not line:
            raise LoadError("The clients ended before their work was done.")
        return Result(**json.loads(line))
