"""The card's own kernel and system on QEMU's own board, and a script of the test's own beside it.

QEMU has no radio. The kernel has simulated ones (mac80211_hwsim), which speak to each other as real ones do; their
modules are not on the card, and come from the kernel package in the build's cache.
"""

import gzip
import lzma
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.boot.card import Card, unpack

HERE = Path(__file__).parent
# Seconds; half a minute on an idle machine, one and a half with systemd.
PATIENCE = 900
# The simulated radios and what they encrypt with, below the kernel's folder.
MODULES = (
    "crypto/ccm",
    "crypto/cmac",
    "crypto/ctr",
    "crypto/gcm",
    "drivers/net/wireless/virtual/mac80211_hwsim",
    "lib/crypto/gf128mul",
    "lib/crypto/libarc4",
    "net/mac80211/mac80211",
)
# In the place of the card's own first program: mounts the slot, and starts the test's script or the card's systemd.
FIRST = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /run /slot /memory /system
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
modprobe -a -q virtio_mmio virtio_blk ext4 overlay
until [ -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 -o ro /dev/vda /slot
mount -t tmpfs tmpfs /memory
mkdir /memory/upper /memory/work /run/modules
mount -t overlay -o lowerdir=/slot,upperdir=/memory/upper,workdir=/memory/work overlay /system
cp /modules/* /run/modules/ 2>/dev/null
cp /guest /run/guest
cp /guest.* /system/etc/systemd/system/
read -r told </proc/cmdline
for folder in proc sys dev run; do mount --move /$folder /system/$folder; done
case $told in *systemd.unit*) exec switch_root /system /usr/lib/systemd/systemd ;; esac
exec switch_root /system /bin/sh /run/guest </dev/console >/dev/console 2>&1
"""
TARGET = """\
[Unit]
Description=nothing but the test
Requires=basic.target guest.service
After=basic.target
AllowIsolate=yes
"""
SERVICE = """\
[Service]
Type=oneshot
ExecStart=/bin/sh /run/guest
StandardOutput=file:/dev/console
StandardError=file:/dev/console
"""


def hardware() -> Path:
    """The packages of kernel and firmware that ./build unpacked last."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "porchlight/image"
    trees = sorted(cache.glob("hardware-*/tree.tar"), key=lambda path: path.stat().st_mtime)
    assert trees, f"no kernel in {cache}: run ./build first"
    return trees[-1]


def dumped(slot: Path, name: str, to: Path) -> Path:
    """A file of the slot."""
    subprocess.run(["debugfs", "-R", f"dump {name} {to}", str(slot)], capture_output=True, check=True)
    assert to.stat().st_size, name
    return to


def first_files(slot: Path, script: str, folder: Path, modules: Sequence[str]) -> Path:
    """The card's initramfs with a first program of the test's own in it, and such modules as the card does not have."""
    tree = folder / "first"
    (tree / "modules").mkdir(parents=True)
    if modules:
        names = [f"./usr/lib/modules/*/kernel/{name}.ko.xz" for name in modules]
        command = ["tar", "--extract", f"--file={hardware()}", f"--directory={folder}", "--wildcards", *names]
        subprocess.run(command, check=True)
    for path in folder.glob("usr/lib/modules/*/kernel/**/*.ko.xz"):
        (tree / "modules" / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
    (tree / "init").write_text(FIRST)
    (tree / "init").chmod(0o755)
    (tree / "guest.target").write_text(TARGET)
    (tree / "guest.service").write_text(SERVICE)
    (tree / "guest").write_bytes((HERE / script).read_bytes())
    listed = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    command = ["cpio", "--quiet", "--create", "--format=newc"]
    packed = subprocess.run(command, cwd=tree, input=listed.encode(), stdout=subprocess.PIPE, check=True).stdout
    both = folder / "initrd.img"
    own = dumped(slot, "/boot/initrd.img", folder / "own.img")
    # What comes later wins (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
    both.write_bytes(own.read_bytes() + gzip.compress(packed))
    return both


def run(
    image: Path,
    script: str,
    folder: Path,
    *,
    systemd: bool = False,
    modules: Sequence[str] = MODULES,
    devices: Sequence[str] = (),
    told: str = "",
) -> str:
    """What the board wrote to its console until it switched itself off.

    Args:
        image: the card, compressed.
        script: the name of the script beside this file; it says "GUEST end" last.
        folder: for files.
        systemd: whether the card's systemd starts it; else it is the only program.
        modules: such as the card does not have, below the kernel's folder.
        devices: options of the emulator.
        told: words for the script, on the kernel's command line.
    """
    card = unpack(image, folder / "card.img")
    slot = Card(card.path).take(2, folder / "slot.img")
    card.path.unlink()
    first = first_files(slot, script, folder, modules)
    told = f"console=ttyAMA0 quiet panic=-1 {told}"
    command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "512", "-nographic"]
    command += ["-kernel", str(dumped(slot, "/boot/vmlinuz", folder / "vmlinuz")), "-initrd", str(first), "-no-reboot"]
    command += ["-drive", f"file={slot},format=raw,if=none,id=slot,readonly=on"]
    command += ["-device", "virtio-blk-device,drive=slot"]
    if systemd:
        told += " systemd.unit=guest.target systemd.show_status=false"
    command += ["-net", "none", "-append", told, *devices]
    log = folder / "console.log"
    with log.open("wb") as file:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, timeout=PATIENCE, check=False)
    slot.unlink()
    text = log.read_text(errors="replace").replace("\r", "")
    assert "GUEST end" in text, f"{done.returncode}: {text[-4000:]}"
    return text
