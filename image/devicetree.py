"""Reading a flattened device tree: which devices it announces (devicetree specification 0.4, chapter 5)."""

import struct

MAGIC = 0xD00DFEED
BEGIN_NODE, END_NODE, PROPERTY, NOP, END = 1, 2, 3, 4, 9


def compatibles(blob: bytes) -> list[list[str]]:
    """The `compatible` lists of all nodes, the root's first; raises `ValueError` for what is no tree."""
    if len(blob) < 40:
        raise ValueError("shorter than a device tree's header")
    magic, _, structure, strings = struct.unpack_from(">4I", blob)
    if magic != MAGIC:
        raise ValueError("not a device tree")
    found: list[list[str]] = []
    place = structure
    try:
        while (token := struct.unpack_from(">I", blob, place)[0]) != END:
            place += 4
            if token == BEGIN_NODE:
                place = aligned(blob.index(b"\0", place) + 1)
            elif token == PROPERTY:
                length, name = struct.unpack_from(">2I", blob, place)
                start = place + 8
                place = aligned(start + length)
                if blob[strings + name :].startswith(b"compatible\0"):
                    found.append(blob[start : start + length].rstrip(b"\0").decode("ascii").split("\0"))
            elif token not in (END_NODE, NOP):
                raise ValueError(f"unknown token {token}")
    except struct.error as error:
        raise ValueError("the tree is cut off") from error
    return found


def aligned(place: int) -> int:
    """The next multiple of four."""
    return (place + 3) & ~3
