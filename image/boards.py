"""The boards that the card promises to start on, what each one's loader and drivers must find, and what is proven.

The build refuses a card that lacks any of it (`firmware.check`), and the table in docs/boards.md is made of this list.

Sources: Raspberry Pi's documentation of the boot sequence and of config.txt (`upstream_kernel=1` makes the loader look
for the kernel's own names of trees); the compatible strings of the kernel's trees; for the files of a Wi-Fi chip the
kernel's drivers/net/wireless/broadcom/brcm80211/brcmfmac (firmware.c, sdio.c).
"""

from dataclasses import dataclass
from enum import StrEnum

# Read by the boot ROM's next stage on boards without a loader in flash; the Pi 4 and 5 carry theirs in an EEPROM.
FIRST_GENERATION = ("bootcode.bin", "start.elf", "fixup.dat")
FOURTH_GENERATION = ("start4.elf", "fixup4.dat")
COMMON = ("config.txt", "u-boot.bin", "boot.scr")

# How a tree announces the Wi-Fi chip, whichever of its family it is (brcm,bcm4329-fmac.yaml of the kernel).
WIFI_NODE = "brcm,bcm4329-fmac"
# The second and third are loaded by the first one's request, so nothing names them as its dependency.
WIFI_DRIVERS = ("brcmfmac", "brcmfmac-cyw", "brcmfmac-wcc")
# A stick with an update (docs/updates.md): the two ways in which sticks speak, the disk that they are, and the two
# file systems that are looked at, with the letters of the older one's names. Nothing depends on sd_mod by name.
STICK_DRIVERS = ("usb-storage", "uas", "sd_mod", "exfat", "vfat", "nls_cp437", "nls_ascii")
# What each country allows a radio to do, and who signed that; without it nothing may be sent but by the world's rules.
WIFI_RULES = ("regulatory.db", "regulatory.db.p7s")


class Proof(StrEnum):
    """How it is known that something works."""

    EMULATED = "emulated"
    CHECKED = "checked"
    MISSING = "missing"


@dataclass(frozen=True)
class Drivers:
    """Kernel modules, or parts of the kernel, by what they are for."""

    card: tuple[str, ...]
    network: tuple[str, ...]
    usb: tuple[str, ...]
    other: tuple[str, ...]

    def by_purpose(self) -> dict[str, tuple[str, ...]]:
        """The same under the words that the build's refusal uses."""
        return {
            "SD card": self.card,
            "network": self.network,
            "USB": self.usb,
            "USB stick": STICK_DRIVERS,
            "board": self.other,
        }


@dataclass(frozen=True)
class Board:
    """One board.

    Args:
        name: as Raspberry Pi calls it.
        section: its filter in config.txt.
        tree: the device tree's file.
        compatible: that tree's own name; the files of a Wi-Fi chip are called by it.
        loader: files that its loader reads besides the common ones.
        drivers: what it needs of the kernel.
        wifi: Wi-Fi chips that were built into it, as the driver names them; of other chips nothing is promised.
        starts: how it is known that the card starts.
        ethernet: how it is known that the socket works; `MISSING` when the board has none.
        unproven: what nobody has seen, in words for docs/boards.md.
    """

    name: str
    section: str
    tree: str
    compatible: str
    loader: tuple[str, ...]
    drivers: Drivers
    wifi: tuple[str, ...]
    starts: Proof = Proof.CHECKED
    ethernet: Proof = Proof.CHECKED
    unproven: str = "starting"


COMMON_DRIVERS = ("mmc_block", "ext4", "overlay", "vfat", "nls_ascii")


def _bcm2837(*network: str) -> Drivers:
    # phy-generic stands for the USB port; without it that port never comes up. The Wi-Fi chip hangs on sdhci-iproc.
    return Drivers(
        (*COMMON_DRIVERS, "bcm2835", "sdhci-iproc"),
        network,
        ("dwc2", "phy-generic"),
        ("pinctrl-bcm2835", "bcm2835_wdt"),
    )


BCM2711 = Drivers(
    (*COMMON_DRIVERS, "sdhci-iproc"),
    ("genet", "broadcom"),
    ("pcie-brcmstb", "xhci-pci"),
    ("pinctrl-bcm2835", "bcm2835_wdt"),
)
# irq-bcm2712-mip carries the interrupts of the Pi 5's second chip, and with them its network and its pins.
BCM2712 = Drivers(
    (*COMMON_DRIVERS, "sdhci-brcmstb"),
    ("irq-bcm2712-mip", "rp1_pci", "clk-rp1", "macb", "broadcom"),
    ("xhci-plat-hcd", "dwc3"),
    ("pinctrl-rp1", "bcm2835_wdt"),
)

NO_SOCKET = "has no network socket: Wi-Fi, or an adapter at its USB port"

