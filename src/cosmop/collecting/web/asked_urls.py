"""The address as a server is asked for it: what was given, with what HTTP cannot carry escaped."""

import ipaddress
import re
from urllib.parse import quote, urljoin, urlsplit

from yarl import URL

from cosmop.collecting.web.dot_segments import without_dot_segments
from cosmop.collecting.web.fetch_errors import FetchError

_LONGEST_URL = 16_384
_LONGEST_HOST = 253  # RFC 1035, section 2.3.4
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
# All that is printable ASCII stays as it is, broken escapes too: signed addresses are exact.
_AS_GIVEN = "".join(map(chr, range(0x21, 0x7F)))


def asked_url(text: str) -> URL:
    """Return the address to ask for `text`: nothing is quoted twice or sorted.

    Scheme and host in lower case, the host in ASCII (IDNA). User and password are dropped: they
    would be sent to whoever a list or a redirect names. The fragment is dropped too, and dot
    segments are resolved.

    Raises:
        FetchError: Of kind ``bad_address``.
    """
    if len(text) > _LONGEST_URL:
        raise FetchError("bad_address", f"address longer than {_LONGEST_URL} characters")
    try:
        parts = urlsplit(text.strip())
        if parts.scheme not in ("http", "https"):
            raise FetchError("bad_address", "only http and https addresses are fetched")
        netloc = _ascii_host(parts.hostname or "") + _port(parts.port)
    except ValueError as error:
        raise FetchError("bad_address", "not a usable address") from error
    path = without_dot_segments(parts.path)
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    return URL(f"{parts.scheme}://{netloc}{_escaped(path) or '/'}{query}", encoded=True)


def redirected_url(asked: URL, location: str) -> URL:
    """Return the address that a redirect from `asked` to `location` leads to.

    Raises:
        FetchError: Of kind ``bad_address``.
    """
    try:
        target = urljoin(str(asked), location.strip())
    except ValueError as error:
        raise FetchError("bad_address", "not a usable address") from error
    return asked_url(target)


def _escaped(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=_AS_GIVEN)


def _port(port: int | None) -> str:
    if port == 0:
        raise ValueError
    return "" if port is None else f":{port}"


def _ascii_host(host: str) -> str:
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host)}]"
    if not host.isascii():
        host = URL.build(scheme="http", host=host).raw_host or ""
    if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
        raise ValueError
    return host
