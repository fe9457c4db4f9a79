"""Which kernel modules the card carries: allow-lists, and what those depend on.

Allow-lists and not exclusions: leaving out by pattern once lost `mbcache`, and ext4 with it. A name that is neither a
module nor built into the kernel stops the build.
"""

import lzma
import shutil
import subprocess
from pathlib import Path

from image import devicetree
from image.boards import BOARDS, COMMON_DRIVERS, STICK_DRIVERS, WIFI_DRIVERS
from image.errors import BuildError

# What is needed until the slot and the data partition are mounted.
INITRAMFS = (
    *COMMON_DRIVERS,
    "nls_cp437",
    "bcm2835",  # SD card of the first generation
    "sdhci-iproc",  # SD card of Pi 4, and of the Pi 3 in emulation
    "sdhci-brcmstb",  # SD card of Pi 5
    "pinctrl-bcm2835",
    "pinctrl-brcmstb-bcm2712",
    "gpio-brcmstb",
    "bcm2835-dma",
    "gpio-regulator",
    "fixed",  # regulator of the card's voltage
    "reset-raspberrypi",
    "gpio-raspberrypi-exp",
    "clk-raspberrypi",
    "bcm2835_wdt",  # restarts the board; without it a panic this early, or a slot that cannot be read, is the end
    "virtio_blk",  # the quick emulated board
    "virtio_mmio",
    "virtio_pci",
)

SYSTEM = (
    *INITRAMFS,
    # Ethernet, built in and on USB, and what the Pi 5 has between processor and sockets
    "smsc95xx",
    "lan78xx",
    "microchip",
    "smsc",
    "genet",
    "broadcom",
    "mdio-bcm-unimac",
    "macb",
    "rp1_pci",
    "pinctrl-rp1",
    "clk-rp1",
    "cdc_ether",
    "cdc_ncm",
    "rndis_host",
    "r8152",
    "ax88179_178a",
    "asix",
    "virtio_net",
    # USB
    "dwc2",
    "dwc3",
    "xhci-hcd",
    "xhci-pci",
    "xhci-plat-hcd",
    *STICK_DRIVERS,
    # Random numbers, temperature, clock speed; the watchdog is among the first
    "bcm2835-rng",
    "iproc-rng200",
    "virtio-rng",
    "bcm2835_thermal",
    "bcm2711_thermal",
    "raspberrypi-cpufreq",
    "cpufreq-dt",
    # Lights
    "leds-gpio",
    "ledtrig-timer",
    "ledtrig-netdev",
    "autofs4",  # systemd asks for it at each start
    # Relay: TLS in the kernel
    "tls",
    "zram",  # memory that nobody uses is kept compressed
    # Firewall. No nft_ct: what keeps track of connections is a table that a flood can fill (docs/ports.md).
    "nf_tables",
    "nft_limit",
    "nft_reject_inet",
    # IPv6 and the network's shape
    "sch_fq",
    "sch_fq_codel",
    "tcp_bbr",
    # Updates: verified bundles, from a file or streamed
    "dm-mod",
    "dm-verity",
    "squashfs",
    "loop",
    "nbd",
)


# What the trees announce and the card does without.
WITHOUT = {
    "gpio_keys": "nobody presses the power button's driver",
    "hci_uart": "Bluetooth",
    "i2c_bcm2835": "nothing is on that bus",
    "i2c_designware_platform": "nothing is on that bus",
    "i2c_mux_pinctrl": "nothing is on that bus",
    "spi_bcm2835": "nothing is on that bus",
    "spi_bcm2835aux": "nothing is on that bus",
    "pwm_bcm2835": "lights are switched, not dimmed",
    "nvmem_rmem": "the loader's settings",
    "pisp_be": "camera",
    "rp1_cfe": "camera",
    "snd_soc_bcm2835_i2s": "sound",
    "vchiq": "sound and camera",
    "v3d": "graphics",
    "vc4": "graphics; the loader's own frame buffer shows the console",
}


