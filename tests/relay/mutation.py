"""Bad input: what is right, changed at random. The same each time for the same seed, and none of it twice."""

import random
import zlib
from collections.abc import Iterable, Iterator, Sequence

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
# Of so many it is known that they were there. Ten million, in ./test soak, would take a gigabyte in each process.
MOST_KNOWN = 200_000


class Known:
    """What was there before.

    Args:
        seeds: what counts as such from the start.
    """

    def __init__(self, seeds: Iterable[bytes]) -> None:
        # Not Python's hash, which is another one in each process. Two inputs with the same sum cost one of them.
        self._sums = set(map(zlib.crc32, seeds))

    def has(self, data: bytes) -> bool:
        """Whether this was there before; from now on it was, as long as there is room."""
        known = (check := zlib.crc32(data)) in self._sums
        if not known and len(self._sums) < MOST_KNOWN:
            self._sums.add(check)
        return known


def mutations(
    seeds: Sequence[bytes],
    count: int,
    seed: int,
    telling: Sequence[bytes] = TELLING,
    known: Known | None = None,
) -> Iterator[bytes]:
    """Bad inputs. None is one of the seeds, and of the first ``MOST_KNOWN`` none comes again.

    What was there before is changed further: a short seed soon has no other neighbours.

    Args:
        seeds: what is right.
        count: how many.
        seed: of the random numbers.
        telling: bytes that the parser looks at.
        known: what else shall not come, and where these are added.
    """
    chance = random.Random(seed)  # noqa: S311
    known = known or Known(seeds)
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
            _change(data, chance, telling)
        while known.has(found := bytes(data)):
            _change(data, chance, telling)
        yield found


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
