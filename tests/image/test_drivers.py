"""The allow-lists are closed over what modules need, and a driver that is not there stops the build."""

import struct
from pathlib import Path

import pytest

from image import devicetree, drivers
from image.boards import BOARDS
from image.errors import BuildError


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A kernel's folder: ext4 needs jbd2 and mbcache, ext4 asks softly for crc32c, loop is built in."""
    (tmp_path / "modules.dep").write_text(
        "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz\n"
        "kernel/fs/jbd2/jbd2.ko.xz:\n"
        "kernel/fs/mbcache.ko.xz:\n"
        "kernel/lib/crc32c-generic.ko.xz: kernel/lib/hash.ko.xz\n"
        "kernel/lib/hash.ko.xz:\n"
        "kernel/drivers/net/usb/smsc95xx.ko.xz:\n"
    )
    (tmp_path / "modules.softdep").write_text("# comment\nsoftdep ext4 pre: crc32c_generic\n")
    (tmp_path / "modules.builtin").write_text("kernel/drivers/block/loop.ko\n")
    return tmp_path


def test_what_a_module_needs_comes_along(kernel: Path) -> None:
    assert drivers.closure(kernel, ("ext4",)) == [
        "kernel/fs/ext4/ext4.ko.xz",
        "kernel/fs/jbd2/jbd2.ko.xz",
        "kernel/fs/mbcache.ko.xz",
        "kernel/lib/crc32c-generic.ko.xz",
        "kernel/lib/hash.ko.xz",
    ]


def test_what_is_built_in_needs_no_file(kernel: Path) -> None:
    assert drivers.closure(kernel, ("loop", "smsc95xx")) == ["kernel/drivers/net/usb/smsc95xx.ko.xz"]


def test_a_driver_that_is_nowhere_stops_the_build_and_is_named(kernel: Path) -> None:
    with pytest.raises(BuildError, match="no driver called lan78xx"):
        drivers.closure(kernel, ("ext4", "lan78xx"))


@pytest.mark.parametrize("name", ["xhci-hcd", "xhci_hcd", "kernel/drivers/usb/host/xhci-hcd.ko.xz"])
def test_dashes_and_folders_do_not_matter(name: str) -> None:
    assert drivers.normal(name) == "xhci_hcd"


def test_every_board_s_drivers_are_on_the_card_s_list() -> None:
    assert {"genet", "smsc95xx", "lan78xx", "macb"} <= set(drivers.needed_by_boards())


def test_a_stick_is_read_on_every_board_once_the_system_runs() -> None:
    sticks = {"usb-storage", "uas", "sd_mod", "exfat", "vfat"}
    for board in BOARDS:
        assert sticks <= set(board.drivers.by_purpose()["USB stick"]), board.name
    # The card does not start from USB, so nothing there could be taken for it.
    assert sticks & set(drivers.INITRAMFS) == {"vfat"}


def test_what_a_tree_announces_comes_along_but_for_what_the_card_does_without(kernel: Path) -> None:
    (kernel / "modules.alias").write_text(
        "alias of:N*T*Cusb-nop-xceiv phy_generic\nalias of:N*T*Cusb-nop-xceivC* phy_generic\n"
        "alias of:N*T*Cbrcm,bcm2835-vc4C* vc4\nalias of:N*T*Cother,deviceC* other\nalias usb:v0001p* usbthing\n"
    )
    trees = [tree(b"raspberrypi,3-model-b\0brcm,bcm2837", b"usb-nop-xceiv", b"brcm,bcm2835-vc4")]
    assert drivers.announced(kernel, trees) == ("phy_generic",)


@pytest.mark.parametrize("length", [0, 20, 60])
def test_a_cut_off_tree_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"shorter|cut off|not found"):
        devicetree.compatibles(tree(b"raspberrypi,3-model-b")[:length])


def tree(root: bytes, *devices: bytes) -> bytes:
    """A device tree of a root and nodes below it, each with nothing but its `compatible`."""

    def prop(value: bytes) -> bytes:
        value += b"\0"
        return struct.pack(">3I", 3, len(value), 0) + value + b"\0" * (-len(value) % 4)

    nodes = b"".join(struct.pack(">I", 1) + b"dev\0" + prop(device) + struct.pack(">I", 2) for device in devices)
    body = struct.pack(">2I", 1, 0) + prop(root) + nodes + struct.pack(">2I", 2, 9)
    return struct.pack(">10I", 0xD00DFEED, 0, 40, 40 + len(body), 0, 17, 16, 0, 0, 0) + body + b"compatible\0"
