"""The boards that the card promises to start on, and what each one's loader and drivers must find there.

Sources: Raspberry Pi's documentation of the boot sequence and of config.txt (`upstream_kernel=1` makes the loader look
for the kernel's own names of trees), the compatible strings of the kernel's trees.
"""

from dataclasses import dataclass

# Read by the boot ROM's next stage on boards without a loader in flash; the Pi 4 and 5 carry theirs in an EEPROM.
FIRST_GENERATION = ("bootcode.bin", "start.elf", "fixup.dat")
FOURTH_GENERATION = ("start4.elf", "fixup4.dat")
COMMON = ("config.txt", "u-boot.bin", "boot.scr")


@dataclass(frozen=True)
class Board:
    """One board: its name, config.txt section, tree, that tree's compatible string, loader files, drivers it needs."""

    name: str
    section: str
    tree: str
    compatible: str
    loader: tuple[str, ...]
    drivers: tuple[str, ...]


COMMON_DRIVERS = ("mmc_block", "ext4", "overlay", "vfat", "nls_ascii")
# By processor: SD card, pins, network, USB, watchdog.
# phy-generic stands for the USB port; without it that port never comes up. irq-bcm2712-mip carries the interrupts of
# the Pi 5's second chip, and with them its network and its pins.
BCM2837 = ("bcm2835", "sdhci-iproc", "pinctrl-bcm2835", "phy-generic", "bcm2835_wdt")
BCM2711 = ("sdhci-iproc", "pinctrl-bcm2835", "genet", "broadcom", "pcie-brcmstb", "xhci-pci", "bcm2835_wdt")
BCM2712 = (
    "sdhci-brcmstb",
    "irq-bcm2712-mip",
    "rp1_pci",
    "pinctrl-rp1",
    "clk-rp1",
    "macb",
    "broadcom",
    "xhci-plat-hcd",
    "dwc3",
    "bcm2835_wdt",
)

BOARDS = (
    Board(
        "Raspberry Pi 3 Model B",
        "pi3",
        "bcm2837-rpi-3-b.dtb",
        "raspberrypi,3-model-b",
        FIRST_GENERATION,
        (*BCM2837, "dwc2", "smsc95xx"),
    ),
    Board(
        "Raspberry Pi 3 Model B+",
        "pi3+",
        "bcm2837-rpi-3-b-plus.dtb",
        "raspberrypi,3-model-b-plus",
        FIRST_GENERATION,
        (*BCM2837, "dwc2", "lan78xx"),
    ),
    Board(
        "Raspberry Pi 3 Model A+",
        "pi3",
        "bcm2837-rpi-3-a-plus.dtb",
        "raspberrypi,3-model-a-plus",
        FIRST_GENERATION,
        (*BCM2837, "dwc2"),
    ),
    Board(
        "Raspberry Pi Zero 2 W",
        "pi02",
        "bcm2837-rpi-zero-2-w.dtb",
        "raspberrypi,model-zero-2-w",
        FIRST_GENERATION,
        (*BCM2837, "dwc2"),
    ),
    Board(
        "Raspberry Pi 4 Model B",
        "pi4",
        "bcm2711-rpi-4-b.dtb",
        "raspberrypi,4-model-b",
        FOURTH_GENERATION,
        BCM2711,
    ),
    Board(
        "Raspberry Pi 400",
        "pi400",
        "bcm2711-rpi-400.dtb",
        "raspberrypi,400",
        FOURTH_GENERATION,
        BCM2711,
    ),
    Board(
        "Raspberry Pi Compute Module 4",
        "cm4",
        "bcm2711-rpi-cm4-io.dtb",
        "raspberrypi,4-compute-module",
        FOURTH_GENERATION,
        BCM2711,
    ),
    Board(
        "Raspberry Pi 5",
        "pi5",
        "bcm2712-rpi-5-b.dtb",
        "raspberrypi,5-model-b",
        (),
        BCM2712,
    ),
    Board(
        "Raspberry Pi 5, later revision (D0)",
        "pi5",
        "bcm2712-d-rpi-5-b.dtb",
        "raspberrypi,5-model-b",
        (),
        BCM2712,
    ),
)
