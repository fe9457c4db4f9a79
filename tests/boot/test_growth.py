"""The data partition grows to cards that people buy, is repaired and made anew on them, with the least memory promised.

On QEMU's own board; the cards are files with holes. What it took is shown by -s (docs/image.md, "Figures").
"""

import os
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.boot import virt
from tests.boot.card import Card, unpack
from tests.boot.console import Console, Shell, shell_arguments
from tests.boot.qmp import Monitor

pytestmark = [pytest.mark.boot, pytest.mark.long, pytest.mark.timeout(3600)]

GIB, MIB = 1024**3, 1024**2
DATA = 4
# ext4: where the superblock is, and in it how many blocks there are and how large they are.
SUPERBLOCK, BLOCKS_AT, BLOCK_AT, GONE = 1024, 4, 24, 2048
# Bytes of a block group, of which the last one may be missing (image/initramfs/init).
GROUP = 32 * MIB
# What the file system has room to describe.
MOST = 512 * GIB
PATIENCE = 900.0
FACTS = {
    "systemd": "systemctl show -P UserspaceTimestampMonotonic",
    "relay": "systemctl show -P ActiveEnterTimestampMonotonic porchlight-relay",
    "available": "sed -n 's/^MemAvailable: *//p' /proc/meminfo",
    "killed": "sed -n 's/^oom_kill //p' /proc/vmstat",
    "mounted": "stat -f -c '%b %S' /var/lib/porchlight",
    "marked": "cat /var/lib/porchlight/marked 2>/dev/null",
    "lost": "ls /run/porchlight/data-lost",
}


@dataclass(frozen=True, slots=True)
class Start:
    """What became of one start.

    Args:
        told: the answers to ``FACTS``.
        console: what the kernel and the first program said.
        read: bytes, off the card.
        written: bytes, to the card.
    """

    told: dict[str, str]
    console: str
    read: int
    written: int

    def seconds(self, name: str) -> float:
        """From the kernel's first moment to one of the two events."""
        return int(self.told[name]) / 1e6

    def __str__(self) -> str:
        moments = f"systemd at {self.seconds('systemd'):.1f} s, relay ready at {self.seconds('relay'):.1f} s"
        memory = int(self.told["available"].split()[0]) // 1024
        card = f"{self.read / 1e6:.0f} MB read, {self.written / 1e6:.1f} MB written"
        return f"{moments}, {memory} MiB of memory available, {card}"


def start(card: Card, folder: Path, name: str) -> Start:
    """Start the card, look, and pull the plug."""
    here = folder / name
    here.mkdir()
    command = virt.command(card, here, "tty0", shell_arguments())
    command += ["-net", "none", "-qmp", f"unix:{here / 'monitor'},server=on,wait=off"]
    command += ["-chardev", f"socket,id=shell,path={here / 'shell'},server=on,wait=on", "-serial", "chardev:shell"]
    emulator = subprocess.Popen(command)
    try:
        console = connect(here)
        shell = Shell(console)
        # Whatever fails without a network is no matter here.
        shell.run("systemctl is-system-running --wait", PATIENCE, check=False)
        told = {fact: shell.run(line, check=False) for fact, line in FACTS.items()}
        kernel = shell.run("dmesg")
        shell.run("date >/var/lib/porchlight/marked; sync")
        monitor = Monitor(here / "monitor")
        one = next(each["stats"] for each in monitor.execute("query-blockstats") if each["device"] == "card")
        monitor.close()
    finally:
        emulator.kill()
        emulator.wait()
    console.close()
    return Start(told, kernel, one["rd_bytes"], one["wr_bytes"])


def connect(here: Path) -> Console:
    """The emulator's serial port; the emulator waits for it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            return Console(here / "shell", here / "shell.log")
        assert time.monotonic() < deadline, "the emulator did not start"
        time.sleep(0.1)


def file_system(card: Card) -> int:
    """Bytes of the data partition's file system."""
    begin, _ = card.range(DATA)
    with card.path.open("rb") as file:
        file.seek(begin + SUPERBLOCK)
        block = file.read(1024)
    blocks, exponent = (struct.unpack_from("<I", block, at)[0] for at in (BLOCKS_AT, BLOCK_AT))
    return int(blocks) * 1024 << int(exponent)


def is_whole(card: Card) -> None:
    """What a power cut left is put right by the journal alone, and then nothing is wrong.

    Raises:
        AssertionError: something is.
    """
    # In a file of its own: in the midst of the card e2fsck (1.47.0) does not find it again once the journal is empty.
    copy = card.take(DATA, card.path.with_suffix(".data"))
    for options in (["-p"], ["-f", "-n"]):
        done = subprocess.run(["e2fsck", *options, str(copy)], capture_output=True, text=True, check=False)
        # 1: what the journal held has been put in its place.
        assert done.returncode <= (options == ["-p"]), done.stdout + done.stderr
    copy.unlink()


@pytest.mark.parametrize("size", [2, 32, 512, 1024], ids="{} GiB".format)
def test_grows_and_is_repaired_and_made_anew(image: Path, tmp_path: Path, size: int) -> None:
    card = unpack(image, tmp_path / "card.img")
    os.truncate(card.path, size * GIB)
    begin, flashed = card.range(DATA)
    wanted = min(size * GIB - begin, MOST)
    assert flashed < GROUP * 4 < wanted

    def look(name: str) -> Start:
        seen = start(card, tmp_path, name.replace(" ", "-"))
        print(f"{size} GiB, {name}: {seen}")
        assert card.range(DATA) == (begin, wanted)
        assert wanted - GROUP < file_system(card) <= wanted
        assert seen.told["killed"] == "0", "memory was not enough"
        blocks, each = map(int, seen.told["mounted"].split())
        # Less what the file system needs itself.
        assert 0.95 * wanted < blocks * each <= wanted, "what is mounted is that"
        return seen

    first = look("first start")
    assert f"the data partition has {wanted // MIB} MiB now" in first.console
    is_whole(card)
    following = look("next start")
    assert "MiB now" not in following.console
    assert ":" in following.told["marked"]
    is_whole(card)
    for name, damage in (("repaired", bytes(GONE)), ("made anew", os.urandom(flashed))):
        card.damage(DATA, damage)
        seen = look(name)
        assert "the data partition is damaged" in seen.console
        lost = name == "made anew"
        assert ("beyond repair" in seen.console) == lost
        assert (seen.told["lost"] == "/run/porchlight/data-lost") == lost, seen.told["lost"]
        assert (seen.told["marked"].count(":") > 1) != lost, seen.told["marked"]
        is_whole(card)
    card.path.unlink()
