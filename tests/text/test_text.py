"""A sentence is English for everybody, and remembers how it was made for whoever translates it."""

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from appliance.text import Text, packed, text, together, translated, unpacked

FRENCH = {
    "Port %(port)s is in use by %(program)s.": "%(program)s occupe le port %(port)s.",
    "another program": "un autre programme",
    "Wait.": "Attendez.",
}


def french(template: str) -> str:
    return FRENCH.get(template, template)


def test_a_sentence_is_plain_english() -> None:
    said = text("Port %(port)s is in use by %(program)s.", port=80, program="nginx")
    assert said == "Port 80 is in use by nginx."
    assert json.loads(json.dumps({"what": said})) == {"what": "Port 80 is in use by nginx."}


def test_it_can_be_said_in_another_language() -> None:
    said = text("Port %(port)s is in use by %(program)s.", port=80, program=text("another program"))
    assert translated(said, french) == "un autre programme occupe le port 80."


def test_a_percent_sign_needs_no_care_without_values() -> None:
    assert text("100 % sure") == "100 % sure"
    assert translated(text("100 % sure"), french) == "100 % sure"


def test_plain_strings_are_looked_up_as_they_are() -> None:
    assert translated("Wait.", french) == "Attendez."
    assert translated("", french) == ""
    assert translated("No such sentence: 50 %", french) == "No such sentence: 50 %"


@dataclass
class Holder:
    what: str


def test_copies_stay_translatable() -> None:
    said = text("Port %(port)s is in use by %(program)s.", port=80, program="nginx")
    for other in (copy.copy(said), copy.deepcopy(said), asdict(Holder(said))["what"]):
        assert isinstance(other, Text)
        assert translated(other, french) == "nginx occupe le port 80."


def test_it_passes_through_a_file_with_its_parts() -> None:
    said = text("Port %(port)s is in use by %(program)s.", port=80, program=text("another program"))
    status = {"ports": [{"port": 80, "trouble": said}], "plain": "Wait.", "number": 1.5, "nothing": None}
    found = unpacked(json.loads(json.dumps(packed(status))))
    assert found == status
    assert translated(found["ports"][0]["trouble"], french) == "un autre programme occupe le port 80."


def test_several_sentences_are_one_and_each_is_still_said_in_any_language() -> None:
    both = together(text("Port %(port)s is in use by %(program)s.", port=80, program="nginx"), "", "100 %")
    assert both == "Port 80 is in use by nginx. 100 %"
    found = unpacked(json.loads(json.dumps(packed(both))))
    assert translated(found, french) == "nginx occupe le port 80. 100 %"
    assert together("", text("")) == ""


def test_what_json_does_not_know_passes_as_its_text() -> None:
    said = text("%(file)s cannot be read (%(error)s).", file=Path("a.toml"), error=OSError("gone"))
    assert unpacked(json.loads(json.dumps(packed([said])))) == ["a.toml cannot be read (gone)."]


@pytest.mark.parametrize(
    "damaged",
    [
        {"text": "Port %(port)s", "values": {"other": 1}},
        {"text": "Port %(port)d", "values": {"port": "x"}},
        {"text": "100 %", "values": {"port": 1}},
        {"text": "Port", "values": []},
        {"text": 7, "values": {"port": "x"}},
    ],
)
def test_damaged_parts_are_an_error_that_readers_expect(damaged: object) -> None:
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        unpacked({"ports": [damaged]})
