"""What lies beside the card in ``dist/``: checksums and signature, block map, package lists, Imager's list.

``SHA256SUMS`` names every file, and one minisign signature over it vouches for all of them.
"""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from image import bundle, cache, cell, imager, lock, sbom
from image.errors import BuildError

ICON = "porchlight.svg"
SUMS = "SHA256SUMS"
SIGNATURE = f"{SUMS}.minisig"
PUBLIC_KEY = "porchlight.pub"
UPDATE_CERTIFICATE = "porchlight-update.pem"
FEED = "update.json"


@dataclass(frozen=True)
class Release:
    """How a card is offered.

    Args:
        place: the address of the folder where the files will be; None: where they are now.
        key: the secret key to sign with, a file of minisign without password; None: one that the build makes.
        update_certificate: PEM; whose updates the card takes; None: those of a key that the build makes.
        update_key: PEM; the key of that; None with a certificate: no bundle is made.
        since: the oldest version that may take the update in one step.
    """

    place: str | None = None
    key: Path | None = None
    update_certificate: Path | None = None
    update_key: Path | None = None
    since: str = bundle.ANYTHING


@dataclass(frozen=True)
class Card:
    """The card that was made: its name without ending, its version, its time, and how long and what it is."""

    name: str
    version: str
    epoch: int
    size: int
    sha256: str


def describe(packed: Path, card: Card, entries: Sequence[lock.Entry], place: str, icon: Path) -> None:
    """Write into ``packed``, beside the compressed card, everything that describes it.

    Args:
        packed: the folder; it holds the compressed card and its block map.
        card: what was made.
        entries: the lock: what is on it, and what made it.
        place: the address of the folder where all of this will be, with a slash at its end.
        icon: the picture for Imager.
    """
    file = packed / f"{card.name}.img.xz"
    digest = cache.sha256(file)
    (packed / f"{file.name}.sha256").write_text(f"{digest}  {file.name}\n")
    (packed / f"{card.name}.lock").write_text(lock.text(entries))
    there = [entry for entry in entries if entry[4] == lock.ON_CARD]
    (packed / f"{card.name}.manifest").write_text("".join("\t".join(entry[:3]) + "\n" for entry in there))
    (packed / f"{card.name}.cdx.json").write_text(sbom.make(card.name, card.version, card.epoch, there))
    shutil.copyfile(icon, packed / ICON)
    offered = imager.Packed(file.name, file.stat().st_size, digest, card.size, card.sha256, card.epoch, card.version)
    text = imager.make(offered, ICON, place)
    # The same list twice: a computer opens the first by a double click, a repository offers the second by its address.
    (packed / f"{card.name}.rpi-imager-manifest").write_text(text)
    (packed / "rpi-imager.json").write_text(text)


def offer(packed: Path, name: str, version: str, since: str = bundle.ANYTHING) -> None:
    """Write the feed of the bundle that lies in ``packed``.

    Args:
        packed: the folder.
        name: of the bundle's file.
        version: of the system in it.
        since: the oldest version that may take it in one step.
    """
    file = packed / name
    (packed / FEED).write_text(bundle.feed(name, version, file.stat().st_size, cache.sha256(file), since=since))


def sign(work: cell.Cell, packed: Path, card: Card, key: Path | None, store: Path) -> None:
    """Write the checksums of everything in ``packed``, and sign them.

    Args:
        work: where minisign is.
        packed: the folder.
        card: what was made; its name and time go into the signature's comment.
        key: the secret key; None: the development key in ``store``, which is made when it is missing.
        store: the folder of the development key.

    Raises:
        BuildError: the key cannot be used.
    """
    store.mkdir(mode=0o700, exist_ok=True)
    secret = store / "development.key"
    binds = {packed: "/work", store: "/cache"}
    if key is not None:
        if not key.is_file():
            raise BuildError(
                f"The key {key} is not there.", "Nothing was signed, and no card was written.", "Correct --key FILE."
            )
        # Where the cell can read it, and never in the results.
        secret = store / "given.key"
        shutil.copyfile(key, secret)
        secret.chmod(0o600)
    elif not secret.exists():
        work.run(
            "Making the development key",
            ["minisign", "-G", "-W", "-f", "-p", "/cache/development.pub", "-s", f"/cache/{secret.name}"],
            binds,
            {},
        )
    names = sorted(path.name for path in packed.iterdir() if path.name not in (SUMS, SIGNATURE, PUBLIC_KEY))
    (packed / SUMS).write_text("".join(f"{cache.sha256(packed / name)}  {name}\n" for name in names))
    try:
        said = f"{card.name} {card.epoch}"
        kept = f"/cache/{secret.name}"
        work.run("Signing", ["minisign", "-S", "-W", "-s", kept, "-m", f"/work/{SUMS}", "-t", said], binds, {})
        work.run("Reading the public key", ["minisign", "-R", "-s", kept, "-p", f"/work/{PUBLIC_KEY}"], binds, {})
    finally:
        (store / "given.key").unlink(missing_ok=True)


def replace(packed: Path, output: Path, last: str, optional: Collection[str] = ()) -> None:
    """Move everything to where it is looked for: old or new, never a mixture.

    All is copied beside its place before anything is renamed, since the disk may be full, and another one.

    Args:
        packed: where it was made.
        output: where it goes.
        last: the file that comes last: whoever sees the card sees its checksum too.
        optional: files that not every build makes: one that this build did not make is removed, since it speaks of
            another card, and no signature is over it any more.
    """
    names = sorted((path.name for path in packed.iterdir()), key=lambda name: (name == last, name))
    beside = {name: output / f".{name}.unfinished" for name in names}
    try:
        for name in names:
            shutil.copyfile(packed / name, beside[name])
        for name in set(optional) - set(names):
            (output / name).unlink(missing_ok=True)
        for name in names:
            beside[name].rename(output / name)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)
