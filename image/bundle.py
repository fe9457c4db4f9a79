"""The update: the system of this card as a signed bundle for RAUC, and the feed that offers it."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

from appliance.update.feed import COMPATIBLE
from image import filesystems, layout

# `since` of a feed whose bundle may be installed over anything.
ANYTHING = "0.0.0"
# Quick to unpack on a Pi, and to make: xz would be a tenth smaller and three times slower on both.
COMPRESSION = "-comp zstd -Xcompression-level 9 -b 256K"
# What a file system needs beside its files: bytes for an inode, and a share for directories and indices.
INODE = 256
SPARE = 1.02
# The same on each card, whichever slot it is written to: nothing goes by them.
UUID = "706f7263-686c-4967-8874-0000000000ff"
LABEL = "porchlight"


def system(root: Path, output: Path) -> None:
    """The file system of a slot, no larger than it must be: what is not in it has not to be written on the card."""
    inodes = sum(1 for _ in root.rglob("*")) + 64
    needed = int(filesystems.size(root) * SPARE) + inodes * INODE + 8 * layout.MIB
    size = min(layout.SLOT_B.size, -(-needed // layout.MIB) * layout.MIB)
    partition = replace(layout.SLOT_B, label=LABEL, size=size, uuid=UUID)
    filesystems.ext4(partition, output, root, filesystems.SLOT_BLOCK, filesystems.SLOT_FEATURES, inodes=inodes)


def manifest(version: str, epoch: int) -> str:
    """What RAUC reads first. No input or output here.

    Args:
        version: of the system.
        epoch: its time, seconds since 1970.
    """
    lines = ["[update]", f"compatible={COMPATIBLE}", f"version={version}", f"build={epoch}", ""]
    lines += ["[bundle]", "format=verity", "", "[image.rootfs]", "filename=system.ext4", ""]
    return "\n".join(lines)


def make(image: Path, version: str, epoch: int, keys: Path, scratch: Path, output: Path) -> None:
    """Pack and sign.

    Args:
        image: the file system; it is moved.
        version: of the system.
        epoch: its time, seconds since 1970.
        keys: a folder with ``update.pem`` and ``update.key``.
        scratch: an empty folder to be.
        output: the bundle.
    """
    scratch.mkdir()
    image.rename(scratch / "system.ext4")
    (scratch / "manifest.raucm").write_text(manifest(version, epoch))
    for path in (*scratch.iterdir(), scratch):
        os.utime(path, (epoch, epoch))
    command = ["rauc", "bundle", f"--cert={keys}/update.pem", f"--key={keys}/update.key"]
    command += [f"--mksquashfs-args={COMPRESSION} -no-progress", str(scratch), str(output)]
    subprocess.run(command, check=True)


def feed(name: str, version: str, size: int, sha256: str, place: str = "", since: str = ANYTHING) -> str:
    """The release feed: what ``appliance.update.feed`` reads. No input or output here.

    Args:
        name: of the bundle's file, which lies beside the feed.
        version: of the system.
        size: of the bundle, bytes.
        sha256: of the bundle, for people: cards go by its signature.
        place: where the bundle will lie, with a slash at its end; empty: beside the feed.
        since: the oldest version that may take it in one step.
    """
    said = {"version": version, "url": f"{place}{name}", "size": size, "sha256": sha256, "compatible": COMPATIBLE}
    return json.dumps({**said, "since": since}, indent=2) + "\n"
