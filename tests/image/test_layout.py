"""The table of partitions is possible, and what is derived from it agrees."""

import re

from image import layout, stages


def test_the_card_is_a_power_of_two_so_that_an_emulator_takes_it() -> None:
    assert layout.CARD_SIZE == 1 << 30


def test_four_primary_partitions_with_their_own_names() -> None:
    assert [partition.number for partition in layout.PARTITIONS] == [1, 2, 3, 4]
    assert len({partition.label for partition in layout.PARTITIONS}) == 4
    assert len({partition.uuid for partition in layout.PARTITIONS}) == 4


def test_fat32_has_the_clusters_that_make_it_fat32() -> None:
    # Fewer than 65525 clusters would be FAT16 to every reader (Microsoft's FAT specification, page 14).
    assert layout.FIRMWARE.size // 512 - 2000 > 65525


def test_labels_fit_into_their_file_systems() -> None:
    assert len(layout.FIRMWARE.label) <= 11
    assert all(len(partition.label) <= 16 for partition in layout.PARTITIONS[1:])


def test_room_for_the_loader_s_environment_lies_before_the_first_partition() -> None:
    first, second = layout.ENVIRONMENT_OFFSETS
    assert 512 < first < second < layout.GAP


def test_genimage_is_given_every_partition_without_gaps() -> None:
    text = layout.genimage_config({1: "1.img"}, "card.img")
    offsets = [int(word) for word in re.findall(r"offset = (\d+)", text)]
    sizes = [int(word) for word in re.findall(r"\bsize = (\d+)", text)]
    assert offsets[0] == layout.GAP
    ends = [offset + size for offset, size in zip(offsets, sizes, strict=True)]
    assert offsets[1:] == ends[:-1]
    assert text.count("image = ") == 1


def test_the_boot_script_takes_disk_and_slots_from_the_table() -> None:
    script = (stages.REPOSITORY / "image/boot.cmd").read_text()
    assert "root=PARTUUID=@DISK@-0${part}" in script
    for partition, name in ((layout.SLOT_A, "A"), (layout.SLOT_B, "B")):
        assert f'"${{slot}}" = {name}; then setenv part {partition.number};' in script
        assert partition.partuuid == f"{layout.DISK_ID:08x}-0{partition.number}"
