"""One run of certbot for each certificate: with a key of ours and a signing request, so that it keeps only its account.

The answer to the authority's question (HTTP-01, RFC 8555 section 8.3) goes into ``challenge/``, which the relay serves
on its port 80; certbot's web root leads there by a link. Options as of certbot 2.1 (Debian 12) and 4.0 (trixie).
"""

import os
import shutil
import subprocess
from pathlib import Path

from appliance.certificate.issued import request

PROGRAM = "certbot"
PLACES = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin"
# Seconds that one run may take: an authority validates within one, but may have a queue.
LIMIT = 600.0
# As much of certbot's own log as is looked at. Bytes.
MOST_LOG = 512 * 1024


class Client:
    """One run of certbot.

    Args:
        state: where its account is kept, readable by nobody else.
        run: where the relay looks for ``challenge/``; in RAM.
        name: what the certificate is for.
        authority: the ACME directory.
        email: where the authority may write to; may be empty.
        roots: what the authority is known by; empty for the system's own.

    Raises:
        OSError: there is no certbot, or a folder cannot be written.
    """

    def __init__(self, state: Path, run: Path, name: str, authority: str, *, email: str = "", roots: str = "") -> None:
        program = shutil.which(PROGRAM, path=PLACES)
        if program is None:
            raise FileNotFoundError(2, "there is no certbot")
        prepare(run)
        self.folder = run / "private" / "order"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        if not request(self.folder, name):
            raise OSError(5, "no key could be made")
        nothing = self.folder / "nothing.ini"
        nothing.touch()
        contact = [f"--email={email}", "--no-eff-email"] if email else ["--register-unsafely-without-email"]
        command = [
            *(program, "certonly", "--non-interactive", "--agree-tos", *contact),
            # Nobody's own settings for certbot count here.
            *("--config", str(nothing), "--server", authority),
            *("--config-dir", str(state / "certbot"), "--work-dir", str(self.folder / "work")),
            *("--logs-dir", str(self.folder / "log"), "--max-log-backups", "0"),
            *("--csr", str(self.folder / "csr.pem"), "--fullchain-path", str(self.folder / "chain.pem")),
            *("--chain-path", str(self.folder / "rest.pem"), "--cert-path", str(self.folder / "leaf.pem")),
            *("--webroot", "--webroot-path", str(run / "webroot")),
        ]
        environment = {"PATH": PLACES, "LC_ALL": "C.UTF-8", "HOME": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        if roots:
            environment["REQUESTS_CA_BUNDLE"] = roots
        self._said = (self.folder / "said").open("w+b")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT, env=environment
        )

    def ended(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._process.poll()

    def end(self) -> None:
        """End it, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._said.close()

    def said(self) -> str:
        """All that it has to say, its log included. It holds the relay's name, so it goes no further than the state."""
        found = b""
        for file in (self.folder / "said", self.folder / "log" / "letsencrypt.log"):
            try:
                found += file.read_bytes()[-MOST_LOG:]
            except OSError:
                continue
        return found.decode("utf-8", "replace")

    def clear(self) -> None:
        """Delete what is left of the run, the key first of all."""
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare(run: Path) -> None:
    """The folders in RAM: ``challenge/`` for the relay, certbot's way to it, and a private one.

    Raises:
        OSError: they cannot be made.
    """
    for folder, mode in ((run / "challenge", 0o755), (run / "webroot", 0o755), (run / "private", 0o700)):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        # The service's umask takes away what the relay's user needs.
        folder.chmod(mode)
    known = run / "webroot" / ".well-known"
    known.mkdir(exist_ok=True)
    known.chmod(0o755)
    link = known / "acme-challenge"
    if not link.is_symlink():
        link.symlink_to(Path("..") / ".." / "challenge")
