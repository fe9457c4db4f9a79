"""The chart: what it draws, what it says to who hears the page, and that it carries no style of its own."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.history.chart import HEIGHT, LABELS, WIDTH, chart

SVG = "{http://www.w3.org/2000/svg}"
WORDS = {"name": "day", "title": "The last day", "description": "Most at 3", "first": "a day ago", "last": "now"}


def draw(values: Sequence[int | None], **words: str) -> ET.Element:
    found = chart(values, **{**WORDS, "top": "30 MB", **words})
    # Inline SVG needs no namespace; a parser of XML does.
    return ET.fromstring(found.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314


def bars(picture: ET.Element, kind: str = "chart-bar") -> list[ET.Element]:
    return [one for one in picture.iter(f"{SVG}rect") if one.get("class") == kind]


def test_the_highest_bar_fills_the_room_and_half_is_half() -> None:
    picture = draw([0, 10, 20, None])
    assert [float(one.get("height", "")) for one in bars(picture)] == [(HEIGHT - 2 * LABELS) / 2, HEIGHT - 2 * LABELS]
    assert len(bars(picture, "chart-gap")) == 1
    # From the left to the right as time passes, all on one line.
    lefts = [float(one.get("x", "")) for one in picture.iter(f"{SVG}rect")]
    assert lefts == sorted(lefts)
    assert {float(one.get("y", "")) + float(one.get("height", "")) for one in bars(picture)} == {HEIGHT - LABELS}


@given(st.lists(st.none() | st.integers(0, 10**18), max_size=120))
def test_every_bar_lies_within_the_picture(values: list[int | None]) -> None:
    for one in draw(values).iter(f"{SVG}rect"):
        x, y, wide, tall = (float(one.get(name, "")) for name in ("x", "y", "width", "height"))
        assert -0.1 <= x <= x + wide <= WIDTH + 0.1
        assert 0 <= y <= y + tall <= HEIGHT
        assert tall >= 1


def test_who_hears_the_page_gets_title_and_description() -> None:
    picture = draw([1, 2])
    assert picture.get("role") == "img"
    ids = (picture.get("aria-labelledby") or "").split()
    by_id = {one.get("id"): one.text for one in picture.iter() if one.get("id")}
    assert [by_id[one] for one in ids] == ["The last day", "Most at 3"]
    assert all(one.get("aria-hidden") == "true" for one in picture.iter(f"{SVG}text"))


@pytest.mark.parametrize("values", [[], [0, 0], [None, None]])
def test_nothing_to_show_is_a_line(values: list[int | None]) -> None:
    picture = draw(values)
    assert not bars(picture)
    assert "30 MB" not in ET.tostring(picture, "unicode")
    assert list(picture.iter(f"{SVG}path"))


def test_it_passes_a_strict_policy_and_follows_the_text_s_colour() -> None:
    drawn = chart([1, None, 3], **WORDS, top="3")
    assert "style" not in drawn
    assert "<script" not in drawn
    assert "#" not in drawn
    assert drawn.count("currentColor") == 2


def test_it_reads_from_left_to_right_on_a_page_that_does_not() -> None:
    picture = draw([1], first="۲۴ ساعت پیش", last="اکنون", top="۳۰ مگابایت")
    assert picture.get("direction") == "ltr"
    found = {
        one.text: (one.get("x"), one.get("text-anchor"), one.get("direction")) for one in picture.iter(f"{SVG}text")
    }
    assert found["۲۴ ساعت پیش"] == ("0", "start", "ltr")
    assert found["اکنون"] == (str(WIDTH), "end", "ltr")


def test_texts_cannot_become_tags() -> None:
    evil = '"><script>alert(1)</script>'
    drawn = chart([1], name="x", title=evil, description=evil, first=evil, last=evil, top=evil)
    assert "<script" not in drawn
    assert evil in [one.text for one in draw([1], title=evil).iter()]
