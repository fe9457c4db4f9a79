"""What the soak rests on: that it would see an address that was written, and memory that grows."""

import base64
import ipaddress
import mmap
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.growth import memory, slope
from tests.soak.traces import Address, Search

FOUR, SIX = "203.0.113.9", "2001:db8:77::abc"
WRITTEN: dict[str, Callable[[Address], bytes]] = {
    "text": lambda one: str(one).encode(),
    "upper case": lambda one: str(one).upper().encode(),
    "exploded": lambda one: one.exploded.encode(),
    "utf-16": lambda one: str(one).encode("utf-16"),
    "percent": lambda one: urllib.parse.quote(str(one), safe="").replace(".", "%2E").encode(),
    "binary": lambda one: one.packed,
    "from its end": lambda one: one.packed[::-1],
    "hex": lambda one: one.packed.hex().upper().encode(),
    "hex with colons": lambda one: one.packed.hex(":").encode(),
    "a number": lambda one: str(int(one)).encode(),
    "repr of bytes": lambda one: "".join(f"\\x{byte:02x}" for byte in one.packed).encode(),
    "a name in the DNS": lambda one: one.reverse_pointer.encode(),
    "IPv4 within IPv6": lambda one: f"::ffff:{one}".encode(),
}


@pytest.mark.parametrize("address", [FOUR, SIX])
@pytest.mark.parametrize("how", WRITTEN)
def test_an_address_is_found_in_whatever_form(tmp_path: Path, address: str, how: str) -> None:
    data = b"INFO: something " + WRITTEN[how](ipaddress.ip_address(address)) + b" happened\n"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(data)
    assert len(Search([FOUR, SIX]).below(tmp_path)) == 1
    assert Search(["198.51.100.77", "2001:db8:78::1"]).below(tmp_path) == []


def test_names_and_links_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / f"seen-{FOUR}").touch()
    (tmp_path / "link").symlink_to(f"/run/{SIX}")
    assert len(Search([FOUR, SIX]).below(tmp_path)) == 2


def test_as_proc_shows_it() -> None:
    """The kernel's own list of connections, as somebody could have kept it."""
    assert Search([FOUR]).in_data(b"0: 097100CB:01BB 0100007F:1F90 01")
    assert not Search([FOUR]).in_data(base64.b64encode(b"nobody's address"))


def test_growth_is_told_from_noise() -> None:
    still = [(float(at), 5000 + 40 * (at % 3)) for at in range(0, 1800, 20)]
    assert abs(slope(still)) < 0.2
    assert slope([(at, held + int(at)) for at, held in still]) == pytest.approx(3600 / 1024, rel=0.1)
    # One look in the middle of something is no growth.
    assert abs(slope([*still, (1800.0, 90_000)])) < 0.2
    with pytest.raises(ValueError, match="two looks"):
        slope([(0.0, 1)])


def test_memory_is_seen() -> None:
    before = memory(_own())
    # Pages of its own: the allocator might hand out some that were touched before.
    with mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        held.write(b"x" * (8 << 20))
        assert memory(_own()) - before > 7 * 1024


def _own() -> int:
    return int(Path("/proc/self").readlink().name)
