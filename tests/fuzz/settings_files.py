"""Settings files as somebody writes them by hand, or as the page saves them, and what may become of them on a card."""

import random
from collections.abc import Iterator

from tests.fuzz.bending import TELLING
from tests.relay.mutation import mutations
from tests.settings.test_load import FULL

BY_HAND = b"""\
# mine
[share]
domain = "relay.example.org"
chat_port = 8443
[relay]
idle_timeout = 123
chat_ports = [5222, 80]
monthly_quota = "200 GB"
listen = ["0.0.0.0", "::"]
[relay.upstream]
chat = ["g.whatsapp.net:5222", "[2001:db8::1]:443"]
[page]
port = 8199
claim_code = "my-own-code-1"
[lights]
enabled = true
night_from = "22:00"
"""
SAVED = b"""\
# Written by the setup page.
[share]
domain = "other.example.org"
[router]
open_ports = true
also = [5222]
[name]
provider = "duckdns.org"
[page]
language = "fr"
[certificate]
email = "a@b.example"
"""
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "latin-1")


def damaged(count: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """The owner's file and the page's, one or both of them damaged: never both as they were.

    Args:
        count: how many.
        seed: of the random numbers.
    """
    chance = random.Random(seed)  # noqa: S311
    whole = FULL.encode()
    ones = mutations((BY_HAND,), count, seed, TELLING)
    others = mutations((SAVED,), count, seed + 1, TELLING)
    # The commented file of every card has three hundred lines: each fiftieth case.
    wholes = mutations((whole,), count // 50 + 1, seed + 2, TELLING)
    for number, (owners, saved) in enumerate(zip(ones, others, strict=True)):
        kind = chance.randrange(8)
        if number % 50 == 0:
            yield next(wholes), SAVED
        elif kind == 0:
            # As a card's lost cluster, or another file's content, looks.
            yield _lost(owners, chance), saved
        elif kind == 1:
            yield owners.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace"), saved
        elif kind == 2:
            yield BY_HAND, saved
        else:
            yield owners, SAVED if kind == 3 else saved


def _lost(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    size = chance.choice((16, 64, 512))
    return data[:at] + chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size))) + data[at + size :]
