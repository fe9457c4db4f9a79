"""Debian's nginx as it is but for its version, with the same page and certificate as the relay beside it.

Its version is hidden, as many a guide advises: the relay names no version either.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from appliance.relay.site import Page
from tests.boot.home import Home
from tests.cover.release import inside
from tests.relay.running import free_ports, wait_for

# Only what has to be said for it to run in a folder of its own; the protocols are its default since 1.27.3.
SETTINGS = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    server_tokens off;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/octet-stream;
    types {{ text/html html; }}
    server {{
        listen {address}:{plain};
        listen {address}:{tls} ssl;
        root {folder}/site;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/certificate.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
    }}
}}
"""


class Stock:
    """A running nginx.

    Args:
        folder: a new one for all that it needs.
        certificate: key and chain in one file; the relay's own.
        page: what the relay shows, and its date.
        place: address, port for HTTP and port for HTTPS; free ports of loopback where it is not said.
        home: the namespace to run in.

    Attributes:
        plain: its port for HTTP.
        tls: its port for HTTPS.
    """

    def __init__(
        self,
        folder: Path,
        certificate: Path,
        page: Page,
        place: tuple[str, int, int] | None = None,
        home: Home | None = None,
    ) -> None:
        (folder / "site").mkdir(parents=True)
        index = folder / "site/index.html"
        index.write_bytes(page.body)
        os.utime(index, (page.modified, page.modified))
        shutil.copy(certificate, folder / "certificate.pem")
        # Beside those that a relay takes in the same process.
        plain, tls = free_ports(62)[-2:]
        self._address, self.plain, self.tls = place or ("127.0.0.1", plain, tls)
        settings = SETTINGS.format(folder=folder, address=self._address, plain=self.plain, tls=self.tls)
        (folder / "nginx.conf").write_text(settings)
        command = inside(folder, "nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"))
        self._home = home
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(home.command(*command) if home else command, stdout=log, stderr=log)
        wait_for(self._answers, "nginx to serve")

    def _answers(self) -> bool:
        assert self._process.poll() is None, "nginx has ended: its log says why"
        return self._home.inside(self._connects) if self._home else self._connects()

    def _connects(self) -> bool:
        with socket.socket() as trial:
            return trial.connect_ex((self._address, self.tls)) == 0

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
