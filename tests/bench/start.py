"""``./test start``: how long the card takes from the kernel's first moment to the first relayed bytes.

Two emulated boards, each several times: QEMU's ``raspi3b``, which runs the card from its loader on, and ``virt``, which
is given the kernel and the initramfs out of the card's slot. What counts is what somebody outside sees: a chat that
goes through the relay and is answered by the upstream. Both the first start of a fresh card and the one after it are
measured. The figures depend on the machine and on what else runs there, so this is no test.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.boot import virt as virt_board
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card, unpack
from tests.boot.console import Shell
from tests.boot.home import MAC, TAP, Home
from tests.boot.person import CHAT_BEGIN, chat, exchange
from tests.boot.upstream import CHAT, HTTP, MEDIA

ROOT = Path(__file__).parents[2]
# Seconds. The promise (docs/image.md); and after which the card is taken for one that does not start.
PROMISED = {"virt": 20.0, "raspi3b": 45.0}
TOO_LONG = 600.0
# Seconds between two tries to chat.
PAUSE = 0.2
PROGRAM = "porchlight-relay.service"
ANSWER = 64
# WhatsApp's part. A public address: the card's own firewall lets the relay reach those before anything is set up.
UPSTREAM = "80.200.0.7"
SETTINGS = f"""
[relay.upstream]
chat = ["{UPSTREAM}:{CHAT}"]
http = ["{UPSTREAM}:{HTTP}"]
media = ["{UPSTREAM}:{MEDIA}"]
"""


def relayed(home: Home, name: str) -> float:
    """Wait until a chat is answered.

    Returns:
        When, in seconds of this machine's monotonic clock.

    Raises:
        TimeoutError: it never was.
    """
    deadline = time.monotonic() + TOO_LONG
    while time.monotonic() < deadline:
        with suppress(OSError), home.connect(CHAT, timeout=2.0) as connection:
            if len(exchange(connection, chat(name, 200), ANSWER, 5.0)) == ANSWER:
                return time.monotonic()
        time.sleep(PAUSE)
    raise TimeoutError(f"no chat was answered within {TOO_LONG:g} s")


def serve(home: Home) -> list[socket.socket]:
    """Answer every chat that begins, beyond the home's router; closing the sockets ends it."""
    subprocess.run(home.command("ip", "address", "add", f"{UPSTREAM}/32", "dev", "lo"), check=True)
    listeners = [home.listen(UPSTREAM, port) for port in (CHAT, HTTP, MEDIA)]
    for one in listeners:
        threading.Thread(target=_accept, args=(one,), daemon=True).start()
    return listeners


def _accept(listener: socket.socket) -> None:
    # Its end closes the listener.
    with suppress(OSError):
        while True:
            threading.Thread(target=_answer, args=(listener.accept()[0],), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        said = b""
        # A header tells for whom it is; what comes after it is the chat.
        while CHAT_BEGIN not in said:
            piece = connection.recv(4096)
            if not piece:
                return
            said += piece
        connection.sendall(bytes(ANSWER))
        while connection.recv(4096):
            pass


def raspi3b(card: Card, home: Home, folder: Path) -> list[float]:
    """Two starts on the emulated Pi 3, from U-Boot's last word on; seconds."""
    board, took = Board(card, home, folder), []
    for number in range(2):
        board.switch_on(cable=False)
        board.console.wait_for("Starting kernel", BOOT_TAKES)
        begun = time.monotonic()
        # As on a board, whose adapter is there all the time; now and then the kernel does not find it (boot/cable.py).
        board.plug_in_the_cable()
        try:
            took.append(relayed(home, f"start {number}") - begun)
            _show(board.shell)
        finally:
            board.pull_the_plug()
    return took


def virt(card: Card, home: Home, folder: Path) -> list[float]:
    """Two starts of the card's slot on QEMU's own board, two cores and 512 MB; seconds."""
    command = virt_board.command(card, folder, "ttyAMA0")
    command += ["-netdev", f"tap,id=cable,ifname={TAP},script=no,downscript=no"]
    command += ["-device", f"virtio-net-device,netdev=cable,mac={MAC}"]
    took = []
    for number in range(2):
        begun = time.monotonic()
        with (folder / f"virt-{number}.log").open("wb") as log:
            emulator = subprocess.Popen(
                home.command(*command, "-serial", "stdio"), stdin=subprocess.DEVNULL, stdout=log
            )
        try:
            took.append(relayed(home, f"start {number}") - begun)
        finally:
            emulator.kill()
            emulator.wait()
    return took


def _show(shell: Shell) -> None:
    """What the time went into, as systemd counts it."""
    # The relay answers before everything else has started.
    shell.run("systemctl is-system-running --wait", timeout=TOO_LONG, check=False)
    print(shell.run(f"systemd-analyze --no-pager time; systemd-analyze --no-pager critical-chain {PROGRAM}"))


MACHINES = {"virt": virt, "raspi3b": raspi3b}


def main() -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="./test start", description=__doc__)
    parser.add_argument("--times", type=int, default=3, metavar="N", help="how often each (3)")
    parser.add_argument("--machine", choices=tuple(MACHINES), nargs="+", default=list(MACHINES), help="which (both)")
    options = parser.parse_args()
    image = next((ROOT / "dist").glob("porchlight-*-arm64.img.xz"))
    print(f"Before it begins, {os.getloadavg()[0]:.1f} processes want to run.")
    for machine in options.machine:
        took = []
        for _ in range(options.times):
            with (
                tempfile.TemporaryDirectory(prefix="porchlight-start-") as name,
                Home("porchlight-start", Path(name)) as home,
            ):
                folder = Path(name)
                card = unpack(image, folder / "card.img")
                card.write("porchlight.toml", card.read("porchlight.toml") + SETTINGS.encode())
                listeners = serve(home)
                try:
                    took.append(MACHINES[machine](card, home, folder))
                finally:
                    for one in listeners:
                        one.close()
            print(f"{machine}: {took[-1][0]:.1f} s at the first start, {took[-1][1]:.1f} s at the next", flush=True)
        first, later = (statistics.median(column) for column in zip(*took, strict=True))
        print(
            f"{machine}: median {first:.1f} s at the first start, {later:.1f} s later; promised {PROMISED[machine]:g} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
