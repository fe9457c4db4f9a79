"""The command line of `./build`."""

import argparse
import errno
import os
import signal
import sys
from pathlib import Path

from appliance.update.version import newer
from image.bundle import ANYTHING
from image.errors import BuildError, NoSpace
from image.publish import Release
from image.roots import Sources
from image.stages import REPOSITORY, Build, Wishes, version
from image.statement import Asked
from image.verify import First, verify


def parser() -> argparse.ArgumentParser:
    """Options and their explanations."""
    made = argparse.ArgumentParser(
        prog="./build",
        description=f"Build the porchlight card {version()}: dist/porchlight-{version()}-arm64.img.xz, its checksum,"
        " its list of packages. Needs Linux on x86-64 with apt (Debian 12, Ubuntu 24.04, or later), 6 GB of disk, and"
        " the network for what the cache does not have yet.",
        epilog="As root it installs what it needs of the host with apt and says so. As an ordinary user it needs"
        " mmdebstrap, arch-test, qemu-user-static, uidmap and debian-archive-keyring, and says so when one is missing.",
    )
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    made.add_argument("--output", type=Path, default=REPOSITORY / "dist", metavar="DIR", help="results; default: dist")
    made.add_argument(
        "--cache",
        type=Path,
        default=Path(home) / "porchlight",
        metavar="DIR",
        help="downloads and half-way results, used by the next build; default: %(default)s",
    )
    made.add_argument(
        "--mode",
        choices=("auto", "root", "unshare"),
        default="auto",
        help="unshare: user namespaces, no root needed. auto (default): root when run by root, else unshare",
    )
    made.add_argument("--mirror", metavar="URL", help="Debian mirror; default: the one that mmdebstrap takes")
    made.add_argument(
        "--security-mirror",
        metavar="URL",
        help="mirror of Debian's security updates; default: the mirror's URL and -security, before"
        " the day of a snapshot",
    )
    made.add_argument(
        "--url",
        metavar="URL",
        help="the address of the folder where the files will be offered, for Raspberry Pi Imager's list; default: dist",
    )
    made.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="sign with this secret key of minisign (one without password); default: a development key of the cache",
    )
    made.add_argument(
        "--update-certificate",
        type=Path,
        metavar="FILE",
        help="the card takes updates that are signed by one of these certificates (PEM); default: a development one",
    )
    made.add_argument(
        "--update-key",
        type=Path,
        metavar="FILE",
        help="sign the update with this key (PEM, no password); without it, --update-certificate makes no update",
    )
    made.add_argument(
        "--since",
        type=earlier,
        metavar="VERSION",
        help="the oldest version that may take the update in one step, older than this card's; default: any",
    )
    made.add_argument(
        "--locked",
        type=Path,
        metavar="FILE",
        help="insist on the packages of this .lock file: from the cache, or from a snapshot of the archive (--mirror)",
    )
    made.add_argument(
        "--verify",
        action="store_true",
        help="then build once more, with another path, cache, umask and time zone, and compare the two cards",
    )
    made.add_argument(
        "--release",
        nargs="?",
        const="",
        metavar="MANIFEST",
        help="make a release: as with --fresh, unless --locked says of which packages; refused when MANIFEST, that of"
        " an earlier card (none: this is the first release), is not of an older version; also write, as .changes.md,"
        " what changed in packages since then, and which faults are known of them",
    )
    made.add_argument(
        "--tracker",
        type=Path,
        metavar="FILE",
        help="for --release: a copy of the data of Debian's security tracker (docs/image.md says where it is had)",
    )
    made.add_argument("--fresh", action="store_true", help="ignore cached trees: newest packages of everything")
    return made


def earlier(text: str) -> str:
    """A version that is older than this card's.

    Raises:
        argparse.ArgumentTypeError: it is none, or not older: nobody at all could take such an update.
    """
    try:
        if newer(version(), text):
            return text
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    raise argparse.ArgumentTypeError(f"{text} is not older than {version()}, so nobody could take the update")


def absolute(path: Path | None) -> Path | None:
    """A file that was named, wherever the build steps; None when none was."""
    return path and path.expanduser().resolve()


def asked(options: argparse.Namespace) -> Asked | None:
    """What ``--release`` wants to have stated; None when it was not given."""
    if options.release is None:
        return None
    return Asked(absolute(Path(options.release)) if options.release else None, absolute(options.tracker))


def wished(options: argparse.Namespace) -> Wishes:
    """What is to be built."""
    return Wishes(
        store=options.cache.expanduser().resolve() / "image",
        output=options.output.expanduser().resolve(),
        mode=options.mode,
        sources=Sources(options.mirror, options.security_mirror),
        # A tree that was made on another day lacks what Debian has mended since, and its key does not say so.
        fresh=options.fresh or (options.release is not None and options.locked is None),
        locked=absolute(options.locked),
        release=Release(
            options.url,
            absolute(options.key),
            absolute(options.update_certificate),
            absolute(options.update_key),
            options.since or ANYTHING,
        ),
        asked=asked(options),
    )


def interrupted(number: int, frame: object) -> None:
    """A request to end is handled like Ctrl-C, so that everything is cleaned up."""
    raise KeyboardInterrupt


def main() -> int:
    """Build, and say in plain words why not when not. Exit status 0, 1, or 130 after Ctrl-C."""
    arguments = parser()
    options = arguments.parse_args()
    if options.tracker is not None and options.release is None:
        arguments.error("--tracker says nothing without --release")
    if options.security_mirror is not None and options.mirror is None:
        arguments.error("--security-mirror says nothing without --mirror")
    if options.since is not None and options.update_certificate is not None and options.update_key is None:
        arguments.error("--since says nothing without --update-key: no update is made")
    # The card's folders and files get their modes from this, whatever the builder's own habit is.
    os.umask(0o022)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    wishes = wished(options)
    try:
        build = Build(wishes)
        made = build.run()
        if build.stated:
            print(f"./build: {build.stated}", file=sys.stderr)
        if options.verify:
            first = First(
                wishes.store, wishes.output, build.name, build.epoch, build.rootless, wishes.sources, options.url
            )
            said = verify(REPOSITORY, first)
            print(f"./build: {said}", file=sys.stderr)
    except BuildError as error:
        print(f"\n./build: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # While copying, the first name is the source and the second the place that is full.
        full = str(error.filename2 or error.filename)
        where = wishes.output if full.startswith(str(wishes.output)) else wishes.store
        print(f"\n./build: {NoSpace(str(where), 0, 2_500_000_000)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\n./build: Interrupted.\n  What this means: no card was written; nothing is mounted or half-kept."
            "\n  What to do:      run ./build again; finished stages are not repeated.",
            file=sys.stderr,
        )
        return 130
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
