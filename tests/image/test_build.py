"""`./build` when things go wrong: real runs, each of which must say what happened, what it means and what to do."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.stages import REPOSITORY, version

BUILD = str(REPOSITORY / "build")
# What ./build would install before anything else, as root; these tests have no network.
NEEDED = ("mmdebstrap", "arch-test", "unshare", "newuidmap", "qemu-aarch64-static", "update-binfmts")
PREPARED = all(map(shutil.which, NEEDED)) and os.geteuid() == 0
needs_a_prepared_host = pytest.mark.skipif(not PREPARED, reason="needs root, and what ./build installs first")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def assert_three_sentences(text: str) -> None:
    assert "./build: " in text
    assert "What this means:" in text
    assert "What to do:" in text
    assert "Traceback" not in text


def test_help_names_every_option() -> None:
    result = run(BUILD, "--help")
    assert result.returncode == 0
    options = ["--mirror", "--cache", "--mode", "--output", "--fresh", "--locked", "--verify", "--key", "--url"]
    for option in [*options, "--release", "--tracker", "--since"]:
        assert option in result.stdout


@needs_a_prepared_host
@pytest.mark.parametrize("arguments", [["--nonsense"], ["--mode", "magic"], ["extra"]])
def test_an_unknown_option_is_named_and_nothing_starts(arguments: list[str]) -> None:
    result = run(BUILD, *arguments)
    assert result.returncode == 2
    assert arguments[-1] in result.stderr
    assert "usage: ./build" in result.stderr
    assert "[1/" not in result.stderr


@needs_a_prepared_host
@pytest.mark.costly
def test_what_a_release_is_compared_with_is_looked_at_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "card.lock").write_text(f"bash\t5.2.37-2\tarm64\t{'ab' * 32}\tcard\n")
    for name, said in (("missing", "cannot be read"), ("card.lock", "is not a manifest")):
        result = run(BUILD, "--release", str(tmp_path / name), "--cache", str(tmp_path / "cache"))
        assert result.returncode == 1
        assert_three_sentences(result.stderr)
        assert said in result.stderr
        assert "[1/" not in result.stderr


@needs_a_prepared_host
def test_data_of_the_tracker_alone_is_refused() -> None:
    result = run(BUILD, "--tracker", "data.json")
    assert result.returncode == 2
    assert "--tracker says nothing without --release" in result.stderr


@needs_a_prepared_host
@pytest.mark.parametrize(
    ("since", "said"), [("0.1", "is no version"), (version(), "is not older than"), ("99.0.0", "is not older than")]
)
def test_an_update_that_nobody_could_take_is_refused(since: str, said: str) -> None:
    result = run(BUILD, "--since", since)
    assert result.returncode == 2
    assert "--since" in result.stderr
    assert said in result.stderr


@needs_a_prepared_host
def test_who_makes_no_update_cannot_say_who_may_take_it() -> None:
    result = run(BUILD, "--since", "0.0.1", "--update-certificate", "card.pem")
    assert result.returncode == 2
    assert "--since says nothing without --update-key" in result.stderr


@needs_a_prepared_host
def test_a_mirror_of_security_updates_alone_is_refused() -> None:
    result = run(BUILD, "--security-mirror", "https://mirror.example.org/debian-security")
    assert result.returncode == 2
    assert "--security-mirror says nothing without --mirror" in result.stderr


@needs_a_prepared_host
def test_no_disk_space_is_said_before_anything_starts(tmp_path: Path) -> None:
    inside = (
        f"mount -t tmpfs -o size=10M tmpfs {tmp_path} && exec {BUILD} --cache {tmp_path}/cache --output {tmp_path}/out"
    )
    result = run("unshare", "--mount", "sh", "-c", inside)
    assert result.returncode == 1
    assert_three_sentences(result.stderr)
    assert f"Not enough disk space in {tmp_path}" in result.stderr
    assert "[2/" not in result.stderr


@needs_a_prepared_host
@pytest.mark.namespaces
@pytest.mark.slow  # apt tries thrice
def test_no_network_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    result = run("unshare", "--net", BUILD, "--cache", str(tmp_path / "cache"), "--output", str(tmp_path / "out"))
    assert result.returncode == 1
    assert_three_sentences(result.stderr)
    assert "Could not download" in result.stderr
    assert not (tmp_path / "cache/image/unfinished").exists()
    assert not list((tmp_path / "out").iterdir())


@pytest.fixture
def mute_mirror() -> Iterator[str]:
    """A mirror that accepts and never answers, so that a stage lasts until it is interrupted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/debian"


