"""Inside the native tree: `python3 -m image.assembly base|card|bundle|pack`, called by `image.stages` alone.

`/source` is the repository, `/cache` the kept trees, `/work` an empty directory, `/output` where the result goes,
`/keys` what belongs to the updates.
Lines that begin with `>>>` are shown to the person at the terminal.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from image import blockmap, bundle, filesystems, firmware, initramfs, layer, layout, native
from image.errors import BuildError

SOURCE, CACHE, WORK, OUTPUT = Path("/source"), Path("/cache"), Path("/work"), Path("/output")
KEYS = Path("/keys")


def say(text: str) -> None:
    """Shown beside the stage's clock."""
    print(f">>> {text}", flush=True)


def card(epoch: int, name: str, place: str) -> None:
    """The card from the base and this repository: `/output/NAME`, and the system alone: `/output/system.ext4`."""
    say("unpacking the base")
    tree = WORK / "tree"
    native.unpack(CACHE / "base.tar", tree)
    root, fat = tree / "root", tree / "firmware"
    say("installing porchlight")
    layer.apply(root, SOURCE, WORK / "program", epoch)
    layer.updates(root, KEYS / "update.pem", place)
    say("initramfs")
    initramfs.make(root, tree / "tools/busybox", SOURCE / "image/initramfs", WORK / "initramfs", epoch)
    say("firmware partition")
    firmware.fill(fat, WORK / "program", WORK, epoch)
    firmware.check(fat, root)
    used = filesystems.size(root)
    if used > layout.ROOT_BUDGET:
        raise BuildError(
            f"The system takes {used / 1e6:.0f} MB; its budget is {layout.ROOT_BUDGET / 1e6:.0f} MB.",
            "Later updates might not fit into their slot.",
            "See what grew, and remove it or trim it (image/recipe.py).",
        )
    say("file systems")
    filesystems.clamp(root, epoch)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    parts = {partition.number: WORK / f"{partition.label}.img" for partition in layout.PARTITIONS}
    filesystems.fat(layout.FIRMWARE, parts[1], fat, epoch)
    filesystems.ext4(layout.SLOT_A, parts[2], root, filesystems.SLOT_BLOCK, filesystems.SLOT_FEATURES)
    bundle.system(root, OUTPUT / "system.ext4")
    kept = WORK / "data"
    kept.mkdir()
    kept.chmod(0o755)
    # What tells the initramfs that this file system is not one that a repair has emptied.
    mark = kept / "in-use"
    mark.touch()
    mark.chmod(0o644)
    filesystems.clamp(kept, epoch)
    data = (filesystems.DATA_BLOCK, filesystems.DATA_FEATURES, filesystems.DATA_GROWS_TO)
    inodes = layout.DATA.size // filesystems.DATA_BYTES_PER_INODE
    filesystems.ext4(layout.DATA, parts[4], kept, *data, inodes=inodes)
    say("partition table")
    images = {number: path for number, path in parts.items() if number != layout.SLOT_B.number}
    filesystems.card(images, WORK / name, WORK / "genimage")
    say(f"system {used / 1e6:.0f} MB")
    shutil.move(WORK / name, OUTPUT / name)


def main(arguments: list[str]) -> int:
    """Run one half of the work; errors are told in the build's own form, on the last lines of the log."""
    try:
        match arguments:
            case ["base"]:
                native.make(CACHE, WORK, OUTPUT / "base.tar")
            case ["card", epoch, name, place]:
                card(int(epoch), name, place)
            case ["bundle", version, epoch, name]:
                bundle.make(WORK / "system.ext4", version, int(epoch), KEYS, WORK / "bundle", OUTPUT / name)
            case ["pack", image, name]:
                command = ["xz", "--stdout", "-1", f"--threads={max(2, os.cpu_count() or 2)}", f"/work/{image}"]
                with (OUTPUT / name).open("wb") as file:
                    subprocess.run(command, check=True, stdout=file)
                (OUTPUT / f"{image}.bmap").write_text(blockmap.make(WORK / image))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except BuildError as error:
        print(f"!!! {error.what}\n!!! {error.means}\n!!! {error.do}", flush=True)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} ended with status {error.returncode}: {' '.join(map(str, error.cmd))}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
