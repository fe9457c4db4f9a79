"""The catalogues of the page: every sentence in every language, with its values in place (docs/translating.md)."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from appliance.page.languages import FOLDER, LANGUAGES
from tests.page import catalogues
from tests.page.catalogues import TRANSLATED

VALUE = re.compile(r"%\((\w+)\)s")
# Whoever translates has a life, too: past this many sentences, say the same thing in the same words.
MOST_SENTENCES = 740

wanted = cache(catalogues.wanted)
catalogue = cache(catalogues.catalogue)


def sentences(code: str) -> Iterator[tuple[str, str, bool]]:
    """Each sentence in English, in the language, and whether nobody has looked at it since the English one changed."""
    for message in catalogue(code):
        if message.id:
            assert isinstance(message.id, str)
            yield message.id, str(message.string), message.fuzzy


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    assert sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) == sorted(TRANSLATED)


@pytest.mark.costly
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
    assert 300 < len(wanted()) <= MOST_SENTENCES


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_up_to_date(code: str) -> None:
    has = {english for english, _, _ in sentences(code)}
    needs = {message.id for message in wanted() if message.id}
    hint = "python3 -m tests.page.catalogues"
    assert has - needs == set(), f"these sentences are not said any more: {hint}"
    assert needs - has == set(), f"these sentences are new: {hint}"


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_written_as_the_command_writes_it(code: str) -> None:
    now = catalogues.file_of(code).read_bytes()
    assert catalogues.written(catalogues.catalogue(code), code) == now, "run python3 -m tests.page.catalogues"


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