@pytest.mark.costly
@needs_a_prepared_host
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_cleans_up_and_the_next_run_starts_afresh(
    tmp_path: Path, mute_mirror: str, number: signal.Signals
) -> None:
    cache = tmp_path / "cache"
    command = [BUILD, "--cache", str(cache), "--output", str(tmp_path / "out"), "--mirror", mute_mirror]
    for _ in range(2):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as child:
            wait_for(cache / "image/logs/tools.log", "apt-get update")
            os.killpg(child.pid, number)  # as a terminal does: to everything in the foreground
            _, said = child.communicate(timeout=60)
        assert child.returncode == 130
        assert_three_sentences(said)
        assert "Interrupted" in said
        assert not (cache / "image/unfinished").exists()
        assert not list((cache / "image").glob("tools-*"))
        assert str(cache) not in Path("/proc/self/mountinfo").read_text()
        # They have been told to end, all at once; the last of them may just be at it.
        deadline = time.monotonic() + 10
        while left := processes_that_mention(str(cache)):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        (cache / "image/logs/tools.log").unlink()


def wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and text in path.read_text():
            time.sleep(0.5)
            return
        time.sleep(0.1)
    pytest.fail(f"{path} never said {text!r}")


def processes_that_mention(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in line and path.parent.name != str(os.getpid()):
                found.append(line)
    return found


@pytest.mark.costly
@needs_a_prepared_host
def test_two_builds_do_not_share_a_cache(tmp_path: Path, mute_mirror: str) -> None:
    cache = tmp_path / "cache"
    command = [BUILD, "--cache", str(cache), "--output", str(tmp_path / "out"), "--mirror", mute_mirror]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as first:
        wait_for(cache / "image/logs/tools.log", "apt-get update")
        second = run(*command)
        os.killpg(first.pid, signal.SIGINT)
        first.wait(60)
    assert second.returncode == 1
    assert_three_sentences(second.stderr)
    assert "Another ./build" in second.stderr


@pytest.mark.image
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_assemblies_are_the_same_to_the_last_bit(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "two"):
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000", "TZ": "Asia/Tokyo" if name == "two" else "UTC"}
        subprocess.run([BUILD, "--output", str(tmp_path / name)], check=True, env=environment, capture_output=True)
        sums.append(next((tmp_path / name).glob("*.sha256")).read_text())
    assert sums[0] == sums[1]


@needs_a_prepared_host
@pytest.mark.image
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_disk_that_fills_up_in_the_end_leaves_no_half_card(tmp_path: Path) -> None:
    """As when something else takes the space that the check at the start has seen."""
    out = tmp_path / "out"
    out.mkdir()
    unchecked = (
        "import sys; from image import host, __main__; host.check_space = lambda *where: None;"
        f"sys.argv = ['build', '--output', '{out}']; sys.exit(__main__.main())"
    )
    inside = f'mount -t tmpfs -o size=20M tmpfs {out} && cd {REPOSITORY} && python3 -c "$1"; s=$?; ls -A {out}; exit $s'
    result = run("unshare", "--mount", "sh", "-c", inside, "sh", unchecked)
    assert result.returncode == 1, result.stderr
    assert_three_sentences(result.stderr)
    assert f"Not enough disk space in {out}" in result.stderr
    assert result.stdout == ""  # neither a half card nor a checksum without one
