"""docs/dependencies.md has a row for everything that porchlight depends on, and every pin has a hash."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from hardware.office import OFFICE
from image import recipe
from tests.lint.sources import ROOT

DOCUMENT = (ROOT / "docs/dependencies.md").read_text()
CARD, BUILD, TEST = "On the card, at run time", "To build the image", "To test"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)==([0-9][0-9a-z.+!]*)( ; [^\\]+)? \\")
# Debian's name of a Python package, where it is not python3- and the index's.
DEBIANS = {"argon2-cffi": "python3-argon2", "flask-wtf": "python3-flaskext.wtf"}


def rows(document: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Section and cells, by their column, of each row of the document's tables."""
    section, columns = "", [""]
    for before, line in pairwise(["", *document.splitlines()]):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("|") and not before.startswith("|"):
            columns = cells
        elif line.startswith("| "):
            yield section, dict(zip(columns, cells, strict=True))


def named(name: str, document: str, *sections: str) -> bool:
    """Whether a row of these sections is about a package: it stands in the first column, as a word of its own."""
    word = re.compile(rf"(?<![\w.+-]){re.escape(name.removeprefix('python3-'))}(?![\w+-])", re.IGNORECASE)
    alike = re.compile(rf"(?<![\w.+-]){re.escape(name)}(?![\w+-])", re.IGNORECASE)
    told = [row["what"] for section, row in rows(document) if section in sections]
    return any(word.search(what) or alike.search(what) for what in told)


def requirements(lines: Iterable[str]) -> list[str]:
    """The names in lines such as ``flask>=3.1; platform_machine == 'aarch64'``."""
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines)
    return [match[0] for match in found if match]


def packages(path: str) -> list[str]:
    """The Debian packages that a packages.txt lists."""
    return [line for line in (ROOT / path).read_text().splitlines() if line and line[0] != "#"]


def of_the_host() -> list[str]:
    """The Debian packages that ./build wants of the machine where it runs."""
    return re.findall(r"\bneed [\w./-]+ ([\w.-]+)$", (ROOT / "build").read_text(), re.MULTILINE)


def wanted() -> list[tuple[str, tuple[str, ...]]]:
    """Every dependency, and the sections of which one has to name it."""
    found: list[tuple[str, tuple[str, ...]]] = []
    found += [(name, (CARD,)) for name in requirements(PROJECT["project"]["dependencies"])]
    found += [(name, (CARD,)) for name in (*recipe.USERLAND, *recipe.HARDWARE)]
    found += [(name, (CARD,)) for name in requirements(pin.requirement for pin in recipe.PINNED)]
    found += [(name.partition(":")[0], (BUILD,)) for name in recipe.TOOLS]
    found += [(name, (BUILD,)) for name in (*requirements(PROJECT["build-system"]["requires"]), *of_the_host())]
    for path in sorted((ROOT / "tests").rglob("requirements*.in")):
        # What the card runs stands there in its versions; what builds a wheel builds the card's too.
        found += [(name, (CARD, BUILD, TEST)) for name in requirements(path.read_text().splitlines())]
    for path in sorted((ROOT / "tests").rglob("packages.txt")):
        # What ./build wants is installed before the tests, beside which it runs.
        sections = (BUILD, TEST) if path.parent.name == "tests" else (TEST,)
        found += [(name, sections) for name in packages(str(path.relative_to(ROOT)))]
    found += [(name, (TEST,)) for name in OFFICE.packages]
    return sorted(set(found))


def test_everything_has_its_row() -> None:
    assert len(wanted()) > 120
    missing = [
        f"{name}: {' or '.join(sections)}" for name, sections in wanted() if not named(name, DOCUMENT, *sections)
    ]
    assert missing == []


def test_each_row_says_why_its_health_and_what_would_replace_it() -> None:
    listed = list(rows(DOCUMENT))
    assert {section for section, _ in listed} == {CARD, BUILD, TEST}
    bare = [
        f"{section}: {row['what']}: {column}"
        for section, row in listed
        for column in ("what", "why", "health", "instead")
        if len(row.get(column, "").strip("\u2013- ")) < 3
    ]
    assert bare == []


def test_a_name_inside_another_one_is_no_row() -> None:
    document = (
        "## To test\n\n| what | why |\n|---|---|\n| flask-babel, `libfoo-dev` | x |\n| Zbar (`zbar-tools`) | x |\n"
    )
    assert named("flask-babel", document, TEST)
    assert named("zbar-tools", document, TEST)
    assert named("python3-flask-babel", document, TEST)
    for other in ("flask", "babel", "libfoo", "zbar-tool"):
        assert not named(other, document, TEST), other
    assert not named("flask-babel", document, CARD)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("requirements*.txt")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_pin_has_a_hash(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    pins = []
    for line, after in pairwise([*lines, ""]):
        if match := PIN.fullmatch(line):
            pins.append(match[1])
            assert HASH.fullmatch(after), f"{path.name}: {line} has no hash"
        else:
            assert HASH.fullmatch(line), f"{path.name}: neither pin nor hash: {line!r}"
            # A line that goes on does so with another hash.
            assert line.endswith("\\") == bool(HASH.fullmatch(after)), f"{path.name}: cut off behind {line!r}"
    chosen = {
        re.sub(r"[._-]+", "-", name).lower() for name in requirements(path.with_suffix(".in").read_text().splitlines())
    }
    assert chosen
    assert chosen <= set(pins)


def test_what_is_not_debian_s_is_pinned_by_its_hash() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{64}", pin.sha256) for pin in recipe.PINNED)
    assert all(re.fullmatch(r"[\w.-]+==[0-9][\w.]*", pin.requirement) for pin in recipe.PINNED)
    pinned = set(requirements(pin.requirement for pin in recipe.PINNED))
    for name in requirements(PROJECT["project"]["dependencies"]):
        assert DEBIANS.get(name, f"python3-{name}") in recipe.USERLAND or name in pinned, name


def test_the_environment_of_the_tests_takes_nothing_without_a_hash() -> None:
    script = (ROOT / "test").read_text()
    (install,) = re.findall(r"^ *pip=\((.*)\)$", script, re.MULTILINE)
    assert "--require-hashes" in install
