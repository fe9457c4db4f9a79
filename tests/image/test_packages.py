"""No package on the card that nothing needs: each is named in the recipe, or something that is needed depends on it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from image import recipe
from tests.image.card import Card

# The fields of Debian Policy 7.2 by which one package needs another to be there; recommended ones are never installed.
NEEDS = ("Depends", "Pre-Depends")
NAME = re.compile(r"\s*([a-z0-9][a-z0-9+.-]+)")

Fields = Mapping[str, str]


def installed(status: str) -> dict[str, Fields]:
    """What dpkg has installed, by name, as its own list says (deb-control(5))."""
    found: dict[str, Fields] = {}
    for paragraph in status.split("\n\n"):
        # A line that begins with a space goes on with the field before.
        whole = re.sub(r"\n[ \t]+", " ", paragraph)
        fields = dict(re.findall(r"^([A-Za-z-]+):[ ]*(.*)$", whole, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields
    return found


def names(field: str) -> list[str]:
    """The packages in a field, all alternatives: ``a (>= 1) | b:any, c``."""
    return [match[1] for one in re.split(r"[,|]", field) if (match := NAME.match(one))]


def without_need(packages: Mapping[str, Fields], wanted: Iterable[str]) -> set[str]:
    """Those that neither are wanted nor are what a needed one depends on.

    Args:
        packages: all that are installed.
        wanted: for themselves. So are Debian's essential ones, on which packages rely without naming them.
    """
    provided: dict[str, list[str]] = {}
    for name, fields in packages.items():
        for one in (name, *names(fields.get("Provides", ""))):
            provided.setdefault(one, []).append(name)
    open_ends = [*wanted, *(name for name, fields in packages.items() if fields.get("Essential") == "yes")]
    needed: set[str] = set()
    while open_ends:
        # Of alternatives, and of those that provide a name, whichever is there.
        for name in set(provided.get(open_ends.pop(), ())) - needed:
            needed.add(name)
            open_ends += [other for field in NEEDS for other in names(packages[name].get(field, ""))]
    return set(packages) - needed


STATUS = """\
Package: dash
Status: install ok installed
Essential: yes
Pre-Depends: libc6 (>= 2.38)

Package: libc6
Status: install ok installed

Package: flask
Status: install ok installed
Depends: python3:any, gone | werkzeug (>= 3),
 jinja

Package: werkzeug3
Status: install ok installed
Provides: werkzeug (= 3.1), werkzeug-abi

Package: python3
Status: install ok installed

Package: jinja
Status: install ok installed
Recommends: babel

Package: babel
Status: install ok installed

Package: apt
Status: deinstall ok config-files

Package: curl
Status: install ok installed
Depends: libc6
"""


def test_the_rule_finds_what_was_left_over() -> None:
    packages = installed(STATUS)
    assert "apt" not in packages
    assert without_need(packages, ["flask"]) == {"babel", "curl"}
    assert without_need(packages, ["flask", "curl", "babel"]) == set()
    assert without_need(packages, ["curl"]) == {"flask", "werkzeug3", "python3", "jinja", "babel"}


@pytest.mark.image
def test_each_package_is_needed(card: Card) -> None:
    packages = installed((card.slot() / "var/lib/dpkg/status").read_text())
    assert len(packages) > 100
    assert set(recipe.USERLAND) <= set(packages)
    assert without_need(packages, recipe.USERLAND) == set()


@pytest.mark.image
def test_what_dpkg_does_not_know_is_named_in_the_recipe(card: Card, packed: Path) -> None:
    """Kernel, firmware and loader are unpacked only, and two libraries come from Python's index."""
    manifest = packed.with_name(packed.name.removesuffix(".img.xz") + ".manifest").read_text()
    listed = {line.split("\t")[0] for line in manifest.splitlines()}
    packages = installed((card.slot() / "var/lib/dpkg/status").read_text())
    assert set(packages) <= listed
    named = {*recipe.HARDWARE, *(f"python:{one.requirement.partition('==')[0]}" for one in recipe.PINNED)}
    # The kernel's own packages carry its version in their names; the one in the recipe names the newest.
    (release,) = (one.name for one in (card.slot() / "usr/lib/modules").iterdir())
    kernel = {f"linux-{part}-{release}" for part in ("image", "binary", "modules")}
    assert listed - set(packages) == (named - {"linux-image-arm64"}) | kernel
