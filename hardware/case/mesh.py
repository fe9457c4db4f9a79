"""Triangles: reading what OpenSCAD writes, writing what printers read, and simple bodies for pictures."""

import itertools
import math
import re
import struct

import numpy as np
from numpy.typing import NDArray

Triangles = NDArray[np.float64]  # of shape (n, 3, 3): triangles, corners, x y z in millimetres
VERTEX = re.compile(r"vertex\s+(\S+)\s+(\S+)\s+(\S+)")


def from_text(stl: str) -> Triangles:
    """The triangles of a textual STL."""
    numbers = [float(number) for vertex in VERTEX.findall(stl) for number in vertex]
    return np.array(numbers, dtype=np.float64).reshape(-1, 3, 3)


def to_binary(triangles: Triangles, name: str) -> bytes:
    """A binary STL, a fifth of the textual one; triangles in an order that only depends on the shape."""
    rounded = np.round(triangles, 5).astype(np.float32)
    # Each begins with its least corner, and all are sorted: the program's own order is nobody's business.
    turned = [
        min((each, np.roll(each, 1, axis=0), np.roll(each, 2, axis=0)), key=lambda t: t.tolist()) for each in rounded
    ]
    turned.sort(key=lambda t: t.tolist())
    parts = [f"{name}, millimetres".encode().ljust(80), struct.pack("<I", len(turned))]
    for each in turned:
        normal = np.cross(each[1] - each[0], each[2] - each[0])
        length = float(np.linalg.norm(normal)) or 1.0
        parts.append(struct.pack("<12fH", *(normal / length), *each.ravel(), 0))
    return b"".join(parts)


def from_binary(data: bytes) -> Triangles:
    """The triangles of a binary STL."""
    count = struct.unpack_from("<I", data, 80)[0]
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")])
    return np.frombuffer(data, record, count, 84)["corners"].astype(np.float64)


def moved(triangles: Triangles, x: float = 0, y: float = 0, z: float = 0) -> Triangles:
    """The same body elsewhere."""
    shifted: Triangles = triangles + np.array([x, y, z])
    return shifted


def upside_down(triangles: Triangles) -> Triangles:
    """Turned by half a circle round the x axis."""
    turned: Triangles = triangles * np.array([1, -1, -1])
    return turned


def box(x: float, y: float, z: float, width: float, depth: float, height: float) -> Triangles:
    """A block by its least corner and its size."""
    return prism([(x, y), (x + width, y), (x + width, y + depth), (x, y + depth)], z, height)


def cylinder(x: float, y: float, z: float, radius: float, height: float, corners: int = 40) -> Triangles:
    """A standing cylinder."""
    angles = [2 * math.pi * n / corners for n in range(corners)]
    return prism([(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles], z, height)


def dome(x: float, y: float, z: float, radius: float, corners: int = 40) -> Triangles:
    """The upper half of a ball."""
    steps = 8
    rings = [
        [
            (
                x + radius * math.cos(math.pi / 2 * s / steps) * math.cos(2 * math.pi * n / corners),
                y + radius * math.cos(math.pi / 2 * s / steps) * math.sin(2 * math.pi * n / corners),
                z + radius * math.sin(math.pi / 2 * s / steps),
            )
            for n in range(corners)
        ]
        for s in range(steps + 1)
    ]
    faces = []
    for low, high in itertools.pairwise(rings):
        for n in range(corners):
            m = (n + 1) % corners
            faces += [(low[n], low[m], high[m]), (low[n], high[m], high[n])]
    return np.array(faces, dtype=np.float64)


def prism(outline: list[tuple[float, float]], z: float, height: float) -> Triangles:
    """A convex outline, counter-clockwise, drawn upwards."""
    low = [(x, y, z) for x, y in outline]
    high = [(x, y, z + height) for x, y in outline]
    faces = []
    for n in range(len(outline)):
        m = (n + 1) % len(outline)
        faces += [(low[n], low[m], high[m]), (low[n], high[m], high[n])]
        if 0 < n < len(outline) - 1:
            faces += [(high[0], high[n], high[m]), (low[0], low[m], low[n])]
    return np.array(faces, dtype=np.float64)
