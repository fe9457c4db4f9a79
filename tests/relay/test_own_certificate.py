"""The certificate that a fresh card makes itself, while the relay still reads its own program."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import SavedStateError
from appliance.relay.certificate import Certificate, rules
from appliance.relay.own_certificate import FILE, begin, begin_first


def test_what_was_begun_is_waited_for_and_used(tmp_path: Path) -> None:
    making = begin_first(tmp_path)
    assert making is not None
    kept = Certificate(tmp_path, tmp_path / "public.pem", lambda: 1.9e9, making)
    assert kept.follow()
    assert making.returncode == 0
    made = (tmp_path / FILE).read_bytes()
    assert kept.served is not None
    assert kept.served.kind == "self-signed"
    # It is the one that was begun, and stays: nothing else has been made after it.
    assert not kept.follow()
    assert (tmp_path / FILE).read_bytes() == made
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_nothing_is_begun_where_something_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert begin_first(tmp_path) is None
    assert (tmp_path / FILE).read_bytes() == content


def test_one_that_could_not_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "relay").write_text("a file in the folder's place")
    making = begin_first(tmp_path / "relay")
    assert making is not None
    with pytest.raises(SavedStateError, match="exists"):
        rules(tmp_path / "relay", making)


def test_one_that_was_killed_is_made_again(tmp_path: Path) -> None:
    making = begin(tmp_path)
    making.kill()
    assert isinstance(rules(tmp_path, making).usual, ssl.SSLContext)


def test_little_of_the_relay_is_read_for_it() -> None:
    """It has to be under way long before the relay knows its own program."""
    script = "import sys, appliance.cli.relay, appliance.relay.own_certificate; print(*sys.modules)"
    read = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ssl", "gevent", "cryptography", "appliance.relay.service", "appliance.settings.declared"} & set(read)
