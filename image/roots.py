"""The three Debian trees that mmdebstrap makes, each kept in the cache under the hash of what it is made of.

- `tools`: native, the programs of the card's own release (`cell`);
- `userland`: the card's system without kernel, installed under emulation with the slow scripts diverted;
- `hardware`: kernel, firmware, loader: packages unpacked and never configured, so no script of theirs runs.

Hooks are shell text and not files, since in unshare mode they run as somebody who may not read the repository.
"""

import os
import re
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from image import cache, cell, lock, recipe
from image.errors import BuildError, NoNetwork
from image.progress import Progress

ARCHIVES = "/var/cache/apt/archives"
UNTOLD = ("I: success", "I: done", "I: removing", "I: running special hook")  # of no use beside the clock
OFFLINE = ("Failed to fetch", "Could not resolve", "Temporary failure resolving", "Could not connect", "unreachable")
# A week after its day apt refuses a snapshot's list of updates, lest somebody holds newer ones back. A lock wants those
# of its day, and knows each package by its hash.
ANY_DAY = '--aptopt=Acquire::Check-Valid-Until "false"'
DAY = re.compile(r"\d{8}T\d{6}Z")  # how a snapshot of Debian's archive is named

# The kernel comes from backports (only there a Pi 5 finds its card), everything else from the release.
BACKPORTS = f"""set -eu
cd "$1/etc/apt"
sed -n 's/ {recipe.SUITE} / {recipe.KERNEL_SUITE} /p' sources.list > sources.list.d/kernel.list
printf 'Package: *\\nPin: release n={recipe.KERNEL_SUITE}\\nPin-Priority: 100\\n\\n' > preferences.d/kernel
printf 'Package: linux-*\\nPin: release n={recipe.KERNEL_SUITE}\\nPin-Priority: 900\\n' >> preferences.d/kernel
"""

# RAUC from the next release: trixie's 1.13 takes what kernels since 6.19 say of a sound dm-verity device for a fault
# (its issue 1842), and the card's kernel is such a one. Everything else in that archive is out of bounds. A mirror of a
# release in the making is often older than its "valid until"; the signature is checked all the same.
WANTED = " ".join(recipe.FROM_NEXT)
NEXT = f"""set -eu
cd "$1/etc/apt"
sed -n '/security/d; s/ {recipe.SUITE} / {recipe.NEXT_SUITE} /p' sources.list |
    sed 's/^deb \\[/deb [check-valid-until=no /; t; s/^deb /deb [check-valid-until=no] /' > sources.list.d/next.list
printf 'Package: *\\nPin: release n={recipe.NEXT_SUITE}\\nPin-Priority: -1\\n\\n' > preferences.d/next
printf 'Package: {WANTED}\\nPin: release n={recipe.NEXT_SUITE}\\nPin-Priority: 900\\n' >> preferences.d/next
"""

DIVERT = f"""set -eu
for program in {" ".join(recipe.DIVERTED)}; do
    chroot "$1" dpkg-divert --quiet --local --rename --divert "$program.diverted" --add "$program"
    mkdir -p "$1${{program%/*}}"
    case $program in
        *.py) : > "$1$program" ;;
        *) printf '#!/bin/sh\\n' > "$1$program"; chmod 755 "$1$program" ;;
    esac
done
"""

UNDIVERT = f"""set -eu
for program in {" ".join(recipe.DIVERTED)}; do
    rm "$1$program"
    chroot "$1" dpkg-divert --quiet --local --rename --remove "$program"
done
"""

# Where dpkg never runs, apt says which files it has chosen: beside them lies whatever an earlier build has kept.
EXTRACT = "extract"
CHOSEN = "chosen"
RECORD = f"""set -eu
printf 'DPkg::Pre-Install-Pkgs:: "cat > \\047%s\\047";\\n' "$1{ARCHIVES}/{CHOSEN}" > "$1/etc/apt/apt.conf.d/zz-chosen"
"""
RECORDED = f'rm "$1{ARCHIVES}/{CHOSEN}" "$1/etc/apt/apt.conf.d/zz-chosen"'

# Where `cell` binds what a command needs.
POINTS = 'cd "$1" && mkdir -p work source cache output && : > etc/resolv.conf && rm -f etc/apt/sources.list'


