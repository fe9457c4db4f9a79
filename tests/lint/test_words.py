"""What no file may contain, and how long a file may be."""

import re

import pytest

from tests.lint.sources import GENERATED, name_of, sources, text_of

# Taken apart, so that this file does not contain what it forbids.
# Where packages come from is the business of the machine: a mirror, a proxy or a cache works without our knowing.
HOSTS = [
    ("py" + "pi", "org"),
    ("pythonhosted", "org"),
    ("npm" + "js", "(org|com)"),
    (r"(deb|ftp[\w.-]*|security|snapshot|httpredir)\.debian", "org"),
    (r"(archive|security|ports)\.ubuntu", "com"),
]
PATHS = ["/" + r"root/\.", "/" + "work/(main|shared)", "/" + "home/" + r"\w+/", "/" + "opt/py" + "pi"]
FORBIDDEN = re.compile(
    "|".join([rf"\b{name}\.{end}\b" for name, end in HOSTS] + [rf"(?<![\w.]){path}" for path in PATHS])
)

# Lines. A file that is longer does more than one thing, or says here why not.
LONGEST = 400
LONG_FOR_A_REASON: dict[str, str] = {}
# KiCad's own formats, written by programs.
WRITTEN = ("hardware/board/kicad/", "hardware/board/fabrication/")


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = [
        f"{name_of(path)}:{number}: {match.group()}"
        for path in sources()
        for number, line in enumerate((text_of(path) or "").splitlines(), start=1)
        if (match := FORBIDDEN.search(line))
    ]
    assert not found, "a registry's host name or a path of one machine:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "word", ["see https://" + "py" + "pi.org/simple", "/" + "root/.cache", "deb http://deb.debian" + ".org/"]
)
def test_the_rule_finds_what_it_is_for(word: str) -> None:
    assert FORBIDDEN.search(word)


@pytest.mark.parametrize("word", ["bugs.debian.org/123", "chroot/etc", "network/home.py", "image/root/etc"])
def test_the_rule_leaves_the_rest_alone(word: str) -> None:
    assert not FORBIDDEN.search(word)


def test_no_file_is_too_long() -> None:
    long = {}
    for path in sources():
        text = text_of(path)
        if name_of(path).startswith(WRITTEN):
            continue
        if text is not None and name_of(path) not in GENERATED and path.suffix not in (".svg", ".lock", ".json", ".po"):
            lines = text.count("\n")
            if lines > LONGEST:
                long[name_of(path)] = lines
    unexplained = {name: lines for name, lines in long.items() if name not in LONG_FOR_A_REASON}
    assert not unexplained, f"more than {LONGEST} lines: split, or say why in LONG_FOR_A_REASON: {unexplained}"


def test_text_ends_with_one_newline_and_has_no_stray_spaces() -> None:
    wrong = []
    for path in sources():
        text = text_of(path)
        if text and path.suffix not in (".svg", ".patch", ".po"):
            if not text.endswith("\n") or text.endswith("\n\n"):
                wrong.append(f"{name_of(path)}: the end")
            wrong += [f"{name_of(path)}:{n}" for n, line in enumerate(text.splitlines(), 1) if line != line.rstrip()]
    assert not wrong, "spaces at a line's end, or not exactly one newline at the file's end:\n" + "\n".join(wrong)
