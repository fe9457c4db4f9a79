"""A place that offers updates: bundles made of the one that ships, and a web server that shows them."""

import http.server
import os
import shutil
import subprocess
import threading
from pathlib import Path

from image.layout import MIB, SLOT_A
from tests.boot.home import ROUTER, Home
from tests.release_page import SIGNED, Shown, certificate, encrypting, handler

# Versions: of an update that works, and of a later one in which there is nothing to start.
NEWER, HOLLOW = "0.1.2", "0.1.3"
PORT = 8443
PLACE = f"https://{ROUTER}:{PORT}"
SYSTEM = "system.ext4"
# What U-Boot reads (image/filesystems.py).
FEATURES = "^has_journal,^metadata_csum,^64bit"
# Where a release page keeps its files.
STORE = "store"
# Seconds that an address of its store is good for: enough for the emulated board to ask there, and less than it takes
# to fetch a whole system.
LASTS = 30.0
HANGING = "#!/bin/sh\necho hanging now >/dev/console\nwhile :; do sleep 1000; done\n"
MANIFEST = """\
[update]
compatible={compatible}
version={version}

[bundle]
format=verity

[image.rootfs]
filename=system.ext4
"""


def development_key() -> tuple[Path, Path]:
    """The development key that ./build made in its cache, and its certificate."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "porchlight/image/keys"
    return cache / "update-development.key", cache / "update-development.pem"


def foreign_key(folder: Path) -> tuple[Path, Path]:
    """A key of somebody else, and its certificate."""
    key, certificate = folder / "foreign.key", folder / "foreign.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days"]
    command += ["36500", "-subj", "/CN=porchlight development", "-keyout", str(key), "-out", str(certificate)]
    _run(command)
    return key, certificate


def unpack(bundle: Path, folder: Path) -> Path:
    """The file system in a bundle."""
    _run(["unsquashfs", "-d", str(folder), "-n", str(bundle), SYSTEM])
    return folder / SYSTEM


def pack(
    system: Path,
    output: Path,
    version: str,
    keys: tuple[Path, Path],
    compatible: str = "porchlight-arm64",
) -> Path:
    """Make a bundle as ./build does, but quickly."""
    folder = output.with_suffix(".parts")
    folder.mkdir()
    os.link(system, folder / SYSTEM)
    (folder / "manifest.raucm").write_text(MANIFEST.format(compatible=compatible, version=version))
    key, certificate = keys
    command = ["rauc", "bundle", f"--key={key}", f"--cert={certificate}", f"--keyring={certificate}"]
    _run([*command, "--mksquashfs-args=-comp zstd -Xcompression-level 3 -no-progress", str(folder), str(output)])
    return output


def file_system_with(file: Path, output: Path) -> Path:
    """A small file system with one file in it."""
    _run(["mksquashfs", str(file), str(output), "-noI", "-noD", "-noF", "-no-progress"])
    return output


def without_system(system: Path, output: Path) -> Path:
    """A file system with the kernel and the initramfs of another one, and nothing for them to start."""
    tree = output.with_suffix(".tree")
    (tree / "boot").mkdir(parents=True)
    # Or its initramfs would give up over the data, before there is anything to start.
    (tree / "var/lib/porchlight").mkdir(parents=True)
    for name in ("vmlinuz", "initrd.img"):
        _run(["debugfs", "-R", f"dump /boot/{name} {tree}/boot/{name}", str(system)])
        assert (tree / "boot" / name).stat().st_size
    _run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", FEATURES, "-d", str(tree), str(output), "64M"])
    return output


def too_large(output: Path) -> Path:
    """More than a slot holds. Nothing alone would pack to less than RAUC takes for a bundle."""
    with output.open("wb") as file:
        file.write(os.urandom(64 << 10))
        file.truncate(SLOT_A.size + MIB)
    return output


def that_hangs(system: Path, output: Path) -> Path:
    """A copy of a file system whose first program says so and then does nothing for ever."""
    return with_files(system, output, {"/usr/lib/systemd/systemd": HANGING})


def with_files(system: Path, output: Path, files: dict[str, str]) -> Path:
    """A copy of a file system with other contents of some files; their folders are there, or have one above them."""
    shutil.copyfile(system, output)
    for path, content in files.items():
        part = output.with_suffix(".part")
        part.write_text(content)
        part.chmod(0o755 if content.startswith("#!") else 0o644)
        folder = path.rpartition("/")[0]
        commands = f"mkdir {folder}\nrm {path}\nwrite {part} {path}\n"
        # debugfs says what is there already or not there yet, and ends with 0 all the same.
        subprocess.run(["debugfs", "-w", "-f", "-", str(output)], input=commands, text=True, capture_output=True)
        part.unlink()
    return output


class Server:
    """An HTTPS server in the home network: it shows one folder, and parts of files, as RAUC asks for them.

    Args:
        home: where.
        folder: what it shows; its own certificate is put beside it.
    """

    def __init__(self, home: Home, folder: Path) -> None:
        made, secret = certificate(ROUTER, "release")
        self.certificate = made.decode()
        pem = folder.with_suffix(".pem")
        pem.write_bytes(made + secret)
        self.shown = Shown(folder)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(self.shown), bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = encrypting(pem).wrap_socket(home.listen(ROUTER, PORT), server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def asked(self) -> list[str]:
        """The files that somebody asked for, each as often as it was."""
        return self.shown.asked

    def store(self, name: str) -> None:
        """Put a file where only a redirect leads to, as a release page does; to the same port, for the card's firewall.

        Args:
            name: of a file in the folder; who asks for it is sent to an address with a signature that expires.
        """
        self.shown.lasts = LASTS
        there = self.shown.folder / STORE / name
        there.parent.mkdir(exist_ok=True)
        (self.shown.folder / name).rename(there)
        self.shown.moved[f"/{name}"] = (302, f"{PLACE}/{STORE}/{name}{SIGNED}")

    def unstore(self, name: str) -> None:
        """Take a file away that was put in the store."""
        del self.shown.moved[f"/{name}"]
        (self.shown.folder / STORE / name).unlink()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
