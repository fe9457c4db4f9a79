"""The two pinned files of the Python package index, fetched by pip in the native tree and checked by their hashes."""

import os
import shutil
from pathlib import Path

from image import cache, recipe
from image.cell import Cell
from image.errors import BuildError, NoNetwork

HOST_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
RESOLVER = Path("/etc/resolv.conf")
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_PROXY", "http_proxy", "https_proxy", "no_proxy")
KEY = cache.key([pin.sha256 for pin in recipe.PINNED])


def fetch(cell: Cell, draft: Path) -> None:
    """Fill the directory `draft`; raises `NoNetwork`, or `BuildError` when a file is not the pinned one."""
    draft.mkdir()
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    binds = {draft: "/output", RESOLVER: "/etc/resolv.conf"}
    if HOST_TRUST.exists():
        # What the host trusts, so that it also works behind a company's proxy; the hashes decide in the end.
        shutil.copyfile(HOST_TRUST, draft / "trust.pem")
        env["PIP_CERT"] = "/output/trust.pem"
    for pin in recipe.PINNED:
        kind = ["--no-binary", ":all:", "--no-build-isolation"] if pin.source else ["--only-binary", ":all:"]
        command = ["python3", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--retries", "1"]
        command += ["download", "--no-deps", *kind, "--dest", "/output", pin.requirement]
        try:
            cell.run(f"Downloading {pin.requirement}", command, binds, env)
        except BuildError:
            text = cell.log.read_text(errors="replace")
            if "NewConnectionError" in text or "No matching distribution" in text or "Max retries" in text:
                raise NoNetwork(pin.requirement, "") from None
            raise
        found = cache.sha256(draft / pin.filename)
        if found != pin.sha256:
            raise BuildError(
                f"{pin.filename} has the SHA-256 {found}, not {pin.sha256}.",
                "The package index gave another file than the one that was reviewed.",
                "Do not use it. Try another network, and tell the project if it stays so.",
            )
    (draft / "trust.pem").unlink(missing_ok=True)
