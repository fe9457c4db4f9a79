"""TLS sessions: remembered as by nginx, and a context that cannot be told so is left as Python made it."""

import _ssl
import re
import ssl
import subprocess
import sys
from typing import IO

import pytest

from appliance.relay import sessions
from appliance.relay.sessions import DEFAULT_LIFE, LIFE, remember_as_nginx_does
from tests.cover import inside
from tests.cover.probes import V12, context, without_tickets
from tests.relay.conftest import StartRelay
from tests.relay.running import PATIENCE, Upstream

# Refuse memory that is written and executed, as MemoryDenyWriteExecute in the relay's unit; then run the rest.
# PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: Linux 6.3.
DENIED = """
import ctypes, mmap, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)
try: mmap.mmap(-1, 4096, prot=7)
except PermissionError: os.execvp(sys.argv[1], sys.argv[1:])
sys.exit("nothing was refused")
"""
NO_SUCH_CALL = 77


def life(port: int, version: str) -> set[str]:
    """What tickets say, in seconds."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-ign_eof"]
    asked = "GET / HTTP/1.0\r\nHost: a_b\r\n\r\n"
    told = subprocess.run(command, input=asked, capture_output=True, text=True, check=False, timeout=PATIENCE).stdout
    return set(re.findall(r"ticket lifetime hint: (\d+)", told))


@pytest.mark.costly
@pytest.mark.parametrize("denied", [False, True], ids=["plain", "no-writable-code"])
def test_a_relay_remembers_as_nginx_does(start_relay: StartRelay, upstream: Upstream, denied: bool) -> None:
    def launch(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", DENIED, *command], stderr=log, stdout=log)

    trial = subprocess.run([sys.executable, "-c", DENIED, "true"], check=False)
    if denied and trial.returncode == NO_SUCH_CALL:
        pytest.skip("this kernel is older than 6.3")
    relay = start_relay(launch=launch) if denied else start_relay()
    assert life(relay.tls, "-tls1_3") == life(relay.tls, "-tls1_2") == {str(LIFE)}
    assert inside.resumed(relay.tls, context(V12)) == [False, True, True]
    # Without a ticket the relay would have to remember.
    assert inside.resumed(relay.tls, without_tickets(context(V12))) == [False, False, False]
    assert "sessions" not in relay.log


def server() -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    return found


def life_of(one: ssl.SSLContext) -> int:
    """How long OpenSSL lets a session live, in seconds."""
    return int(sessions._OpenSsl().life(sessions._held(one)))


def test_a_context_is_told_once_and_its_neighbour_is_not() -> None:
    one, other = server(), server()
    assert life_of(one) == life_of(other) == DEFAULT_LIFE
    assert remember_as_nginx_does(one)
    assert (life_of(one), life_of(other)) == (LIFE, DEFAULT_LIFE)
    # What is not as Python made it is not touched.
    assert not remember_as_nginx_does(one)


def test_a_client_s_context_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    client = context()
    assert not remember_as_nginx_does(client)
    assert life_of(client) == DEFAULT_LIFE
    assert "two hours" in caplog.text


@pytest.mark.parametrize("other", ["libc.so.6", "/nowhere", None])
def test_without_the_library_nothing_happens(monkeypatch: pytest.MonkeyPatch, other: str | None) -> None:
    alone = server()
    with monkeypatch.context() as changed:
        if other is None:
            changed.delattr(_ssl, "__file__")
        else:
            changed.setattr(_ssl, "__file__", other)
        assert not remember_as_nginx_does(alone)
    assert life_of(alone) == DEFAULT_LIFE


def test_a_pointer_that_is_not_the_context_s_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, another = server(), server()
    another.minimum_version = ssl.TLSVersion.TLSv1_3
    wrong = [0, 8, 1 << 46, (1 << 64) - 8, id(alone), id(alone) + 1, id(bytes(4096)), sessions._held(another)]
    for address in wrong:
        with monkeypatch.context() as changed:
            changed.setattr(sessions, "_held", lambda _, found=address: found)
            assert not remember_as_nginx_does(alone), address
    assert life_of(alone) == life_of(another) == DEFAULT_LIFE
