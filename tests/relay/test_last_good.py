"""The last good addresses: what is noted is recalled, and a damaged file is no more than no file."""

import ipaddress
from pathlib import Path

import pytest

from appliance.relay.last_good import LastGood
from appliance.relay.upstream import Group

CHAT, MEDIA = ("g.example", 5222), ("m.example", 443)
# The home's own, seen from outside.
OUTER = ipaddress.ip_address("80.200.0.9")


def test_what_one_process_notes_another_recalls(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.json"
    LastGood(path).note({CHAT: ["192.0.2.1", "2001:db8::1"]})
    LastGood(path).note({MEDIA: ["192.0.2.9"]})
    assert LastGood(path).recall([CHAT, MEDIA]) == {CHAT: ["192.0.2.1", "2001:db8::1"], MEDIA: ["192.0.2.9"]}
    assert LastGood(path).recall([("g.example", 80)]) == {}


def test_the_same_again_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.json"
    LastGood(path).note({CHAT: ["192.0.2.1"]})
    before = path.stat().st_ino
    LastGood(path).note({CHAT: ["192.0.2.1"]})
    assert path.stat().st_ino == before


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"\xff\xfe", b'{"g.example:5222": 7}', b'{"g.example:5222": [7]}', b'{"g.example:5222": []}']
)
def test_a_damaged_file_is_no_file(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "upstreams.json"
    path.write_bytes(damage)
    assert LastGood(path).recall([CHAT]) == {}
    LastGood(path).note({CHAT: ["192.0.2.1"]})
    assert LastGood(path).recall([CHAT]) == {CHAT: ["192.0.2.1"]}


def test_a_folder_that_cannot_be_written_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = LastGood(tmp_path / "missing" / "upstreams.json")
    kept.note({CHAT: ["192.0.2.1"]})
    kept.note({CHAT: ["192.0.2.2"]})
    assert len(caplog.records) == 1


def test_recalled_addresses_are_judged_like_answers(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.json"
    LastGood(path).note({CHAT: ["192.168.1.1", "not an address", str(OUTER), "93.184.215.14"]})
    group = Group(["g.example:5222"], lambda: (OUTER,), allow_private=False, last_good=LastGood(path))
    group.recall()
    assert [endpoint.address for endpoint in group.addresses()] == [("93.184.215.14", 5222)]
