"""The bytecode that is made for the card: a program does what it did, and has fewer texts."""

import importlib.util
import marshal
import subprocess
import sys
from pathlib import Path, PurePath
from types import CodeType, FunctionType

import pytest

from image import bytecode
from image.bytecode import NOTHING, compiled, is_read

SOURCE = b'''"""About the module."""
from __future__ import annotations
import dataclasses

@dataclasses.dataclass
class Thing:
    """About the thing."""
    number: int = 3

    def twice(self) -> int:
        """About twice."""
        return 2 * self.number

async def nothing():
    "About nothing."

def said():
    return "About what is said."

def without():
    assert said()
    f"{said()}"

TEXT = """About the text."""
'''
PACKAGES = "usr/lib/python3/dist-packages"


def run(content: bytes) -> dict[str, object]:
    code = marshal.loads(content[16:])  # noqa: S302  # made a line above
    found: dict[str, object] = {"__name__": "tried"}
    sys.modules["tried"] = type(sys)("tried")
    exec(code, found)  # noqa: S102
    return found


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("usr/lib/python3.13/json/tool.py", False),
        (f"{PACKAGES}/flask/app.py", False),
        (f"{PACKAGES}/flaskish/app.py", True),
        (f"{PACKAGES}/zope/interface/interface.py", True),
        (f"{PACKAGES}/appliance/health/network.py", True),
        (f"{PACKAGES}/decorator.py", True),
    ],
)
def test_docstrings_of_libraries_are_left_out(path: str, kept: bool) -> None:
    assert is_read(PurePath(path)) is kept
    content = compiled(SOURCE, PurePath(path))
    module = run(content)
    thing, nothing, said, without = (module[name] for name in ("Thing", "nothing", "said", "without"))
    assert isinstance(thing, type)
    assert isinstance(nothing, FunctionType)
    assert isinstance(said, FunctionType)
    assert isinstance(without, FunctionType)
    documented = (module["__doc__"], thing.__doc__, thing.twice.__doc__, nothing.__doc__)  # type: ignore[attr-defined]
    if kept:
        assert documented == ("About the module.", "About the thing.", "About twice.", "About nothing.")
    else:
        assert documented == (NOTHING,) * 4
    # Everything else is as it was, what only looks like a docstring among it.
    assert thing().twice() == 6
    assert said() == "About what is said."
    assert module["TEXT"] == "About the text."
    assert without.__doc__ is None
    # Debian's code may rely on its assertions.
    assert said.__name__ in without.__code__.co_names


def test_a_mistake_is_told() -> None:
    with pytest.raises(SyntaxError):
        compiled(b"def :", PurePath("usr/lib/python3.13/json/tool.py"))


def test_a_tree_is_compiled_as_python_will_look_for_it(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", PACKAGES
    for name in ("flask/app.py", "flask/json/tag.py", "certbot/main.py"):
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SOURCE)
    program = str(Path(bytecode.__file__))
    command = [sys.executable, "-P", "-X", "no_debug_ranges", program, str(root), folder, "usr/lib/missing"]
    first: dict[Path, bytes] = {}
    for _ in range(2):
        subprocess.run(command, check=True)
        made = {path: path.read_bytes() for path in root.rglob("*.pyc")}
        assert len(made) == 3
        assert first in ({}, made), "the same twice"
        first = made
    for name, text in (("flask/app.py", NOTHING), ("flask/json/tag.py", NOTHING), ("certbot/main.py", None)):
        source = root / folder / name
        content = Path(importlib.util.cache_from_source(str(source))).read_bytes()
        assert content[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(content[4:8], "little") == 1, "by hash, unchecked (PEP 552)"
        assert content[8:16] == importlib.util.source_hash(SOURCE)
        code = marshal.loads(content[16:])  # noqa: S302
        assert isinstance(code, CodeType)
        # Where Python would name it in a traceback, with the line, and without columns.
        assert code.co_filename == f"/{folder}/{name}"
        assert {line for line, _, _, _ in code.co_positions()} > {1, 2, 5}
        assert all(column is None for _, _, column, _ in code.co_positions())
        assert (NOTHING in code.co_consts) is bool(text)


def test_one_that_cannot_be_compiled_ends_the_build(tmp_path: Path) -> None:
    path = tmp_path / PACKAGES / "flask/app.py"
    path.parent.mkdir(parents=True)
    path.write_text("def :\n")
    done = subprocess.run(
        [sys.executable, bytecode.__file__, str(tmp_path), PACKAGES], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "SyntaxError" in done.stderr
