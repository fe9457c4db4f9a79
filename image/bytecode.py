"""The bytecode of the card's Python programs: never checked against its source, and without what nobody reads there.

Seven programs of the card load what is compiled here and keep it for months, each in memory of its own. So texts that
only people read who look into a module (docstrings) are left out of Python's own library and of those that the programs
load, and of everything the columns that tracebacks underline. porchlight's own docstrings stay: some of them are said
to a volunteer.

A program of its own, since Python has to be told at its start to leave the columns out:
``python3 -P -X no_debug_ranges bytecode.py ROOT FOLDER...``.
"""

import ast
import marshal
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path, PurePath

# PEP 552: named by a hash of its source, which nobody compares. The system is read-only, and a Pi has no clock.
UNCHECKED_HASH = (0b01).to_bytes(4, "little")
# Debian's packages whose docstrings no program reads, and which the page, the lights or the relay keep loaded.
# zope.interface, certbot and ConfigArgParse do read theirs.
LIBRARIES = (
    "argon2",
    "babel",
    "blinker",
    "click",
    "cryptography",
    "flask",
    "flask_babel",
    "flask_wtf",
    "gevent",
    "greenlet",
    "itsdangerous",
    "jinja2",
    "markupsafe",
    "prometheus_client",
    "segno",
    "werkzeug",
    "wtforms",
)
# What stands in a docstring's place: some libraries copy theirs about as text, and dataclasses makes one where there is
# none.
NOTHING = "."


def is_read(path: PurePath) -> bool:
    """Whether somebody reads the docstrings of a file, by its place below the root."""
    folders = path.parts
    if "dist-packages" in folders:
        return folders[folders.index("dist-packages") + 1] not in LIBRARIES
    return not folders[2].startswith("python3.")


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The same program, in which each docstring says as good as nothing."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            instead = ast.copy_location(ast.Expr(ast.Constant(NOTHING)), node.body[0])
            node.body[0] = ast.fix_missing_locations(instead)
    return tree


def compiled(source: bytes, path: PurePath) -> bytes:
    """The content of a ``.pyc`` file (PEP 552).

    Args:
        source: of the module.
        path: where it lies on the card, below the root.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = ast.parse(source, str(path))
    if not is_read(path):
        tree = without_docstrings(tree)
    code = compile(tree, f"/{path}", "exec", dont_inherit=True)
    return MAGIC_NUMBER + UNCHECKED_HASH + source_hash(source) + marshal.dumps(code)


def write(root: Path, source: Path) -> None:
    """Compile one file of the card."""
    target = Path(cache_from_source(str(source)))
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(compiled(source.read_bytes(), source.relative_to(root)))


def main(root: Path, *folders: str) -> None:
    """Compile all modules below some folders of the card.

    Args:
        root: the card's tree.
        folders: in it; those that it does not have are passed over.
    """
    sources = [path for folder in folders for path in sorted((root / folder).rglob("*.py")) if path.is_file()]
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(write, root), sources, chunksize=16))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