BOARDS = (
    Board(
        "Raspberry Pi 3 Model B",
        "pi3",
        "bcm2837-rpi-3-b.dtb",
        "raspberrypi,3-model-b",
        FIRST_GENERATION,
        _bcm2837("smsc95xx"),
        ("43430",),
        starts=Proof.EMULATED,
        unproven="the loader itself; the real network chip (emulated: another one, on USB)",
    ),
    Board(
        "Raspberry Pi 3 Model B+",
        "pi3+",
        "bcm2837-rpi-3-b-plus.dtb",
        "raspberrypi,3-model-b-plus",
        FIRST_GENERATION,
        _bcm2837("lan78xx"),
        ("43455",),
    ),
    Board(
        "Raspberry Pi 3 Model A+",
        "pi3",
        "bcm2837-rpi-3-a-plus.dtb",
        "raspberrypi,3-model-a-plus",
        FIRST_GENERATION,
        _bcm2837(),
        ("43455",),
        ethernet=Proof.MISSING,
        unproven=f"starting; {NO_SOCKET}",
    ),
    Board(
        "Raspberry Pi Zero 2 W",
        "pi02",
        "bcm2837-rpi-zero-2-w.dtb",
        "raspberrypi,model-zero-2-w",
        FIRST_GENERATION,
        _bcm2837(),
        ("43430",),
        ethernet=Proof.MISSING,
        unproven=f"starting; {NO_SOCKET}; Wi-Fi on those whose chip calls itself 43430b0, for which Debian has "
        "no firmware",
    ),
    Board(
        "Raspberry Pi 4 Model B",
        "pi4",
        "bcm2711-rpi-4-b.dtb",
        "raspberrypi,4-model-b",
        FOURTH_GENERATION,
        BCM2711,
        ("43455",),
        unproven="starting: QEMU's raspi4b has neither network nor a usable card with this kernel",
    ),
    Board(
        "Raspberry Pi 400",
        "pi400",
        "bcm2711-rpi-400.dtb",
        "raspberrypi,400",
        FOURTH_GENERATION,
        BCM2711,
        ("43456",),
    ),
    Board(
        "Raspberry Pi Compute Module 4",
        "cm4",
        "bcm2711-rpi-cm4-io.dtb",
        "raspberrypi,4-compute-module",
        FOURTH_GENERATION,
        BCM2711,
        ("43455",),
        unproven="starting, on its IO board; eMMC; Wi-Fi where the module has it",
    ),
    Board(
        "Raspberry Pi 5",
        "pi5",
        "bcm2712-rpi-5-b.dtb",
        "raspberrypi,5-model-b",
        (),
        BCM2712,
        ("43455",),
        unproven="starting; that Debian's U-Boot runs on it; which of the two trees its EEPROM asks for",
    ),
    Board(
        "Raspberry Pi 5, later revision (D0)",
        "pi5",
        "bcm2712-d-rpi-5-b.dtb",
        "raspberrypi,5-model-b",
        (),
        BCM2712,
        ("43455",),
        unproven="as above",
    ),
)


@dataclass(frozen=True)
class NotPromised:
    """Boards on which nobody should count.

    Args:
        name: as Raspberry Pi calls them.
        tree: the device tree's file in Debian's kernel; empty when there is none.
        reason: in words for docs/boards.md.
    """

    name: str
    tree: str
    reason: str


# The kernel's names of trees begin with the processor. A tree of theirs that is in neither list is one that nobody has
# thought of yet: tests/image/test_boards.py looks at the kernel that the card has.
FAMILIES = ("bcm2711-", "bcm2712-", "bcm2837-")
NO_TREE = "no tree in Debian's kernel"
NOT_PROMISED = (
    NotPromised("Raspberry Pi 500, 500+", "", NO_TREE),
    NotPromised("Raspberry Pi Compute Module 5", "", NO_TREE),
    NotPromised(
        "Raspberry Pi Compute Module 3, 3+",
        "bcm2837-rpi-cm3-io3.dtb",
        "no network of its own, and nobody has looked at what its IO board needs",
    ),
    NotPromised(
        "Raspberry Pi 2 Model B, revision 1.2",
        "bcm2837-rpi-2-b.dtb",
        "looks like the earlier Pi 2, whose processor is 32-bit; slower than a Pi 3",
    ),
    NotPromised("Raspberry Pi 1, Zero, Zero W, earlier 2", "", "32-bit processor"),
)


def wifi_files(board: Board, chip: str) -> tuple[tuple[str, ...], ...]:
    """What the driver asks for on behalf of a chip, below /usr/lib/firmware: for each file the names that will do.

    The program, the limits of its transmitter, and the board's calibration: by the tree's name, else for all boards.
    """
    stem = f"brcm/brcmfmac{chip}-sdio"
    return (f"{stem}.bin",), (f"{stem}.clm_blob",), (f"{stem}.{board.compatible}.txt", f"{stem}.txt")


def table() -> str:
    """The table of docs/boards.md."""
    lines = [
        "| board | tree | loader's files | starts, SD card, USB, pins | socket | Wi-Fi chip | nobody has seen |",
        "|---|---|---|---|---|---|---|",
    ]
    for board in BOARDS:
        cells = (
            board.name,
            f"`{board.tree}`",
            f"`{' '.join(board.loader)}`" if board.loader else "none: all in its EEPROM",
            board.starts,
            "none" if board.ethernet is Proof.MISSING else board.ethernet,
            f"{', '.join(board.wifi)}: {Proof.CHECKED}",
            board.unproven,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def not_promised() -> str:
    """The second table of docs/boards.md."""
    lines = ["| board | tree | why not |", "|---|---|---|"]
    for board in NOT_PROMISED:
        lines.append(f"| {board.name} | {f'`{board.tree}`' if board.tree else 'none'} | {board.reason} |")
    return "\n".join(lines) + "\n"
