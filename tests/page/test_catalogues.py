"""The catalogues of the page: every sentence in every language, with its values in place (docs/translating.md)."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from appliance.page.languages import FOLDER, LANGUAGES
from tests.lint.sources import ROOT

TRANSLATED = [code for code in LANGUAGES if code != "en"]
VALUE = re.compile(r"%\((\w+)\)s")
# Whoever translates has a life, too: past this many sentences, say the same thing in the same words.
MOST_SENTENCES = 720


@cache
def wanted() -> Catalog:
    """Every sentence that stands in the sources now, taken out by the documented command."""
    options = ["-F", "pyproject.toml", "-k", "text", "--add-location", "file", "-o", "-", "."]
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return read_po(done.stdout.splitlines(keepends=True))


@cache
def catalogue(code: str) -> Catalog:
    with (FOLDER / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def sentences(code: str) -> Iterator[tuple[str, str, bool]]:
    """Each sentence in English, in the language, and whether nobody has looked at it since the English one changed."""
    for message in catalogue(code):
        if message.id:
            assert isinstance(message.id, str)
            yield message.id, str(message.string), message.fuzzy


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    assert sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) == sorted(TRANSLATED)


def test_the_sentences_can_be_filled_in() -> None:
    for message in wanted():
        if message.id:
            assert isinstance(message.id, str)
            names = VALUE.findall(message.id)
            # What has values may hold no other percent sign than a doubled one, what has none is not filled in at all.
            plain = VALUE.sub("", message.id).replace("%%", "")
            assert not names or "%" not in plain, message.id
            assert message.id % dict.fromkeys(names, "x") if names else True


def test_there_are_not_too_many_of_them() -> None:
    assert len(wanted()) <= MOST_SENTENCES


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_up_to_date(code: str) -> None:
    has = {english for english, _, _ in sentences(code)}
    needs = {message.id for message in wanted() if message.id}
    hint = "run the second command of docs/translating.md"
    assert has - needs == set(), f"these sentences are not said any more: {hint}"
    assert needs - has == set(), f"these sentences are new: {hint}"


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_the_same_values(code: str) -> None:
    for english, said, _fuzzy in sentences(code):
        if said:
            assert sorted(VALUE.findall(said)) == sorted(VALUE.findall(english)), f"{code}: {english}"
            assert ("%" in VALUE.sub("", said)) == ("%" in VALUE.sub("", english)), f"{code}: {english}"
            assert said.strip() == said, f"{code}: {english}"
            assert "<" not in said, f"{code}: {english}"


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_complete(code: str) -> None:
    missing = [english for english, said, fuzzy in sentences(code) if fuzzy or not said]
    assert not missing, f"{len(missing)} sentences are not said in {LANGUAGES[code].name}, the first: {missing[0]}"


def test_catalogues_are_text_and_end_up_in_the_package() -> None:
    assert {path.suffix for path in Path(FOLDER).rglob("*") if path.is_file()} == {".po"}
