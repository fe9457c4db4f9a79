"""The key that signs updates, and the certificate by which a card knows it.

The card trusts what its certificate file holds; several may stand in it, so that a new key can be announced by an
update that the old one still signs (docs/updates.md).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from image import cell
from image.errors import BuildError

# Nothing about an update depends on the clock, which on a Pi starts anywhere.
FROM, UNTIL = "20200101000000Z", "99991231235959Z"


@dataclass(frozen=True)
class UpdateKey:
    """What is used for updates.

    Args:
        certificate: PEM; what the card trusts, the signer's own first.
        key: PEM, without password; None: this build signs no bundle, since somebody else has the key.
    """

    certificate: Path
    key: Path | None


def choose(work: cell.Cell, store: Path, certificate: Path | None, key: Path | None) -> UpdateKey:
    """The files that were named, or the development pair of the cache, which is made when it is missing.

    Args:
        work: where OpenSSL is.
        store: the folder of the development pair.
        certificate: ``--update-certificate``.
        key: ``--update-key``.

    Raises:
        BuildError: a file is not there, or a key came without its certificate.
    """
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise BuildError(f"{path} is not there.", "No card was written.", "Correct the --update- options.")
    if key is not None and certificate is None:
        raise BuildError(
            "--update-key came without --update-certificate.",
            "The card would trust another key than the one that signs its updates.",
            "Name both, or neither.",
        )
    if certificate is not None:
        return UpdateKey(certificate, key)
    store.mkdir(mode=0o700, exist_ok=True)
    made = UpdateKey(store / "update-development.pem", store / "update-development.key")
    if not (made.certificate.exists() and made.key and made.key.exists()):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
        command += ["-subj", "/CN=porchlight development", "-not_before", FROM, "-not_after", UNTIL]
        command += ["-addext", "keyUsage=critical,digitalSignature"]
        command += ["-keyout", "/cache/new.key", "-out", "/cache/new.pem"]
        work.run("Making the development key of the updates", command, {store: "/cache"}, {})
        (store / "new.key").chmod(0o600)
        (store / "new.key").rename(store / "update-development.key")
        (store / "new.pem").rename(made.certificate)
    return made


def lend(found: UpdateKey, folder: Path) -> Path:
    """Copies for the native tree, called ``update.pem`` and ``update.key``; the folder is thrown away."""
    folder.mkdir(mode=0o700)
    shutil.copyfile(found.certificate, folder / "update.pem")
    if found.key is not None:
        shutil.copyfile(found.key, folder / "update.key")
        (folder / "update.key").chmod(0o600)
    return folder
