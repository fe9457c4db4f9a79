"""The allow-lists are closed over what modules need, and a driver that is not there stops the build."""

from pathlib import Path

import pytest

from image import drivers
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
