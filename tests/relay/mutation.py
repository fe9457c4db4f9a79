"""Bad input: what is right, changed at random. The same each time for the same seed."""

import random
from collections.abc import Iterator, Sequence

# Bytes that parsers look at.
TELLING = (
    b"\x00",
    b"\xff",
    b"\r\n",
    b" ",
    b"PROXY ",
    b"\r\n\r\n\x00\r\nQUIT\n",
    b"\x16\x03\x01",
    b"WA",
    b"ED",
    b"GET ",
)


def mutations(seeds: Sequence[bytes], count: int, seed: int, telling: Sequence[bytes] = TELLING) -> Iterator[bytes]:
    """Bad inputs.

    Args:
        seeds: what is right.
        count: how many.
        seed: of the random numbers.
        telling: bytes that the parser looks at.
    """
    chance = random.Random(seed)  # noqa: S311
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((0, 1, 1, 2, 4, 16))):
            _change(data, chance, telling)
        yield bytes(data)


def _change(data: bytearray, chance: random.Random, telling: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(7)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        data[at:at] = chance.choice(telling)
    elif kind == 2:
        data[at:at] = chance.randbytes(chance.choice((1, 2, 7, 200)))
    elif kind == 3:
        data[at : at + chance.choice((1, 2, 5))] = b""
    elif kind == 4:
        data[at : at + 2] = chance.choice((b"\xff\xff", b"\x00\x00", b"\x7f\xff", b"\x00\x01"))
    elif kind == 5:
        data += data[at : at + 50]
    elif data and at < len(data):
        data[at] ^= 1 << chance.randrange(8)


def pieces(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The same bytes in a few pieces."""
    at = 0
    while at < len(data):
        size = chance.choice((1, 3, 16, 1000, len(data)))
        yield data[at : at + size]
        at += size
