"""shellcheck: every shell script, whether it runs on the card or builds it."""

import subprocess

from tests.lint.sources import ROOT, name_of, shell_scripts


def test_shell_scripts_are_clean() -> None:
    names = [name_of(path) for path in shell_scripts()]
    assert {"test", ".ci/run"} <= set(names)
    done = subprocess.run(
        ["shellcheck", "--external-sources", "--format=gcc", *names], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"shellcheck found:\n{done.stdout}{done.stderr}"


def test_scripts_can_be_run() -> None:
    """A script with a first line that names its interpreter is there to be called."""
    for path in shell_scripts():
        if path.read_bytes().startswith(b"#!"):
            assert path.stat().st_mode & 0o111, f"{name_of(path)} is not executable: chmod +x {name_of(path)}"
