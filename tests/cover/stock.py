"""Debian's nginx as it is but for its version, with the same page and certificate as the relay beside it.

Its version is hidden, as many a guide advises: the relay names no version either.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from appliance.relay.site import Page
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
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
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
        certificate: the relay's own, key and chain in one file.
        page: what the relay shows, and its date.

    Attributes:
        plain: its port for HTTP.
        tls: its port for HTTPS.
    """

    def __init__(self, folder: Path, certificate: Path, page: Page) -> None:
        (folder / "site").mkdir(parents=True)
        index = folder / "site/index.html"
        index.write_bytes(page.body)
        os.utime(index, (page.modified, page.modified))
        shutil.copy(certificate, folder / "certificate.pem")
        # Beside those that a relay takes in the same process.
        self.plain, self.tls = free_ports(62)[-2:]
        (folder / "nginx.conf").write_text(SETTINGS.format(folder=folder, plain=self.plain, tls=self.tls))
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                inside(folder, "nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")),
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, "nginx to serve")

    def _answers(self) -> bool:
        assert self._process.poll() is None, "nginx has ended: its log says why"
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.tls)) == 0

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
