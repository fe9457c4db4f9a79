"""Pictures of bodies without a graphics card: a depth buffer in numpy, flat shading, outlines where surfaces end."""

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hardware.case.mesh import Triangles

Numbers = NDArray[np.float64]
FINER = 2  # pixels of the calculation for one of the picture, in each direction
MARGIN = 0.04  # of the width
LIGHTS = (((-0.35, 0.55, 0.76), 0.56), ((0.8, 0.1, 0.35), 0.22))  # direction in the viewer's frame, strength
AMBIENT = 0.40
# An outline where neighbouring surfaces differ by this much: millimetres of depth, or the cosine between them.
STEP, BEND = 0.8, 0.80


@dataclass(frozen=True)
class Body:
    """Triangles of one colour, red, green and blue from 0 to 1."""

    triangles: Triangles
    colour: tuple[float, float, float]


def picture(bodies: list[Body], width: int, azimuth: float, elevation: float) -> bytes:
    """PNG of the bodies on white, seen in parallel projection.

    Args:
        bodies: what is there.
        width: pixels; the height follows.
        azimuth: degrees, from which side: 0 is from the front (negative y), 90 from the right.
        elevation: degrees above the horizon.
    """
    turn = _camera(azimuth, elevation)
    seen = [body.triangles @ turn.T for body in bodies]
    corners = np.concatenate([each.reshape(-1, 3) for each in seen])
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = width * FINER * (1 - 2 * MARGIN) / (high[0] - low[0])
    edge = MARGIN * width * FINER
    height = math.ceil(((high[1] - low[1]) * scale + 2 * edge) / FINER) * FINER
    depth = np.full((height, width * FINER), -np.inf)
    normals = np.zeros((height, width * FINER, 3))
    colours = np.ones((height, width * FINER, 3))
    for triangles, body in zip(seen, bodies, strict=True):
        flat = triangles.copy()
        flat[:, :, 0] = (triangles[:, :, 0] - low[0]) * scale + edge
        flat[:, :, 1] = (high[1] - triangles[:, :, 1]) * scale + edge
        across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        length = np.linalg.norm(across, axis=1)
        for each, normal, size in zip(flat, across, length, strict=True):
            if size > 0 and normal[2] > 0:
                _fill(each, normal / size, body.colour, depth, normals, colours)
    shaded = _shade(depth, normals, colours)
    image = Image.fromarray(np.round(shaded * 255).astype(np.uint8)).resize(
        (width, height // FINER), Image.Resampling.BOX
    )
    data = io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
    return data.getvalue()


def _camera(azimuth: float, elevation: float) -> Numbers:
    """From the bodies' frame to the viewer's: x to the right, y upwards, z towards the eye."""
    a, e = math.radians(azimuth), math.radians(elevation)
    right = (math.cos(a), math.sin(a), 0.0)
    towards = (math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e))
    up = np.cross(np.array(towards), np.array(right))
    return np.array([right, up, towards])


def _fill(
    corners: Numbers,
    normal: Numbers,
    colour: tuple[float, float, float],
    depth: Numbers,
    normals: Numbers,
    colours: Numbers,
) -> None:
    """Draw one triangle where nothing nearer is."""
    left, top = np.floor(corners[:, :2].min(axis=0)).astype(int)
    right, bottom = np.ceil(corners[:, :2].max(axis=0)).astype(int) + 1
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, depth.shape[1]), min(bottom, depth.shape[0])
    if right <= left or bottom <= top:
        return
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if abs(area) < 1e-9:
        return
    x = np.arange(left, right)[None, :] + 0.5
    y = np.arange(top, bottom)[:, None] + 0.5
    second = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
    third = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
    z = az + second * (bz - az) + third * (cz - az)
    part = (slice(top, bottom), slice(left, right))
    inside = (second >= -1e-6) & (third >= -1e-6) & (second + third <= 1 + 1e-6) & (z > depth[part])
    depth[part][inside] = z[inside]
    normals[part][inside] = normal
    colours[part][inside] = colour


def _shade(depth: Numbers, normals: Numbers, colours: Numbers) -> Numbers:
    light = np.full(depth.shape, AMBIENT)
    for direction, strength in LIGHTS:
        unit = np.array(direction) / np.linalg.norm(direction)
        light += strength * np.clip(normals @ unit, 0, 1)
    drawn = np.isfinite(depth)
    shaded: Numbers = np.where(drawn[:, :, None], np.clip(colours * light[:, :, None], 0, 1), 1.0)
    near = np.where(drawn, depth, -1e6)
    line = np.zeros(depth.shape, dtype=bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(near, axis=axis)) > STEP
        bent = (np.roll(normals, -1, axis) * normals).sum(axis=2) < BEND
        both = drawn & np.roll(drawn, -1, axis)
        found = bent & both
        cut = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        found = found[cut] | jump
        line[cut] |= found
        # Two fine pixels wide, so that it stays a line in the picture.
        shifted = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        line[shifted] |= found
    shaded[line] = shaded[line] * 0.25 + 0.04
    return shaded
