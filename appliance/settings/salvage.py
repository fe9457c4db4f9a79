"""Reading a TOML file that has a mistake in it: every statement that can be understood still counts.

A volunteer who forgets one quotation mark must not lose all the other settings, so a file that does not parse
as a whole is taken apart into statements, each of which is parsed on its own below the header that it stands under.
"""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

STARTS_STATEMENT = re.compile(r"\s*(\[|[A-Za-z0-9_\"'-][^=\[\]#]*=)")
# A header that lost one of its brackets.
BROKEN_HEADER = re.compile(r"\s*\[|[^=#]*\]\s*(#.*)?$")
HEADER = re.compile(r"\s*\[[^\[\]]+\]\s*(#.*)?")
# A list written over several lines; longer ones than this are taken for a bracket that was never closed.
LONGEST_STATEMENT = 50
# Characters. What nests deeper than a line of this length can, or has more digits, costs the parser seconds.
LONGEST_LINE = 1000
# Mistakes after which the rest is left out: each costs up to LONGEST_STATEMENT tries, and a service that is long at it
# would be taken for one that hangs.
MOST_UNREADABLE = 100
# Tables and lists within each other; settings have four.
DEEPEST = 8
# What the parser raises: a number that Python does not read is a plain ValueError, nesting may be too deep.
NO_TOML = (ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no TOML.

    Args:
        line: its number in the file, from 1.
        text: the line itself.
        reason: what the parser said.
    """

    line: int
    text: str
    reason: str


def whole_toml(text: str) -> dict[str, Any]:
    """Parse a file of ours as a whole: ``tomllib.loads`` without what costs it seconds, or its caller the stack.

    Raises:
        ValueError: it is not TOML, or nothing that a settings file could be.
        RecursionError: the same.
    """
    if max(map(len, text.split("\n"))) > LONGEST_LINE:
        raise ValueError("a line is too long")
    found = tomllib.loads(text)
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        inner = [one.values() if isinstance(one, dict) else one for one in level]
        level = [value for some in inner for value in some if isinstance(value, dict | list)]
    if level:
        raise ValueError("too many tables within tables")
    return found


def read_toml(text: str) -> tuple[dict[str, Any], list[Unreadable]]:
    """Parse a settings file, leaving out what cannot be understood.

    Args:
        text: the whole file.

    Returns:
        What was understood, and each line that was not.
    """
    try:
        return whole_toml(text), []
    except NO_TOML:
        return _statement_by_statement(text.splitlines())


def _statement_by_statement(lines: list[str]) -> tuple[dict[str, Any], list[Unreadable]]:
    understood: dict[str, Any] = {}
    unreadable: list[Unreadable] = []
    header = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            number += 1
            continue
        if len(unreadable) == MOST_UNREADABLE:
            unreadable.append(Unreadable(number + 1, line.strip(), "too many mistakes before it; the rest is left out"))
            break
        taken, parsed, reason = _longest_statement(lines, number, header)
        if parsed is None:
            unreadable.append(Unreadable(number + 1, line.strip(), reason))
            # A broken header must not let its settings slip into the section before it.
            if BROKEN_HEADER.match(line):
                header = f"[unreadable-{number + 1}]"
        elif HEADER.fullmatch(line):
            header = line
        elif not header.startswith("[unreadable-") and not _merge(understood, parsed):
            unreadable.append(Unreadable(number + 1, line.strip(), "it stands in the file twice"))
        number += taken
    return understood, unreadable


def _longest_statement(lines: list[str], start: int, header: str) -> tuple[int, dict[str, Any] | None, str]:
    """Parse the statement that starts at a line: how many lines it took, what it says, or why it is unreadable."""
    reason = ""
    for end in range(start + 1, min(start + LONGEST_STATEMENT, len(lines)) + 1):
        if end > start + 1 and STARTS_STATEMENT.match(lines[end - 1]) and "=" in lines[end - 1]:
            break
        statement = "\n".join(lines[start:end])
        if not HEADER.fullmatch(lines[start]):
            statement = f"{header}\n{statement}"
        try:
            return end - start, whole_toml(statement), ""
        except NO_TOML as error:
            reason = reason or str(error)
        if "[" not in lines[start] and '"""' not in lines[start] and "'''" not in lines[start]:
            break
    return 1, None, reason


def _merge(into: dict[str, Any], new: dict[str, Any]) -> bool:
    """Add ``new`` to ``into``; False when a value was there already."""
    fresh = True
    for key, value in new.items():
        if key not in into:
            into[key] = value
        elif isinstance(value, dict) and isinstance(into[key], dict):
            fresh = _merge(into[key], value) and fresh
        else:
            fresh = False
    return fresh
