"""The FAT partition: what the loader of each board reads, U-Boot with its script, the owner's settings file."""

import os
import shutil
import subprocess
from pathlib import Path

from appliance.update import environment
from image import boards, devicetree, drivers, layout
from image.errors import BuildError

SECTOR = 512  # bytes
# What U-Boot does, instead of what Debian's has been built with. That one would first start an EFI program of any
# disk, a USB stick's among them, in the end ask the network for one, and stop for ever at the press of a key, or where
# nothing can be read at the first try. A board has up to three places for cards, whose numbers are U-Boot's own.
START = (
    "for place in 0 1 2; do if load mmc ${place}:1 ${scriptaddr} boot.scr; then"
    " setenv devtype mmc; setenv devnum ${place}; source ${scriptaddr}; fi; done; sleep 10; reset"
)
# Seconds: without a look at the keyboard or the serial line.
AT_ONCE = "fffffffe"


def fill(target: Path, source: Path, scratch: Path, epoch: int) -> None:
    """Add to the files of Debian's packages in `target` those of this repository and the compiled boot script."""
    for path in sorted((source / "image/files/boot/firmware").iterdir()):
        shutil.copyfile(path, target / path.name)
    script = scratch / "boot.cmd"
    script.write_text(boot_script((source / "image/boot.cmd").read_text()))
    command = ["mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-n", "porchlight", "-d", str(script)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run([*command, str(target / "boot.scr")], check=True, env=environment)
    settings(target / "porchlight.toml", source)
    for tree in sorted(target.glob("*.dtb")):
        direct(tree)


def direct(tree: Path) -> None:
    """Have U-Boot start the card and nothing else: it asks the board's tree before its own environment.

    Args:
        tree: written in place (https://docs.u-boot.org/en/latest/usage/environment.html, "/config").
    """
    for command in (
        ["fdtput", "-c", str(tree), "/config"],
        ["fdtput", "-t", "x", str(tree), "/config", "bootdelay", AT_ONCE],
        ["fdtput", "-t", "s", str(tree), "/config", "bootcmd", START],
    ):
        subprocess.run(command, check=True)


def boot_script(text: str) -> str:
    """The boot script with the numbers that the system uses too; hexadecimal, as U-Boot reads them."""
    values = {
        "DISK": f"{layout.DISK_ID:08x}",
        "TRIES": str(environment.TRIES),
        "COPY_SIZE": f"{environment.SIZE:x}",
        "COPY_BLOCKS": f"{environment.SIZE // SECTOR:x}",
        "FIRST_COPY": f"{environment.OFFSETS[0] // SECTOR:x}",
        "SECOND_COPY": f"{environment.OFFSETS[1] // SECTOR:x}",
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def settings(target: Path, source: Path) -> None:
    """The commented settings file, written by the code that will read it."""
    command = ["python3", "-m", "appliance", "settings"]
    result = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    if result.returncode or not result.stdout.strip():
        raise BuildError(
            f"The settings file could not be written: {result.stderr.strip()[-500:]}",
            "The card would come without the file that its owner edits.",
            "Run `python3 -m appliance settings` and see what it says.",
        )
    # Windows' editor shows one long line otherwise.
    target.write_text(result.stdout, newline="\r\n")


def check(folder: Path, root: Path) -> None:
    """Refuse a card on which a promised board would not start or not reach its network.

    Args:
        folder: the FAT partition's files.
        root: the slot's tree, with the kernel's modules and the Wi-Fi chips' files.

    Raises:
        BuildError: names everything that is missing, and for which board.
    """
    faults: list[str] = []
    # Without it there is nothing to read, which is told below, board by board.
    config = (folder / "config.txt").read_text() if whole(folder / "config.txt") else ""
    modules = next((root / "usr/lib/modules").iterdir())
    for board in boards.BOARDS:
        for name in (*boards.COMMON, *board.loader, board.tree):
            if not whole(folder / name):
                faults.append(f"{board.name}: {name} is missing or empty")
        faults += tree_faults(board, folder / board.tree)
        if not {"kernel=u-boot.bin", "upstream_kernel=1", "arm_64bit=1"} <= effective(config, board.section):
            faults.append(f"{board.name}: config.txt does not start u-boot.bin with the kernel's trees")
        for purpose, names in (*board.drivers.by_purpose().items(), ("Wi-Fi", boards.WIFI_DRIVERS)):
            faults += [f"{board.name}: {fault} ({purpose})" for fault in driver_faults(modules, names)]
        early = {drivers.normal(name) for name in drivers.INITRAMFS}
        faults += [
            f"{board.name}: driver {name} is not in the initramfs (SD card)"
            for name in board.drivers.card
            if drivers.normal(name) not in early
        ]
        faults += wifi_faults(board, root / "usr/lib/firmware")
    used = sum(path.stat().st_size for path in folder.iterdir())
    if used > layout.FIRMWARE_BUDGET:
        faults.append(f"the FAT partition holds {used} bytes, its budget is {layout.FIRMWARE_BUDGET}")
    if faults:
        raise BuildError(
            "The card would not start on every board it promises:" + "".join(f"\n    - {fault}" for fault in faults),
            "Some Pi would stay dark or without a network, and its owner could not know why.",
            "Correct image/boards.py, image/drivers.py or image/files/boot/firmware/config.txt.",
        )


def driver_faults(modules: Path, names: tuple[str, ...]) -> list[str]:
    """Which of a board's drivers, or of what they depend on, is neither a file nor built into the kernel."""
    try:
        return [
            f"driver {path} is missing" for path in drivers.closure(modules, names) if not (modules / path).exists()
        ]
    except BuildError as error:
        return [error.what]


def wifi_faults(board: boards.Board, folder: Path) -> list[str]:
    """Which file the driver of a board's Wi-Fi chip would ask for in vain below `folder`."""
    asked = [names for chip in board.wifi for names in boards.wifi_files(board, chip)]
    asked += [(name,) for name in boards.WIFI_RULES]
    missing = [names for names in asked if not any(whole(folder / name) for name in names)]
    return [f"{board.name}: {' or '.join(names)} is missing or empty (Wi-Fi)" for names in missing]


def whole(path: Path) -> bool:
    """Whether there is a file with something in it."""
    return path.is_file() and path.stat().st_size > 0


def tree_faults(board: boards.Board, path: Path) -> list[str]:
    """What is wrong with a board's device tree."""
    if not path.exists():
        return []
    try:
        found = devicetree.compatibles(path.read_bytes())
    except ValueError as error:
        return [f"{board.name}: {path.name}: {error}"]
    if not found or board.compatible not in found[0]:
        return [f"{board.name}: {path.name} is for {' '.join(found[0]) if found else 'no board'}"]
    if board.wifi and [boards.WIFI_NODE] not in found:
        return [f"{board.name}: {path.name} announces no Wi-Fi chip"]
    if START.encode() not in path.read_bytes():
        return [f"{board.name}: {path.name} does not tell U-Boot to start the card alone"]
    return []


def effective(config: str, section: str) -> set[str]:
    """The lines of config.txt that hold for a board: those outside any filter, under [all], or under its own."""
    lines: set[str] = set()
    current = "all"
    for line in config.splitlines():
        text = line.strip()
        if text.startswith("["):
            current = text.strip("[]")
        elif text and not text.startswith("#") and current in ("all", section):
            lines.add(text)
    return lines
