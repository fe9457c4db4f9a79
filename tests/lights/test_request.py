"""What the page asks of the lights, and files that ask for nothing."""

import json
from pathlib import Path

import pytest

from appliance.lights.request import OLD_AFTER, Ask, Request, read


@pytest.mark.parametrize("ask", Ask)
def test_a_request(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "lights.json"
    path.write_text(json.dumps({"request": ask.value, "at": 100.5}))
    assert read(path, 101.0) == Request(ask, 100.5)
    assert read(path, 100.5 + OLD_AFTER + 0.1) is None
    assert read(path, 100.0) is None, "from before the last start: time runs anew at each"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"request": "explode", "at": 1}', b'{"request": "test"}', b"\xff"]
)
def test_what_is_no_request(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lights.json"
    path.write_bytes(content)
    assert read(path, 1.0) is None


def test_no_file(tmp_path: Path) -> None:
    assert read(tmp_path / "lights.json", 1.0) is None
