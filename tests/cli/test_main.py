"""The command as somebody types it, mistakes included."""

import subprocess
import sys

import pytest

from appliance.cli.main import SUBCOMMANDS

COMMAND = [sys.executable, "-m", "appliance"]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_every_subcommand_explains_itself(subcommand: str) -> None:
    result = run(subcommand, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: porchlight {subcommand}")


@pytest.mark.parametrize("arguments", [("bogus",), ("relay", "--bogus"), ("settings", "extra"), ()])
def test_a_mistake_is_told_without_a_traceback(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "usage: porchlight" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_settings_file_that_is_not_there_is_named() -> None:
    result = run("relay", "--settings", "/nowhere/porchlight.toml")
    assert result.returncode == 1
    assert "There is no settings file /nowhere/porchlight.toml." in result.stderr


def test_a_reader_that_has_seen_enough_is_no_mistake() -> None:
    child = subprocess.Popen([*COMMAND, "settings"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    child.wait()
    assert said == b""


@pytest.mark.costly
@pytest.mark.parametrize("arguments", [(), ("--now",), ("x.raucb",), ("--trial",)])
def test_a_computer_that_is_no_card_is_not_updated(arguments: tuple[str, ...]) -> None:
    result = run("update", *arguments)
    assert result.returncode == 1
    assert "does not run from a porchlight card" in result.stderr
