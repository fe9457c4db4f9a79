"""An emulated Raspberry Pi 3 with a card in it: switched on and off like a real one.

U-Boot is the first thing that runs, as on the board; the pins are registers that the emulator's monitor shows.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.lights.language import ALL, DARK
from appliance.lights.pins import load_pins
from tests.boot import asleep, gpio
from tests.boot.cable import Cable, plug_in
from tests.boot.card import Card, loader_files
from tests.boot.console import Console, Shell, shell_arguments
from tests.boot.eye import ONE_COLOUR, Eye, told
from tests.boot.hand import Hand
from tests.boot.home import BOARD, TAP, Home
from tests.boot.qmp import Monitor

# What an emulator, or a loader, puts on the kernel's command line: the card stays as it was flashed.
COMMAND_LINE = shell_arguments()
# The emulated watchdog resets the board as soon as it is opened.
UNGUARDED = "systemd.watchdog_sec=0"
# Seconds. On an idle machine a boot takes less than two minutes under emulation; this one may be busy.
BOOT_TAKES = 600.0
OFF_TAKES = 30.0
BUTTON = load_pins().button.gpio


class Board:
    """One board.

    Args:
        card: what is in its slot.
        home: where its cable goes.
        folder: for logs and sockets.
        recorded: of how many starts, from the first one on, all writes to the card are kept (``tests/boot/writes.py``).
    """

    def __init__(self, card: Card, home: Home, folder: Path, recorded: int = 0) -> None:
        self.card, self.home, self.folder = card, home, folder
        # One log for each recorded start, and the card as it was before the first of them.
        self.logs: list[Path] = []
        self.first = folder / "first.img"
        self._recorded = recorded
        if recorded:
            subprocess.run(["cp", "--sparse=always", str(card.path), str(self.first)], check=True)
        self._loader, self._tree = loader_files(card, folder)
        self._emulator: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def switch_on(self, *, cable: bool = True, held: bool = False, guarded: bool = False) -> None:
        """Put the plug in.

        Args:
            cable: whether the network's cable is put in too, as soon as the kernel can see it (``cable.py``).
            held: whether somebody holds the button down meanwhile.
            guarded: whether the system may open the watchdog, as on a real board; it bites at once.

        Raises:
            AssertionError: the emulator did not start; the message says why.
        """
        assert self._emulator is None, "it is on already"
        self._starts += 1
        self._here = here = self.folder / f"start-{self._starts}"
        here.mkdir()
        with (here / "emulator.log").open("wb") as log:
            self._emulator = subprocess.Popen(self._command(here, guarded), stdout=log, stderr=subprocess.STDOUT)
        self.switched_on = time.monotonic()
        try:
            self.monitor = self._connect(here)
            self.hand = Hand(here / "hand")
            (self.hand.press if held else self.hand.let_go)(BUTTON)
            self.hand.put(asleep.WHERE, asleep.LOOP)
            self.console = Console(here / "console", here / "console.log")
            self.other_port = Console(here / "shell", here / "shell.log")
            self.shell = Shell(self.other_port)
            self.monitor.execute("cont")
            self.eye = Eye(lambda: self.levels().lit)
            self._cable = Cable(self.monitor) if cable else None
        except BaseException:
            self._kill()
            raise

    def pull_the_plug(self) -> None:
        """Power off, at once and without a word to the system."""
        if self._cable:
            self._cable.close()
        self.eye.close()
        (self._here / "lights.log").write_text(told(self.eye.looks(), last=None).replace(", ", "\n"))
        self._kill()
        self.monitor.close()
        self.hand.close()
        self.console.close()
        self.other_port.close()

    def plug_in_the_cable(self) -> None:
        """Put the network's cable in; it stays until the plug is pulled."""
        plug_in(self.monitor)

    def plug_in_a_stick(self, path: Path) -> None:
        """Put a USB stick in; it stays until the plug is pulled.

        Args:
            path: the file that stands for it; it is only read.
        """
        file = {"driver": "file", "filename": str(path)}
        self.monitor.execute("blockdev-add", **{"driver": "raw", "node-name": "stick", "read-only": True, "file": file})
        self.monitor.execute("device_add", driver="usb-storage", id="stick", drive="stick")

    @property
    def is_on(self) -> bool:
        """Whether the emulator runs."""
        return self._emulator is not None and self._emulator.poll() is None

    def levels(self) -> gpio.Levels:
        """What the lights' pins do now."""
        return gpio.levels(gpio.words(self.monitor.human(gpio.read_command())))

    @contextmanager
    def eye_on_the_board(self) -> Iterator[Eye]:
        """A second eye, which looks at the board's own light for a while."""
        eye = Eye(lambda: ALL if self.levels().act else DARK, ONE_COLOUR)
        try:
            yield eye
        finally:
            eye.close()

    def wait_for_port(self, port: int, timeout: float = BOOT_TAKES) -> None:
        """Wait until something listens there.

        Raises:
            AssertionError: nothing does in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.home.connect(port, timeout=5).close()
                return
            except OSError as error:
                assert self.is_on, f"the emulator has ended:\n{self.console.tail()}"
                said = f"{BOARD}:{port} does not answer within {timeout} s ({error})"
                assert time.monotonic() < deadline, f"{said}:\n{self.console.tail()}"
                time.sleep(1)

    def _command(self, here: Path, guarded: bool) -> list[str]:
        words = COMMAND_LINE if guarded else f"{UNGUARDED} {COMMAND_LINE}"
        command = ["qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-S"]
        command += ["-kernel", str(self._loader), "-dtb", str(self._tree), "-append", words]
        drive = f"file={self.card.path},format=raw"
        if self._starts <= self._recorded:
            self.logs.append(here / "writes.log")
            # The driver wants the file to be there.
            self.logs[-1].touch()
            drive = f"driver=blklogwrites,file.driver=file,file.filename={self.card.path}"
            drive += f",log.driver=file,log.filename={self.logs[-1]}"
        command += ["-drive", f"if=sd,{drive}"]
        command += ["-netdev", f"tap,id=cable,ifname={TAP},script=no,downscript=no"]
        # The order is that of the tree: the full UART first, then the small one, which has the console.
        for name in ("shell", "console"):
            command += ["-chardev", f"socket,id={name},path={here / name},server=on,wait=off"]
            command += ["-serial", f"chardev:{name}"]
        command += ["-qmp", f"unix:{here / 'monitor'},server=on,wait=off"]
        # The emulator's own testers' door: it writes into the chip's registers from outside.
        command += ["-qtest", f"unix:{here / 'hand'},server=on,wait=off", "-qtest-log", "none"]
        return self.home.command(*command)

    def _connect(self, here: Path) -> Monitor:
        deadline = time.monotonic() + OFF_TAKES
        while True:
            with suppress(OSError):
                return Monitor(here / "monitor")
            log = (here / "emulator.log").read_text()
            assert self.is_on, f"the emulator did not start: {log}"
            assert time.monotonic() < deadline, f"the emulator does not answer: {log}"
            time.sleep(0.1)

    def _kill(self) -> None:
        if self._emulator:
            self._emulator.kill()
            self._emulator.wait()
            self._emulator = None
