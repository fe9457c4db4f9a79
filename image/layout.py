"""Where everything lies on the card. One table; genimage, mke2fs, the boot script and the tests all read it.

Master boot record and not GPT, because the Pi 3's boot ROM reads nothing else. Identifiers are fixed, so that two
builds are identical; the two slots and the data partition are found by them.
"""

from dataclasses import dataclass

from appliance.update import environment

MIB = 1024 * 1024

DISK_ID = 0x706C6967  # "plig"; PARTUUIDs are this and the partition's number
GAP = 4 * MIB  # before p1: boot record, and from 1 MiB on what is remembered over a restart, twice (docs/updates.md)
ENVIRONMENT_OFFSETS = environment.OFFSETS  # bytes


@dataclass(frozen=True)
class Partition:
    """One partition: number in the table, label, size in bytes, MBR type."""

    number: int
    label: str
    size: int
    mbr_type: int
    uuid: str  # of the file system; for FAT the volume id

    @property
    def partuuid(self) -> str:
        """The name by which kernel and boot script know it."""
        return f"{DISK_ID:08x}-{self.number:02d}"


FIRMWARE = Partition(1, "PORCHLIGHT", 60 * MIB, 0x0C, "706C4657")
SLOT_A = Partition(2, "porchlight-a", 448 * MIB, 0x83, "706f7263-686c-4967-8874-00000000000a")
SLOT_B = Partition(3, "porchlight-b", 448 * MIB, 0x83, "706f7263-686c-4967-8874-00000000000b")
DATA = Partition(4, "porchlight-data", 64 * MIB, 0x83, "706f7263-686c-4967-8874-0000000000da")
PARTITIONS = (FIRMWARE, SLOT_A, SLOT_B, DATA)

# 1 GiB exactly: an emulated SD card must have a power of two, and the smallest card still sold has 2 GB.
CARD_SIZE = GAP + sum(partition.size for partition in PARTITIONS)

# Of the FAT partition, half stays free for what the owner or a later loader puts there.
FIRMWARE_BUDGET = 30 * MIB
# Of a slot, room for what Debian's security updates add over the years.
ROOT_BUDGET = 330 * 1000 * 1000


def genimage_config(images: dict[int, str], output: str) -> str:
    """The declarative file that genimage reads: `images` maps a partition's number to its file."""
    lines = [f"image {output} {{", "  hdimage {", '    partition-table-type = "mbr"']
    lines += [f"    disk-signature = 0x{DISK_ID:08x}", "    align = 1M", "  }"]
    offset = GAP
    for partition in PARTITIONS:
        lines.append(f"  partition {partition.label} {{")
        lines.append(f"    partition-type = 0x{partition.mbr_type:02x}")
        lines.append(f"    offset = {offset}")
        lines.append(f"    size = {partition.size}")
        if partition.number in images:
            lines.append(f'    image = "{images[partition.number]}"')
        if partition is FIRMWARE:
            lines.append("    bootable = true")
        lines.append("  }")
        offset += partition.size
    lines.append("}")
    return "\n".join(lines) + "\n"
