"""The wheel: built as ./build does for the card, and looked into."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from appliance import __version__
from tests.lint.sources import ROOT, name_of, sources

# One process builds the wheel, and all that looks into it.
pytestmark = pytest.mark.xdist_group("wheel")

NOT_CODE = (".html", ".css", ".js", ".svg", ".toml", ".json", ".png", ".txt", ".ico", ".woff2")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A freshly built wheel, open."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(folder / f"porchlight-{__version__}-py3-none-any.whl")


def test_carries_the_pins(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("appliance/lights/pins.toml") == (ROOT / "hardware" / "pins.toml").read_bytes()


def test_carries_every_file_of_the_appliance(wheel: zipfile.ZipFile) -> None:
    wanted = {name_of(path) for path in sources() if path.is_relative_to(ROOT / "appliance")}
    wanted = {name for name in wanted if Path(name).suffix in (".py", *NOT_CODE)}
    assert wanted <= set(wheel.namelist())


def test_brings_the_command(wheel: zipfile.ZipFile) -> None:
    points = wheel.read(f"porchlight-{__version__}.dist-info/entry_points.txt").decode()
    assert "porchlight = appliance.cli.main:main" in points


def test_requirements_are_those_that_are_tested(wheel: zipfile.ZipFile) -> None:
    """Whatever the package asks for is pinned for the tests; the pins' library is for the Pi alone."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {line.partition(">=")[0].strip() for line in asked if "platform_machine" not in line}
    pinned = (ROOT / "tests" / "requirements.txt").read_text()
    assert not [name for name in names if f"\n{name}==" not in f"\n{pinned}"]
