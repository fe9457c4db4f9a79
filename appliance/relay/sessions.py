"""How long TLS sessions are remembered: as nginx does it, which Python has no setting for.

OpenSSL says two hours in each ticket, and keeps sessions for clients that take none; nginx says five minutes and keeps
nothing. One handshake would tell the relay from nginx by that, and what is kept is memory that strangers can fill.

So OpenSSL's own functions are called on what Python's ``SSLContext`` holds, a pointer that Python shows to nobody. It
is used only when it has proved to be the right one by things that Python shows as well; otherwise nothing is written,
and the context works on as Python made it. No callback is made: it works where no memory may be written and executed.
"""

import _ssl
import ctypes
import logging
import os
import ssl
from contextlib import suppress
from ctypes import c_int, c_long, c_size_t, c_ssize_t, c_uint64, c_void_p
from typing import Any

log = logging.getLogger(__name__)

# nginx's ssl_session_timeout, in seconds.
LIFE = 300
# What OpenSSL takes (tls1_default_timeout), and Python leaves as it is.
DEFAULT_LIFE = 7200
# SSL_SESS_CACHE_SERVER, OpenSSL's default; and what nginx adds where no cache is set: no clearing up, no storing. It
# does not switch sessions off (SSL_SESS_CACHE_OFF), since then none would be named, and none be resumed by a ticket.
DEFAULT_MODE = 0x002
MODE = DEFAULT_MODE | 0x080 | 0x200
# SSL_CTRL_SET_SESS_CACHE_MODE, SSL_CTRL_GET_SESS_CACHE_MODE, SSL_CTRL_GET_MIN_PROTO_VERSION.
SET_MODE, GET_MODE, GET_OLDEST = 44, 45, 130
# As much of what is pointed at has to be readable, in bytes: OpenSSL's own is larger.
LEAST_SIZE = 512


class _OpenSsl:
    """The functions of that very library which Python's ``ssl`` uses.

    Raises:
        AttributeError, OSError: it is inside of Python itself, or an older one.
    """

    def __init__(self) -> None:
        # A library's functions are looked for in those that it needs too.
        library = ctypes.CDLL(_ssl.__file__)

        def function(name: str, result: Any, *arguments: Any) -> Any:
            found = getattr(library, name)
            found.restype, found.argtypes = result, arguments
            return found

        self.life = function("SSL_CTX_get_timeout", c_long, c_void_p)
        self.set_life = function("SSL_CTX_set_timeout", c_long, c_void_p, c_long)
        self.control = function("SSL_CTX_ctrl", c_long, c_void_p, c_int, c_long, c_void_p)
        self.options = function("SSL_CTX_get_options", c_uint64, c_void_p)
        self.method = function("SSL_CTX_get_ssl_method", c_void_p, c_void_p)
        self.server_method = function("TLS_server_method", c_void_p)
        self.write = function("write", c_ssize_t, c_int, c_void_p, c_size_t)


def remember_as_nginx_does(context: ssl.SSLContext) -> bool:
    """Have tickets live five minutes, and sessions kept by nobody but the client.

    Args:
        context: a server's, as Python made it, on which nobody else has called this.

    Returns:
        whether it was possible.
    """
    try:
        openssl = _OpenSsl()
        found = _held(context)
        _insist(openssl, found, context)
    except (AttributeError, OSError, ValueError) as error:
        log.warning("TLS sessions are remembered for OpenSSL's two hours, not nginx's five minutes (%s).", error)
        return False
    openssl.set_life(found, LIFE)
    openssl.control(found, SET_MODE, MODE, None)
    return True


def _held(context: ssl.SSLContext) -> int:
    """The first word that Python keeps in the object: where OpenSSL's part of a context is.

    Raises:
        ValueError: there is none.
    """
    # Behind what every object begins with.
    start = object.__basicsize__
    if _ssl._SSLContext.__basicsize__ < start + ctypes.sizeof(c_void_p):
        raise ValueError("Python's object is smaller")
    return c_void_p.from_address(id(context) + start).value or 0


def _insist(openssl: _OpenSsl, address: int, context: ssl.SSLContext) -> None:
    """Have it proved that OpenSSL's part of this context is there, and as it is known.

    Raises:
        ValueError: it is not.
    """
    if address % ctypes.alignment(c_void_p) or not _is_readable(openssl, address):
        raise ValueError("Python's object begins otherwise")
    # OpenSSL tells which method it was made with; no other memory holds that pointer by chance.
    if openssl.method(address) != openssl.server_method():
        raise ValueError("it is no server's context")
    told = openssl.options(address), openssl.control(address, GET_OLDEST, 0, None)
    if told != (context.options & 0xFFFF_FFFF_FFFF_FFFF, int(context.minimum_version)):
        raise ValueError("it is another context")
    if (openssl.life(address), openssl.control(address, GET_MODE, 0, None)) != (DEFAULT_LIFE, DEFAULT_MODE):
        raise ValueError("OpenSSL's defaults are others")


def _is_readable(openssl: _OpenSsl, address: int) -> bool:
    """Whether there is memory: the kernel says so of what it shall write, where reading it would end the process."""
    out, into = os.pipe()
    try:
        return bool(openssl.write(into, address, LEAST_SIZE) == LEAST_SIZE)
    finally:
        for end in (out, into):
            with suppress(OSError):
                os.close(end)
