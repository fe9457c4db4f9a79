"""File systems and partition table, the same bytes each time: fixed identifiers, clamped times, no host's name."""

import os
import shutil
import subprocess
from pathlib import Path

from image import layout
from image.errors import BuildError

# U-Boot reads ext4 without its journal and checksums; a slot is never written, so it needs neither journal nor spare.
SLOT_FEATURES = "^has_journal,^metadata_csum,^64bit,^orphan_file,^resize_inode,^huge_file"
# The data partition grows to the card at the first start (image/initramfs/init), hence room for group descriptors.
DATA_FEATURES = "has_journal,metadata_csum,64bit,^orphan_file"
DATA_GROWS_TO = "resize=268435456"  # blocks of 2 KiB: 512 GiB
SLOT_BLOCK = 4096
# With blocks of 4 KiB there would be one block group of 128 MiB and so no second superblock: a damaged first one would
# take every setting with it. e2fsck looks for the second one only at the default place for each block size.
DATA_BLOCK = 2048
# 256 in each group of 32 MiB, also after it has grown: there are some dozens of files, and a repair has to read all
# that might be one.
DATA_BYTES_PER_INODE = 131072


def clamp(tree: Path, epoch: int) -> None:
    """No file of the tree is younger than `epoch`, seconds; times do not depend on when it was made."""
    for path in (tree, *tree.rglob("*")):
        status = path.lstat()
        moment = min(int(status.st_mtime), epoch)
        os.utime(path, (moment, moment), follow_symlinks=False)


def size(tree: Path) -> int:
    """Bytes of the files of a tree, each rounded up to blocks of 4 KiB."""
    total = 0
    for path in tree.rglob("*"):
        status = path.lstat()
        total += (status.st_size + 4095) // 4096 * 4096 if not path.is_symlink() else 0
    return total


def ext4(
    partition: layout.Partition,
    output: Path,
    tree: Path,
    block: int,
    features: str,
    extended: str = "",
    inodes: int = 0,
) -> None:
    """An ext4 file system with the contents of `tree`, in blocks of so many bytes; `inodes` 0: as many as usual."""
    with output.open("wb") as file:
        file.truncate(partition.size)
    options = ",".join(filter(None, (f"hash_seed={partition.uuid},lazy_itable_init=0,lazy_journal_init=0", extended)))
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", str(block), "-L", partition.label, "-U", partition.uuid]
    command += ["-O", features, "-E", options, "-m", "1" if partition is layout.DATA else "0"]
    command += ["-N", str(inodes)] if inodes else []
    result = subprocess.run([*command, "-d", str(tree), str(output)], capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(
            f"mke2fs could not make {partition.label}: {result.stderr.strip()}",
            f"The files do not fit into {partition.size // layout.MIB} MiB, or the disk of this machine is full.",
            "See what grew (dist/*.manifest), or enlarge the slots in image/layout.py before the first release.",
        )


def fat(partition: layout.Partition, output: Path, tree: Path, epoch: int) -> None:
    """A FAT32 file system with the files of `tree`, in alphabetical order."""
    with output.open("wb") as file:
        file.truncate(partition.size)
    command = ["mkfs.vfat", "--invariant", "-F", "32", "-s", "1", "-i", partition.uuid, "-n", partition.label]
    subprocess.run([*command, str(output)], check=True, stdout=subprocess.DEVNULL)
    names = [str(path) for path in sorted(tree.iterdir())]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    for path in tree.iterdir():
        os.utime(path, (epoch, epoch))
    subprocess.run(["mcopy", "-m", "-i", str(output), *names, "::"], check=True, env=environment)


def card(images: dict[int, Path], output: Path, scratch: Path) -> None:
    """All partitions in one file, by genimage."""
    for name in ("root", "tmp", "in"):
        (scratch / name).mkdir(parents=True)
    for number, path in images.items():
        path.rename(scratch / "in" / f"{number}.img")
    config = scratch / "card.cfg"
    config.write_text(layout.genimage_config({number: f"{number}.img" for number in images}, output.name))
    command = ["genimage", "--config", str(config), "--rootpath", str(scratch / "root"), "--tmppath"]
    command += [str(scratch / "tmp/build"), "--inputpath", str(scratch / "in"), "--outputpath", str(scratch / "out")]
    subprocess.run(command, check=True)
    made = scratch / "out" / output.name
    if made.stat().st_size > layout.CARD_SIZE:
        raise BuildError("The card is larger than its table says.", "It would not fit.", "Correct image/layout.py.")
    os.truncate(made, layout.CARD_SIZE)
    made.rename(output)
    shutil.rmtree(scratch)
