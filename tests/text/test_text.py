"""A sentence is English for everybody, and remembers how it was made for whoever translates it."""

import copy
import json
from dataclasses import asdict, dataclass

from appliance.text import Text, text, translated

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
