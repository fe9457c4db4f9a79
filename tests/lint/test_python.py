"""ruff and mypy: style, likely mistakes and types of all Python code."""

import subprocess
import sys

import pytest

from tests.lint.sources import ROOT

TOOLS = {
    "ruff check": ["ruff", "check", "--quiet", "--output-format", "concise", "."],
    "ruff format": ["ruff", "format", "--quiet", "--diff", "."],
    # argon2-cffi got its type hints after the version that the card has.
    "mypy --strict": ["mypy", "--no-error-summary", "--disable-error-code", "import-untyped"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_python_is_clean(tool: str) -> None:
    done = subprocess.run([sys.executable, "-m", *TOOLS[tool]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{tool} found:\n{done.stdout}{done.stderr}"