@dataclass(frozen=True)
class Root:
    """One tree: its kind, mmdebstrap's variant and architectures, its packages and hooks in order."""

    kind: str
    variant: str
    architectures: str
    packages: tuple[str, ...]
    setup: tuple[str, ...] = ()
    essential: tuple[str, ...] = ()
    customize: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Changes when anything that goes into the tree changes (not with the mirror, nor with the day)."""
        hooks = (*self.setup, *self.essential, *self.customize)
        if self.variant == EXTRACT:
            hooks += (RECORD, RECORDED)
        fixed = (self.kind, self.variant, self.architectures, recipe.SUITE, recipe.COMPONENTS, str(recipe.BASE_EPOCH))
        return cache.key([*fixed, "\0".join(self.packages), "\0".join(hooks)])


TOOLS = Root("tools", "apt", f"amd64,{recipe.ARCHITECTURE}", recipe.TOOLS, customize=(POINTS,))
USERLAND = Root(
    "userland",
    "essential",
    recipe.ARCHITECTURE,
    recipe.USERLAND,
    setup=(NEXT,),
    essential=(DIVERT,),
    customize=(UNDIVERT,),
)
HARDWARE = Root("hardware", EXTRACT, recipe.ARCHITECTURE, recipe.HARDWARE, setup=(BACKPORTS,))


@dataclass(frozen=True)
class Sources:
    """Where packages come from; by default where mmdebstrap takes them."""

    mirror: str | None = None
    security_mirror: str | None = None

    def arguments(self) -> list[str]:
        """The last arguments of mmdebstrap: nothing, or lines of a sources.list."""
        if self.mirror is None:
            return []
        main = self.mirror.rstrip("/")
        security = (self.security_mirror or beside(main)).rstrip("/")
        return [
            f"deb {main} {recipe.SUITE} {recipe.COMPONENTS.replace(',', ' ')}",
            f"deb {main} {recipe.SUITE}-updates {recipe.COMPONENTS.replace(',', ' ')}",
            f"deb {security} {recipe.SUITE}-security {recipe.COMPONENTS.replace(',', ' ')}",
        ]

    def options(self) -> list[str]:
        """The same as options of `./build`, for the second build of `--verify`."""
        given = (("--mirror", self.mirror), ("--security-mirror", self.security_mirror))
        return [word for option, url in given if url for word in (option, url)]


def beside(main: str) -> str:
    """Where a mirror's security updates are by custom: its URL and -security; a snapshot's day stays behind that."""
    archive, _, day = main.rpartition("/")
    return f"{archive}-security/{day}" if DAY.fullmatch(day) else f"{main}-security"


@dataclass
class Maker:
    """Makes trees that the cache does not have."""

    store: cache.Cache
    sources: Sources
    rootless: bool
    logs: Path
    progress: Progress
    wanted: Sequence[lock.Entry] = ()
    held: set[Path] = field(default_factory=set)  # trees that are kept under the lock's name

    def root(self, root: Root) -> Path:
        """The directory in the cache with `tree.tar` and `packages.lock` of that tree."""
        kept = self.store.directory / f"{root.kind}-{root.key}"
        if self.wanted and not (kept.exists() and lock.agrees(entries_of(kept), self.wanted)):
            # Not the newest packages, but those of the lock.
            key = cache.key([root.key, lock.text(self.wanted)])
            made = self.store.get(f"{root.kind}-{key}", lambda draft: self._make(root, draft))
            self.held.add(made)
            return made
        return self.store.get(kept.name, lambda draft: self._make(root, draft))

    def _make(self, root: Root, draft: Path) -> None:
        draft.mkdir()
        packages = self.store.directory / "packages" / root.kind
        packages.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{root.kind}.log"
        log.unlink(missing_ok=True)
        (packages / CHOSEN).unlink(missing_ok=True)
        command = [*cell.apart(self.rootless), *self.command(root, draft / "tree.tar", packages)]
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(recipe.BASE_EPOCH), "LC_ALL": "C"}
        if not self.rootless:
            # In the cache, so that even a killed run's tree is found and removed by the next one. An ordinary user's
            # mmdebstrap works as a subordinate id that may not enter a home folder: it keeps to /tmp.
            env["TMPDIR"] = str(self._scratch())
        if cell.run(command, log=log, env=env, on_line=self._watch):
            said = log.read_text(errors="replace")
            if any(sign in said for sign in OFFLINE):
                lines = [line for line in said.splitlines() if any(sign in line for sign in OFFLINE)]
                raise NoNetwork(f"Debian's packages for the {root.kind} tree", f"\n    | {lines[0][:200]}")
            raise cell.failure(f"Making the {root.kind} tree", log)
        made = locked(root, draft / "tree.tar", packages)
        (draft / "packages.lock").write_text(lock.text(made))

    def command(self, root: Root, tree: Path, packages: Path) -> list[str]:
        """How mmdebstrap is called. No input or output here.

        Args:
            root: what to make.
            tree: the file to write.
            packages: where the downloaded packages are kept.
        """
        fetched = f"sync-out {ARCHIVES} {packages}"
        extracts = root.variant == EXTRACT
        return [
            "mmdebstrap",
            f"--mode={'unshare' if self.rootless else 'root'}",
            f"--variant={root.variant}",
            f"--architectures={root.architectures}",
            f"--components={recipe.COMPONENTS}",
            f"--keyring={recipe.KEYRING}",
            '--aptopt=Apt::Install-Recommends "false"',
            '--aptopt=Acquire::Retries "2"',
            '--aptopt=Acquire::http::Timeout "30"',
            *([ANY_DAY] if self.wanted else []),
            "--dpkgopt=force-unsafe-io",
            "--skip=essential/unlink",
            f'--setup-hook=mkdir -p "$1{ARCHIVES}"',
            f"--setup-hook=sync-in {packages} {ARCHIVES}",
            *(f"--setup-hook={hook}" for hook in (*root.setup, *self._pins(), *([RECORD] if extracts else []))),
            f"--extract-hook={fetched}",  # kept even when a later step fails, and the extract variant ends here
            *([f"--extract-hook={RECORDED}"] if extracts else []),
            *(f"--essential-hook={hook}" for hook in root.essential),
            *(f"--customize-hook={hook}" for hook in root.customize),
            f"--customize-hook={fetched}",
            f"--include={','.join(root.packages)}",
            recipe.SUITE,
            str(tree),
            *self.sources.arguments(),
        ]

    def _pins(self) -> list[str]:
        """The hook that tells apt which versions the lock wants."""
        if not self.wanted:
            return []
        # The name sorts last: of several rules for one package apt takes the one with the highest priority anyway.
        return [f'cat > "$1/etc/apt/preferences.d/zz-lock" <<"END"\n{lock.preferences(self.wanted)}END\n']

    def _scratch(self) -> Path:
        """Where mmdebstrap works when it is root."""
        scratch = self.store.unfinished / "mmdebstrap"
        scratch.mkdir(exist_ok=True)
        scratch.chmod(0o1777)
        return scratch

    def _watch(self, line: str) -> None:
        if line.startswith("I: ") and not line.startswith(UNTOLD):
            self.progress.note(line[3:].rstrip("."))
        elif line.startswith(("Unpacking ", "Setting up ")):
            self.progress.note(" ".join(line.split()[:3]))


def entries_of(kept: Path) -> list[list[str]]:
    """Name, version, architecture and SHA-256 of what a kept tree was made of."""
    return [line.split("\t") for line in (kept / "packages.lock").read_text().splitlines()]


def locked(root: Root, tree: Path, packages: Path) -> list[tuple[str, str, str, str]]:
    """Name, version, architecture and SHA-256 of what the tree was made of; deletes packages that it was not.

    Args:
        root: what was made.
        tree: what came of it.
        packages: the package files, those of earlier builds among them.

    Raises:
        BuildError: what the tree was made of is not all there, or not known.
    """
    found: dict[tuple[str, str, str], Path] = {}
    for path in sorted(packages.glob("*.deb")):
        form = "--showformat=${Package}\t${Version}\t${Architecture}"
        shown = subprocess.run(["dpkg-deb", "--show", form, str(path)], capture_output=True, text=True, check=False)
        if shown.returncode:
            path.unlink()  # cut off in the middle of a download
            continue
        name, version, architecture = shown.stdout.split("\t")
        found[name, version, architecture] = path
    if root.variant == EXTRACT:
        names = chosen(packages)
        there = {path.name for path in found.values()}
        missing = set(names) - there
        used = {key: path for key, path in found.items() if path.name in names}
    else:
        wanted = {(name, version, architecture) for (name, architecture), version in installed(tree).items()}
        missing = {name for name, *_ in wanted - found.keys()}
        used = {key: path for key, path in found.items() if key in wanted}
    if missing or not used:
        raise BuildError(
            f"Packages of the {root.kind} tree were not kept: {', '.join(sorted(missing)) or 'none of them'}.",
            "Their hashes cannot be written into the lock file.",
            f"Delete {packages} and run ./build again.",
        )
    for key, path in found.items():
        if key not in used:
            path.unlink()
    return sorted((*key, cache.sha256(path)) for key, path in used.items())


def chosen(packages: Path) -> set[str]:
    """The names of the files that apt had extracted, as `RECORD` has them; the record is taken away."""
    record = packages / CHOSEN
    names = {Path(line).name for line in record.read_text().splitlines()} if record.exists() else set()
    record.unlink(missing_ok=True)
    return names


def newer(version: str, other: str) -> bool:
    """Whether a Debian version is later than another."""
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", other], check=False).returncode == 0


def installed(tree: Path) -> Mapping[tuple[str, str], str]:
    """Name and architecture to version of the packages that dpkg has installed in a tree; empty if it never ran."""
    with tarfile.open(tree) as archive:
        try:
            file = archive.extractfile("./var/lib/dpkg/status")
        except KeyError:
            return {}
        text = file.read().decode() if file else ""
    found: dict[tuple[str, str], str] = {}
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"], fields["Architecture"]] = fields["Version"]
    return found