def normal(name: str) -> str:
    """A module's name as the kernel compares it: `kernel/fs/ext4/ext4.ko.xz` and `ext4` are the same."""
    return name.rsplit("/", 1)[-1].split(".ko", 1)[0].replace("-", "_")


def read_dependencies(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """From `modules.dep`: normal name to path and the paths of what it depends on, closed by depmod already."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        found[normal(path)] = (path, needs.split())
    return found


def read_soft(folder: Path) -> dict[str, list[str]]:
    """From `modules.softdep`: normal name to names that shall be loaded with it."""
    found: dict[str, list[str]] = {}
    file = folder / "modules.softdep"
    for line in file.read_text().splitlines() if file.exists() else ():
        words = line.split()
        if len(words) > 2 and words[0] == "softdep":
            found.setdefault(normal(words[1]), []).extend(word for word in words[2:] if not word.endswith(":"))
    return found


def closure(folder: Path, names: tuple[str, ...]) -> list[str]:
    """Paths below `folder` of the modules called `names` and of all they need; built-in ones need no file."""
    modules = read_dependencies(folder)
    soft = read_soft(folder)
    builtin = {normal(line) for line in (folder / "modules.builtin").read_text().splitlines()}
    missing = [name for name in names if normal(name) not in modules and normal(name) not in builtin]
    if missing:
        raise BuildError(
            f"The kernel in {folder.name} has no driver called {', '.join(missing)}.",
            "A board that the card promises, or a part of the system, would not work.",
            "See whether the driver was renamed (modules.alias) and correct image/drivers.py or image/boards.py.",
        )
    wanted: set[str] = set()
    queue = [normal(name) for name in names]
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen or name not in modules:
            continue
        seen.add(name)
        path, needs = modules[name]
        wanted.update([path, *needs])
        queue += [normal(need) for need in needs]
        queue += [normal(other) for other in soft.get(name, ()) if normal(other) in modules]
    return sorted(wanted)


def announced(folder: Path, trees: list[bytes]) -> tuple[str, ...]:
    """Modules for what the boards' trees announce, by `modules.alias`, but for what the card does without.

    An allow-list alone once lacked `phy-generic`, and with it a Pi 3 had no network.
    """
    by_device: dict[str, set[str]] = {}
    for line in (folder / "modules.alias").read_text().splitlines():
        match line.split():
            case ["alias", pattern, module] if pattern.startswith("of:N*T*C"):
                device = pattern.removeprefix("of:N*T*C").removesuffix("C*")
                by_device.setdefault(device, set()).add(normal(module))
    found: set[str] = set()
    for tree in trees:
        for names in devicetree.compatibles(tree):
            for name in names:
                found |= by_device.get(name, set())
    return tuple(sorted(found - set(WITHOUT)))


def install(source: Path, target: Path, version: str, names: tuple[str, ...], *, unpack: bool = False) -> None:
    """Copy the closure of `names` from one `lib/modules/VERSION` folder to another tree, and index it."""
    origin = source / "usr/lib/modules" / version
    folder = target / "usr/lib/modules" / version
    for path in closure(origin, names):
        into = folder / path
        into.parent.mkdir(parents=True, exist_ok=True)
        if unpack and path.endswith(".xz"):
            into.with_suffix("").write_bytes(lzma.decompress((origin / path).read_bytes()))
        else:
            shutil.copy2(origin / path, into)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy2(origin / name, folder / name)
    subprocess.run(["depmod", "-b", str(target), version], check=True)
    missing = [path for path in closure(folder, names) if not (folder / path).exists()]
    if missing:
        raise BuildError(f"Modules are missing: {missing}", "Drivers would not load.", "This is a fault of the build.")


def needed_by_boards() -> tuple[str, ...]:
    """Every driver that some promised board needs."""
    purposes = (names for board in BOARDS for names in board.drivers.by_purpose().values())
    return tuple(sorted({*WIFI_DRIVERS, *(driver for names in purposes for driver in names)}))
