"""QEMU's own board with a whole card in it: quick, since it is given kernel and initramfs out of the card's slot A."""

import re
import subprocess
from pathlib import Path

from tests.boot.card import Card

ROOT = Path(__file__).parents[2]
SLOT_A = 2
# Where the boot record has the number that PARTUUIDs begin with.
DISK_ID_AT = 440
CORES = 2
# MiB: as much as the smallest promised board has.
MEMORY = 512


def command(card: Card, folder: Path, console: str, more: str = "") -> list[str]:
    """The emulator's command line, without network and serial port.

    Args:
        card: what is in it; at the next start it may be the same one.
        folder: for kernel and initramfs.
        console: the kernel's argument for it.
        more: further arguments for the kernel.

    Raises:
        subprocess.CalledProcessError: there is no system in the card's slot A.
    """
    slot = card.take(SLOT_A, folder / "slot.ext4")
    for name in ("vmlinuz", "initrd.img"):
        subprocess.run(
            ["debugfs", "-R", f"dump /boot/{name} {folder / name}", str(slot)], check=True, capture_output=True
        )
    slot.unlink()
    with card.path.open("rb") as file:
        file.seek(DISK_ID_AT)
        disk = int.from_bytes(file.read(4), "little")
    # What the card's own loader says after its consoles, whatever that is.
    said = re.search(r'console=ttyS1,115200 ([^"]*)"', (ROOT / "image" / "boot.cmd").read_text())
    assert said, "image/boot.cmd has no command line for the kernel"
    words = f"root=PARTUUID={disk:08x}-{SLOT_A:02} rauc.slot=A ro console={console} {said[1]} {more}"
    board = ["-M", "virt", "-cpu", "cortex-a53", "-smp", str(CORES), "-m", str(MEMORY), "-display", "none"]
    start = ["-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img"), "-append", words.strip()]
    disk_of_it = ["-drive", f"if=none,id=card,format=raw,file={card.path}", "-device", "virtio-blk-device,drive=card"]
    return ["qemu-system-aarch64", *board, *start, *disk_of_it, "-monitor", "none"]
