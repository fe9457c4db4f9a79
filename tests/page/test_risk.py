"""What one risks: docs/risk.md and the page say the same, in every language, and it is on the way to the link."""

import re
from html import unescape
from pathlib import Path

import pytest

from appliance.page.languages import LANGUAGES, catalogue
from appliance.page.risk import PARTS
from tests.page.conftest import Page, Visitor

RISK = Path(__file__).parents[2] / "docs/risk.md"


def documented() -> dict[str, list[str]]:
    """Each section of docs/risk.md: what begins each of its points, in bold."""
    found: dict[str, list[str]] = {}
    for section in RISK.read_text().split("\n## ")[1:]:
        heading, text = section.split("\n", 1)
        points = [" ".join(one.split()) for one in text.strip().removeprefix("- ").split("\n- ")]
        # A point without bold words is none of the page's, and is found here as it stands.
        found[heading] = [bold[1] if (bold := re.match(r"\*\*(.+?)\*\*", one)) else one for one in points]
    return found


def test_the_page_and_the_document_say_the_same() -> None:
    assert documented() == {heading: list(sentences) for heading, sentences in PARTS.items()}


@pytest.mark.costly
def test_each_section_has_its_part_on_the_page_in_each_language(page: Page, owner: Visitor) -> None:
    for code in LANGUAGES:
        page.paths.owner_file.write_text(f'[page]\nlanguage = "{code}"\n')
        _says_the_same(unescape(owner.get("/share/risk").body), code)


def _says_the_same(body: str, code: str) -> None:
    assert f'<html lang="{LANGUAGES[code].tag}" dir="{LANGUAGES[code].direction}">' in body
    lookup = catalogue(code).gettext
    shown: dict[str, list[str]] = {}
    for section in body.split("<h2>")[1:]:
        heading, rest = section.split("</h2>", 1)
        shown[heading] = re.findall(r"<li>(.+?)</li>", rest.split("</section>")[0])
    said = {lookup(heading): [lookup(one) for one in sentences] for heading, sentences in documented().items()}
    assert shown == said
    assert code == "en" or not set(said) & set(PARTS)


@pytest.mark.costly
def test_it_is_on_the_way_to_the_link_and_linked_above_it(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text('[share]\ndomain = "relay.example.org"\n')
    assert re.findall(r'class="onward".*?href="(.+?)"', owner.get("/outside").body) == ["/share/risk"]
    known = owner.get("/share/risk")
    assert re.findall(r'class="onward".*?href="(.+?)"', known.body) == ["/share"]
    assert "relay.example.org" not in known.body
    share = owner.get("/share").body
    assert share.index('href="/share/risk"') < share.index("https://wa.me/")


@pytest.mark.costly
def test_it_is_for_the_owner_alone(page: Page, owner: Visitor) -> None:
    answer = page.visitor().get("/share/risk")
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert owner.get("/share/risk").status == 200
