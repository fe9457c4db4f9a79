"""Whether a status has the types that its class declares: what was read from a file need not.

Whoever uses it then calculates and compares without a look at each value. No input or output.
"""

import math
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin

# What a program can count to. JSON knows no bound, and whoever divides or dates such a number fails.
MOST = 2**64


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, with everything in it.

    Args:
        value: anything.
        kind: a class, a dataclass of such, ``tuple[X, ...]``, ``dict[X, Y]`` or a union of them.
    """
    if kind in (int, float):
        # In Python a bool is a number; in a file it is a mistake.
        right = isinstance(value, int) or (kind is float and isinstance(value, float) and math.isfinite(value))
        return right and not isinstance(value, bool) and -MOST < value < MOST
    if is_dataclass(kind):
        return isinstance(value, kind) and all(  # type: ignore[arg-type]
            fits(getattr(value, one.name), one.type) for one in fields(kind)
        )
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(fits(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(one, inner[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(name, inner[0]) and fits(one, inner[1]) for name, one in value.items()
        )
    return isinstance(value, kind)
