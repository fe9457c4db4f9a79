"""Writing KiCad's file format: nested lists in brackets."""

import uuid
from collections.abc import Iterator
from typing import Any

# Any fixed name space does: the same board has the same identifiers each time that it is written.
SPACE = uuid.UUID("8f5a1f8e-6a55-5c0e-9a57-2c1f54a1b7aa")


class Word(str):
    """An expression's own word, which stands without quotes."""

    __slots__ = ()


def expression(head: str, *rest: Any) -> list[Any]:
    """A list whose first element is a word of the format."""
    return [Word(head), *rest]


def identifier(*names: Any) -> list[Any]:
    """The uuid of the thing of that name."""
    return expression("uuid", str(uuid.uuid5(SPACE, "/".join(str(name) for name in names))))


def at(x: float, y: float, angle: float | None = None) -> list[Any]:
    """A place in millimetres, with an angle in degrees if the format wants one there."""
    return expression("at", x, y, *([] if angle is None else [angle]))


def point(head: str, x: float, y: float) -> list[Any]:
    """A point in millimetres."""
    return expression(head, x, y)


def stroke(width: float) -> list[Any]:
    """A solid line, millimetres."""
    return expression("stroke", expression("width", width), expression("type", Word("solid")))


def effects(size: float, *, bold: bool = False, hide: bool = False, justify: str = "") -> list[Any]:
    """How a text looks; its size is in millimetres."""
    font = expression("font", expression("size", size, size), expression("thickness", round(size * 0.15, 3)))
    if bold:
        font.append(expression("bold", Word("yes")))
    made = expression("effects", font)
    if justify:
        made.append(expression("justify", *(Word(word) for word in justify.split())))
    if hide:
        made.append(expression("hide", Word("yes")))
    return made


def number(value: float) -> str:
    """A number as KiCad writes it: no more than six places, no zeros at the end."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def write(tree: list[Any]) -> str:
    """The text of a file."""
    return "\n".join(_lines(tree, 0)) + "\n"


def _lines(tree: list[Any], depth: int) -> Iterator[str]:
    flat = [_atom(part) for part in tree if not isinstance(part, list)]
    nested = [part for part in tree if isinstance(part, list)]
    indent = "\t" * depth
    if not nested:
        yield f"{indent}({' '.join(flat)})"
        return
    yield f"{indent}({' '.join(flat)}"
    for part in nested:
        yield from _lines(part, depth + 1)
    yield f"{indent})"


def _atom(value: Any) -> str:
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
