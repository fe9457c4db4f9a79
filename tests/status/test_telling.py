"""A service's word: written at each change and before it is old, its trouble said once, read or not there."""

import json
from pathlib import Path

import pytest

from appliance.status.page import PageStatus
from appliance.status.telling import PUBLISH_EVERY, Telling
from appliance.status.word import read, sentence
from appliance.text import Text, text


def written(path: Path) -> float:
    return float(json.loads(path.read_bytes())["written"])


def test_it_is_written_when_it_changes_and_before_it_is_old(tmp_path: Path) -> None:
    path, log = tmp_path / "status.json", list[str]()
    telling = Telling(path, "page", log.append)
    seen = []
    for now, ownership in ((0.0, "unclaimed"), (1.0, "unclaimed"), (2.0, "claimed"), (3.0, "claimed")):
        telling.tell(PageStatus(now, ownership))
        seen.append(written(path))
    telling.tell(PageStatus(2.0 + PUBLISH_EVERY, "claimed"))
    assert [*seen, written(path)] == [0.0, 0.0, 2.0, 2.0, 2.0 + PUBLISH_EVERY]
    assert log == []


def test_what_cannot_be_written_is_said_once_and_tried_again(tmp_path: Path) -> None:
    path, log = tmp_path / "run" / "status.json", list[str]()
    telling = Telling(path, "page", log.append)
    for now in (0.0, 0.5):
        telling.tell(PageStatus(now, "claimed"))
    assert log == ["page: The status cannot be written (No such file or directory); the page will not show it."]
    path.parent.mkdir()
    telling.tell(PageStatus(1.0, "claimed"))
    assert written(path) == 1.0
    path.unlink()
    path.parent.rmdir()
    telling.tell(PageStatus(2.0, "unclaimed"))
    assert len(log) == 2


def test_an_old_word_is_none(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text('{"written": 5, "ownership": "claimed"}')
    assert read(path, 5.0, lambda raw: PageStatus(raw["written"], raw["ownership"])) == PageStatus(5, "claimed")
    assert read(path, 5.1, lambda raw: PageStatus(raw["written"], raw["ownership"])) is None


def test_a_sentence_is_one_or_an_error() -> None:
    assert isinstance(sentence("plain"), Text)
    said = text("Port %(port)s.", port=80)
    assert sentence(said) is said
    with pytest.raises(TypeError):
        sentence(5)
