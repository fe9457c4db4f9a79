"""Files that were right once: JSON and TOML, bent in their bytes or in their values. The same for the same seed."""

import copy
import json
import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.relay.mutation import Known, mutations

# What readers of text stumble over. Numbers with more digits than Python reads, and more brackets than it can nest.
TELLING = (
    *(b'"', b"\\", b"\n", b"\r\n", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"#", b"=", b",", b":", b"."),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"[[",
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-1",
        b"0",
        b"1.5",
        b"\xc2\xb2",
    ),
    *(b"9" * 400, b"9" * 5000, b"0x" + b"f" * 5000, b"[" * 3000, b'{"a":' * 1500, b"a." * 1500, b'"""', b"'''"),
    *(b"%(a)s", b"%", b"%999999d", b"../", b"2026-02-31", b"\xe2\x80\xa8", "١٢".encode()),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**400, -(10**30), float("nan"), float("inf"), 2**63, 65536),
    *("", "x", "x" * 3000, "\ud800", "\0", "%(a)s", "%", "1", "-1", "2026-13", "\u0661", "::1", "<b>", "a\nb"),
    *([], {}, [[]], [None], {"": ""}, {"text": "%(a)s", "values": {}}, {"text": 1, "values": []}, {"a": {"b": {}}}),
)

# Then it is given up: the file has hardly a value, or none.
MOST_BENDS = 8


def bent(seeds: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Files, half of them damaged in their bytes and half, if they are JSON, in their values. None of them is right.

    None comes twice either, as long as that is known. Where no other values are found it is the bytes once more.

    Args:
        seeds: files that are right.
        count: how many.
        seed: of the random numbers.
    """
    chance = random.Random(seed)  # noqa: S311
    trees = [tree for tree in map(_tree, seeds) if isinstance(tree, dict | list)]
    known = Known((*seeds, *map(_written, trees)))
    damaged = mutations(seeds, count, seed, TELLING, known)
    for number in range(count):
        values = _other_values(chance.choice(trees), chance, known) if trees and number % 2 else b""
        yield values or next(damaged)


def _other_values(tree: Any, chance: random.Random, known: Known) -> bytes:
    """The tree, bent until it is none that is known; empty when it stays one, as what has no values does."""
    for _ in range(MOST_BENDS):
        tree = bend(tree, chance)
        if not known.has(found := _written(tree)):
            return found
    return b""


def bend(tree: Any, chance: random.Random) -> Any:
    """A copy of a tree in which one or a few values are others, are gone, or stand where none did."""
    # As json.loads(json.dumps(tree)) would, in half the time.
    bent_one = pickle.loads(pickle.dumps(tree))  # noqa: S301
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = bent_one
        while True:
            keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = chance.choice(keys)
            if isinstance(at[key], dict | list) and at[key] and chance.random() < 0.7:
                at = at[key]
                continue
            _change(at, key, chance)
            break
    return bent_one


def _change(at: Any, key: Any, chance: random.Random) -> None:
    kind = chance.randrange(6)
    if kind == 0:
        del at[key]
    elif kind == 1 and isinstance(at, dict):
        at[chance.choice(("", "x", "written", "text", "values"))] = at[key]
    else:
        at[key] = copy.deepcopy(chance.choice(VALUES))


def overwrite(file: Path, data: bytes) -> None:
    """Put other content into a file, in a thirtieth of the time that ``write_bytes`` takes to empty it first."""
    try:
        with file.open("r+b", buffering=0) as held:
            held.write(data)
            held.truncate()
    except FileNotFoundError:
        file.write_bytes(data)


def remembered(parse: Callable[[str], dict[str, Any]], most: int = 20_000) -> Callable[[str], dict[str, Any]]:
    """The same parser, which answers as before to a text that it has read before: most lines of a bent file are whole.

    Args:
        parse: gives something else for each text, or raises an error, and nothing else comes of it.
        most: how many answers are kept.
    """
    answers: dict[str, bytes | Exception] = {}

    def parse_once(text: str) -> dict[str, Any]:
        found = answers.get(text)
        if found is None:
            try:
                found = pickle.dumps(parse(text))
            except Exception as error:
                found = error
            if len(answers) < most:
                answers[text] = found
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        # A copy, since whoever asked may change it.
        return pickle.loads(found)  # type: ignore[no-any-return]  # noqa: S301

    return parse_once


def _written(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def _tree(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
