"""The trusted TLS certificates, read once: to read them takes longer than most requests."""

import functools
import ssl

import httpx


@functools.cache
def trusted() -> ssl.SSLContext:
    """The certificates that httpx trusts, and those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name."""
    return httpx.create_ssl_context()
