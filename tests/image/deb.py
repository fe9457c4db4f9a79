"""Package files for tests."""

import subprocess
from pathlib import Path


def deb(folder: Path, name: str, version: str, source: str = "", architecture: str = "arm64") -> Path:
    """Make a real package file with nothing in it, named as apt names it.

    Args:
        folder: where it is put.
        name: of the package.
        version: as Debian counts.
        source: the source package; empty: of the same name.
        architecture: as Debian calls it.
    """
    tree = folder / f"tree-{name}-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    fields = {"Package": name, "Version": version, "Architecture": architecture, "Source": source}
    fields |= {"Maintainer": "porchlight <porchlight@example.org>", "Description": "nothing"}
    control = "".join(f"{field}: {value}\n" for field, value in fields.items() if value)
    (tree / "DEBIAN/control").write_text(control)
    file = folder / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return file
