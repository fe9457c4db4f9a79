"""Wi-Fi on the card's own kernel, with its own supplicant and its own files: joined with the right password alone.

QEMU has no radio. The kernel has simulated ones (mac80211_hwsim), which speak to each other as real ones do; their
modules are not on the card, and come from the kernel package in the build's cache. The boards' chip, and its driver's
way with it, this cannot show.
"""

import gzip
import lzma
import os
import re
import subprocess
from pathlib import Path

import pytest

from appliance.wifi.rules import key
from tests.boot.card import Card, unpack

pytestmark = [pytest.mark.boot, pytest.mark.timeout(600)]

# Seconds; it takes thirty on an idle machine.
PATIENCE = 500
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
# In the place of the card's own first program: mounts the slot, and starts its systemd with the test's own target.
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
cp /modules/* /run/modules/
cp /guest /run/guest
cp /guest.* /system/etc/systemd/system/
for folder in proc sys dev run; do mount --move /$folder /system/$folder; done
exec switch_root /system /usr/lib/systemd/systemd
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


def first_files(slot: Path, folder: Path) -> Path:
    """The card's initramfs with a first program of the test's own and the simulated radios in it."""
    tree = folder / "first"
    (tree / "modules").mkdir(parents=True)
    names = [f"./usr/lib/modules/*/kernel/{name}.ko.xz" for name in MODULES]
    command = ["tar", "--extract", f"--file={hardware()}", f"--directory={folder}", "--wildcards", *names]
    subprocess.run(command, check=True)
    for path in folder.glob("usr/lib/modules/*/kernel/**/*.ko.xz"):
        (tree / "modules" / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
    (tree / "init").write_text(FIRST)
    (tree / "init").chmod(0o755)
    (tree / "guest.target").write_text(TARGET)
    (tree / "guest.service").write_text(SERVICE)
    (tree / "guest").write_bytes(Path(__file__).with_name("guest-wifi").read_bytes())
    listed = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    command = ["cpio", "--quiet", "--create", "--format=newc"]
    packed = subprocess.run(command, cwd=tree, input=listed.encode(), stdout=subprocess.PIPE, check=True).stdout
    both = folder / "initrd.img"
    own = dumped(slot, "/boot/initrd.img", folder / "own.img")
    # What comes later wins (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
    both.write_bytes(own.read_bytes() + gzip.compress(packed))
    return both


@pytest.fixture(scope="module")
def told(image: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the board wrote to its console until it switched itself off."""
    folder = tmp_path_factory.mktemp("wifi")
    card = unpack(image, folder / "card.img")
    slot = Card(card.path).take(2, folder / "slot.img")
    card.path.unlink()
    first = first_files(slot, folder)
    command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "512", "-nographic"]
    command += ["-kernel", str(dumped(slot, "/boot/vmlinuz", folder / "vmlinuz")), "-initrd", str(first)]
    command += ["-append", "console=ttyAMA0 quiet panic=-1 systemd.unit=guest.target systemd.show_status=false"]
    # A cable too: QEMU's own network, which lets nothing out.
    command += ["-no-reboot", "-netdev", "user,id=cable,restrict=on", "-device", "virtio-net-device,netdev=cable"]
    command += [
        "-drive",
        f"file={slot},format=raw,if=none,id=slot,readonly=on",
        "-device",
        "virtio-blk-device,drive=slot",
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    slot.unlink()
    text = done.stdout.decode(errors="replace").replace("\r", "")
    assert "GUEST end" in text, text[-4000:]
    return text


def test_a_wrong_password_is_told_and_the_right_one_joins(told: str) -> None:
    assert re.findall(r"^GUEST state (\S*)$", told, re.MULTILINE) == ["searching", "refused", "joined"]
    assert "reason=WRONG_KEY" in told
    assert "WPA: Key negotiation completed with" in told


def test_the_settings_file_keeps_the_key_alone(told: str) -> None:
    assert f'GUEST password = "{key("home", "correct horse")}"' in told


def test_the_cable_is_preferred_and_wifi_goes_on_without_it(told: str) -> None:
    cable = re.findall(r"^GUEST cable (\S+)$", told, re.MULTILINE)
    assert re.findall(r"^GUEST route dev (\S+)$", told, re.MULTILINE) == [*cable, "wlan0"]


def test_nothing_of_it_runs_before_somebody_asks(told: str) -> None:
    assert "GUEST before inactive 0" in told
    assert "GUEST user porchlight-wifi" in told


def test_the_radio_keeps_its_countrys_rules_out_of_a_signed_list(told: str) -> None:
    assert "GUEST country DE" in told
    assert re.search(r"CTRL-EVENT-REGDOM-CHANGE .*alpha2=DE", told)
    assert "regulatory.db is malformed or signature is missing" not in told
    assert "failed to load regulatory.db" not in told


def test_the_boards_driver_loads_on_this_kernel(told: str) -> None:
    assert "driver 1\n" in told
