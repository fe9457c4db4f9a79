"""Is somebody's address in a file? In every form in which a program could have written it down."""

import ipaddress
from collections.abc import Collection, Iterator
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def forms(address: str) -> frozenset[bytes]:
    """How an address may stand in a file, text in lower case.

    Args:
        address: IPv4 or IPv6.
    """
    found = ipaddress.ip_address(address)
    return frozenset({*_texts(found), *_numbers(found)})


def _texts(found: Address) -> Iterator[bytes]:
    written = {str(found), found.exploded, found.reverse_pointer.partition(".in-addr")[0].partition(".ip6")[0]}
    for text in written:
        yield text.encode()
        yield text.encode("utf-16-le")
        # Web addresses, and whatever escapes all that is no letter.
        yield text.replace(".", "%2e").replace(":", "%3a").encode()
    yield str(int(found)).encode()
    pairs = [f"{one:02x}" for one in found.packed]
    for between in ("", ":", " ", "-", "\\x", "%"):
        yield between.join(pairs).encode()
    # As /proc/net/tcp has it: words of four bytes, each from its end.
    words = [found.packed[at : at + 4][::-1] for at in range(0, len(found.packed), 4)]
    yield b"".join(words).hex().encode()


def _numbers(found: Address) -> Iterator[bytes]:
    """As bytes, from either end."""
    yield found.packed
    yield found.packed[::-1]


class Search:
    """Looks for addresses in whole folders.

    Args:
        addresses: whose traces are looked for.
    """

    def __init__(self, addresses: Collection[str]) -> None:
        self._texts: dict[bytes, str] = {}
        self._bytes: dict[bytes, str] = {}
        for one in addresses:
            found = ipaddress.ip_address(one)
            self._texts |= dict.fromkeys(_texts(found), one)
            self._bytes |= dict.fromkeys(_numbers(found), one)

    def in_data(self, data: bytes) -> str:
        """The first address that stands in some bytes, and how; empty when none does."""
        small = data.lower()
        for wanted, where in ((self._texts, small), (self._bytes, data)):
            for form, address in wanted.items():
                if form in where:
                    return f"{address} as {form!r}"
        return ""

    def below(self, folder: Path) -> list[str]:
        """Where they stand: files, their names included, and what symbolic links lead to.

        Args:
            folder: with everything below it; a file that goes while it is looked at does not count.
        """
        found = []
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder)).encode()
            try:
                data = b"" if path.is_symlink() or not path.is_file() else path.read_bytes()
                told = self.in_data(name + (str(path.readlink()).encode() if path.is_symlink() else b""))
            except FileNotFoundError:
                continue
            if said := told or self.in_data(data):
                found.append(f"{path}: {said}")
        return found
