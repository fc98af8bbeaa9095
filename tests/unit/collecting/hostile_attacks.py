"""The attacks: an address, what its server does, and the reasons for which it may be refused."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

from tests.ports import free_port

from .hostile import Misbehaviour, drips, floods, hangs, head, image, redirects, sends
from .hostile_images import (
    PAGE,
    SVG,
    animation,
    chunk,
    jpeg_of_scans,
    jpeg_with_segments,
    photo,
    picture,
    png_of,
    png_with,
    webp_of,
    zeros,
    zip_file,
)

STORED = "stored"
CHUNKED = "Transfer-Encoding: chunked"
SECRET_PORT = free_port()  # of a server on loopback that nobody may reach
METADATA = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: Is also the first label of the host whose server answers it.
        kinds: With any of these it is refused; `STORED` where it is harmless.
        url: What is asked; of the host of this name if empty.
        answer: What the host of this name does.
        lookups: Addresses that lookups of ``<name>.lie`` give, one list after the other.
        is_image: Only decoding finds it out.
    """

    name: str
    kinds: str
    url: str = ""
    answer: Misbehaviour | None = None
    lookups: tuple[tuple[str, ...], ...] = ()
    is_image: bool = False

    @property
    def asked(self) -> str:
        """The address."""
        return self.url or (f"http://{self.name}.{'lie' if self.lookups else 'test'}/a.jpg")


_FORBIDDEN = "forbidden_address bad_address host_not_found"
_NO_ADDRESSES = {
    "loopback": f"http://127.0.0.1:{SECRET_PORT}/",
    "localhost": f"http://localhost:{SECRET_PORT}/",
    "localhost-upper": f"http://LOCALHOST.:{SECRET_PORT}/",
    "short": f"http://127.1:{SECRET_PORT}/",
    "decimal": f"http://2130706433:{SECRET_PORT}/",
    "hex": f"http://0x7f000001:{SECRET_PORT}/",
    "hex-short": f"http://0x7f.1:{SECRET_PORT}/",
    "octal": f"http://0177.0.0.1:{SECRET_PORT}/",
    "octal-long": f"http://017700000001:{SECRET_PORT}/",
    "mixed-bases": f"http://0x7f.0.0.01:{SECRET_PORT}/",
    "zero": f"http://0:{SECRET_PORT}/",
    "zeros": f"http://0.0.0.0:{SECRET_PORT}/",
    "dot-at-end": f"http://127.0.0.1.:{SECRET_PORT}/",
    "full-width": f"http://１２７.０.０.１:{SECRET_PORT}/",
    "circled": f"http://①②⑦.⓪.⓪.①:{SECRET_PORT}/",
    "ideographic-dots": f"http://127。0。0。1:{SECRET_PORT}/",
    "escaped-host": f"http://%31%32%37.0.0.1:{SECRET_PORT}/",
    "user-trick": f"http://example.org@127.0.0.1:{SECRET_PORT}/",
    "backslash-trick": f"http://example.org\\@127.0.0.1:{SECRET_PORT}/",
    "fragment-trick": f"http://127.0.0.1:{SECRET_PORT}#@example.org/",
    "v6": f"http://[::1]:{SECRET_PORT}/",
    "v6-long": f"http://[0:0:0:0:0:0:0:1]:{SECRET_PORT}/",
    "v6-any": f"http://[::]:{SECRET_PORT}/",
    "v6-mapped": f"http://[::ffff:127.0.0.1]:{SECRET_PORT}/",
    "v6-mapped-hex": f"http://[::ffff:7f00:1]:{SECRET_PORT}/",
    "v6-compatible": f"http://[::127.0.0.1]:{SECRET_PORT}/",
    "v6-translated": f"http://[::ffff:0:7f00:1]:{SECRET_PORT}/",
    "nat64": f"http://[64:ff9b::7f00:1]:{SECRET_PORT}/",
    "nat64-metadata": "http://[64:ff9b::a9fe:a9fe]/",
    "nat64-local": "http://[64:ff9b:1::a9fe:a9fe]/",
    "6to4": f"http://[2002:7f00:1::]:{SECRET_PORT}/",
    "teredo": "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "v6-zone": "http://[fe80::1%25eth0]/",
    "v6-zone-loopback": f"http://[::1%25lo]:{SECRET_PORT}/",
    "v6-private": "http://[fd00::1]/",
    "v6-site": "http://[fec0::1]/",
    "v6-multicast": "http://[ff02::1]/",
    "metadata": METADATA,
    "metadata-v6": "http://[fd00:ec2::254]/latest/meta-data/",
    "metadata-alibaba": "http://100.100.100.200/latest/meta-data/",
    "metadata-azure": "http://168.63.129.16/machine",
    "private-10": "http://10.0.0.1/",
    "private-172": "http://172.31.255.1/",
    "private-192": "http://192.168.1.1/",
    "multicast": "http://239.255.255.250:1900/",
    "broadcast": "http://255.255.255.255/",
    "no-host": "http:///etc/passwd",
    "open-bracket": "http://[::1/",
    "port-zero": "http://example.org:0/",
    "port-high": "http://example.org:65536/",
    "nul-in-host": "http://127.0.0.1\0.example.org/",
    "empty-labels": "http://e..org/",
}
_NO_SCHEMES = {
    "scheme-file": "file:///etc/passwd",
    "scheme-file-host": "file://localhost/etc/passwd",
    "scheme-ftp": "ftp://127.0.0.1/a.jpg",
    "scheme-gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "scheme-unix": "unix:///var/run/docker.sock",
    "scheme-http-unix": "http+unix://%2Fvar%2Frun%2Fdocker.sock/images",
    "scheme-data": "data:image/png;base64,iVBORw0KGgo=",
    "scheme-javascript": "javascript:alert(1)",
    "scheme-ws": f"ws://127.0.0.1:{SECRET_PORT}/",
    "scheme-none": "/etc/passwd",
}
_LIES_OF_NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "name-loopback": (("127.0.0.1",),),
    "name-loopback-v6": (("::1",),),
    "name-metadata": (("169.254.169.254",),),
    "name-mapped": (("::ffff:10.0.0.1",),),
    "name-many-private": (("10.0.0.1", "192.168.0.1", "fc00::1"),),
    "name-zone": (("fe80::1%eth0",),),
}
_PUBLIC_FIRST: dict[str, tuple[tuple[str, ...], ...]] = {
    "rebinding": (("93.184.216.34",), ("127.0.0.1",)),
    "public-then-private": (("93.184.216.34", "127.0.0.1"),),
    "private-then-public": (("10.0.0.1", "93.184.216.34"),),
}


def addresses() -> Iterator[Attack]:
    """Ways to name what must not be reached."""
    for name, url in (_NO_ADDRESSES | _NO_SCHEMES).items():
        yield Attack(name, _FORBIDDEN, url)
    for name, lists in _LIES_OF_NAMES.items():
        yield Attack(name, "forbidden_address", lookups=lists)
    for name, lists in _PUBLIC_FIRST.items():
        yield Attack(name, "no_connection", lookups=lists)
    yield Attack("name-nobody", "host_not_found", lookups=((),))


_TARGETS = {
    "to-loopback": f"http://127.0.0.1:{SECRET_PORT}/",
    "to-localhost": f"http://localhost:{SECRET_PORT}/",
    "to-decimal": f"http://2130706433:{SECRET_PORT}/",
    "to-mapped": f"http://[::ffff:127.0.0.1]:{SECRET_PORT}/",
    "to-nat64": f"http://[64:ff9b::7f00:1]:{SECRET_PORT}/",
    "to-metadata": METADATA,
    "to-private": "https://10.0.0.1/",
    "to-name": f"http://name-loopback.lie:{SECRET_PORT}/",
    "to-rebound": "http://name-metadata.lie/",
    "to-no-scheme": f"//127.0.0.1:{SECRET_PORT}/",
    "to-file": "file:///etc/passwd",
    "to-ftp": f"ftp://127.0.0.1:{SECRET_PORT}/",
    "to-data": "data:image/png;base64,iVBORw0KGgo=",
    "to-javascript": "javascript:alert(1)",
    "to-user": f"http://good.test@127.0.0.1:{SECRET_PORT}/",
    "to-space": f"http:// 127.0.0.1:{SECRET_PORT}/",
    "to-backslash": f"http:\\\\127.0.0.1:{SECRET_PORT}\\",
    "to-long": "/" + "a" * 20_000,
}


def redirections() -> Iterator[Attack]:
    """Servers that send elsewhere."""
    for name, target in _TARGETS.items():
        kinds = f"{_FORBIDDEN} broken_answer too_many_redirects"
        yield Attack(name, kinds, answer=redirects(target))
    for status in (301, 303, 307, 308):
        name = f"to-loopback-{status}"
        yield Attack(
            name, "forbidden_address", answer=redirects(f"http://127.0.0.1:{SECRET_PORT}/", status)
        )
    endless = floods(
        head(f"Location: http://127.0.0.1:{SECRET_PORT}/", status="HTTP/1.1 302 Found"), b"a" * 999
    )
    yield Attack("to-loopback-endless", "forbidden_address", answer=endless)
    yield Attack("loop", "too_many_redirects", answer=redirects("http://loop.test/"))
    yield Attack("ping", "too_many_redirects", answer=redirects("http://pong.test/"))
    yield Attack("pong", "too_many_redirects", answer=redirects("http://ping.test/"))
    yield Attack("relative", "too_many_redirects", answer=redirects("../../../../a"))
    yield Attack("nowhere", "http_302", answer=image(b"", status="HTTP/1.1 302 Found"))
    refresh = image(PAGE, f"Refresh: 0; url=http://127.0.0.1:{SECRET_PORT}/")
    yield Attack("refresh", "not_an_image", answer=refresh, is_image=True)


_OK = "HTTP/1.1 200 OK\r\n"


def slowness() -> Iterator[Attack]:
    """Servers that want to hold a connection for ever."""
    late = "timeout too_slow"
    ok = _OK.encode()
    for name, before, piece in (
        ("slow-status", b"", b"H"),
        ("slow-header", ok + b"X-Slow: ", b"a"),
        ("slow-headers", ok, b"X: a\r\n"),
        ("slow-body", head("Content-Length: 9999"), b"a"),
        ("slow-open-body", head(), b"a"),
        ("slow-chunks", head(CHUNKED), b"1\r\na\r\n"),
        ("slow-chunk-size", head(CHUNKED), b"0"),
        ("slow-extension", head(CHUNKED) + b"5;", b"a"),
        ("slow-trailers", head(CHUNKED) + b"0\r\n", b"X: a\r\n"),
        ("slow-interim", b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ):
        yield Attack(name, f"{late} broken_answer", answer=drips(before, piece))
    yield Attack("silent", late, answer=hangs)
    yield Attack(
        "silent-body", late, answer=lambda c: (c.sendall(head("Content-Length: 9")), hangs(c))
    )
    yield Attack("tls-silent", late, "https://tls-silent.test/")
    yield Attack("tls-slow", f"{late} tls_error", "https://tls-slow.test/")


def lengths() -> Iterator[Attack]:
    """Servers that lie about how much comes."""
    cut = "broken_answer"
    body = photo(1)
    lie = {
        "length-longer": ("Content-Length: 999999",),
        "length-negative": ("Content-Length: -1",),
        "length-text": ("Content-Length: many",),
        "length-signed": ("Content-Length: +10",),
        "length-list": ("Content-Length: 10, 20",),
        "length-enormous": ("Content-Length: " + "9" * 30,),
        "length-twice": ("Content-Length: 10", "Content-Length: 20"),
        "length-and-chunked": ("Content-Length: 10", CHUNKED),
        "chunk-not-hex": (CHUNKED, "X: a"),
    }
    for name, headers in lie.items():
        yield Attack(
            name, f"{cut} too_long truncated not_an_image", answer=sends(head(*headers), body)
        )
    for name, chunks in {
        "chunks-cut": b"5\r\nab",
        "chunks-endless-size": b"F" * 40 + b"\r\n",
        "chunks-negative": b"-5\r\nabcde\r\n0\r\n\r\n",
        "chunks-no-end": b"5\r\nabcde\r\n",
        "chunks-too-long": b"5\r\nabcdefgh\r\n0\r\n\r\n",
    }.items():
        yield Attack(name, cut, answer=sends(head(CHUNKED), chunks))
    until_close = sends(head("Transfer-Encoding: chunked, gzip"), body)
    yield Attack("encoding-unknown", STORED, answer=until_close, is_image=True)
    shorter = sends(head(f"Content-Length: {len(body) // 2}"), body)
    yield Attack("length-shorter", "truncated broken_answer", answer=shorter, is_image=True)
    yield Attack("length-zero", "not_an_image", answer=image(b""), is_image=True)
    yield Attack("claims-too-much", "too_long", answer=sends(head("Content-Length: 300001")))


def floodings() -> Iterator[Attack]:
    """Servers that send without end, or more than is asked for."""
    ok, long = _OK.encode(), "too_long timeout too_slow broken_answer"
    for name, before, piece in (
        ("endless-status", b"HTTP/1.1 200 ", b"O"),
        ("endless-header", ok + b"X: ", b"a"),
        ("endless-name", ok, b"a"),
        ("endless-headers", ok, b"X-Header: value\r\n"),
        ("endless-folding", ok + b"X: a\r\n", b" more\r\n"),
        ("endless-body", head("Content-Type: image/jpeg"), b"\xff\xd8"),
        ("endless-chunks", head(CHUNKED), b"3e8\r\n" + b"a" * 1000 + b"\r\n"),
        ("endless-small-chunks", head(CHUNKED), b"1\r\na\r\n"),
        ("endless-extension", head(CHUNKED) + b"5;", b"a"),
        ("endless-trailers", head(CHUNKED) + b"0\r\n", b"X: a\r\n"),
        ("endless-interim", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("endless-nothing", b"", b"\r\n"),
    ):
        yield Attack(name, long, answer=floods(before, piece))
    many = [f"X-{i}: a" for i in range(10_000)]
    yield Attack("header-flood", "broken_answer", answer=image(b"", *many))
    yield Attack("header-long", "broken_answer", answer=image(b"", "X: " + "a" * 50_000))
    for name, encoding, content in (
        ("gzip-bomb", "gzip", gzip.compress(zeros(100 << 20))),
        ("gzip-twice", "gzip, gzip", gzip.compress(gzip.compress(zeros(100 << 20)))),
        ("deflate-bomb", "deflate", zeros(100 << 20)),
        ("br-bomb", "br", b"\xce\xff\xff\x7f" * 99),
        ("zstd-bomb", "Zstd", b"\x28\xb5\x2f\xfd" * 99),
    ):
        honest = image(content, f"Content-Encoding: {encoding}")
        yield Attack(name, "broken_answer", answer=honest)
    packed = sends(head("Transfer-Encoding: gzip, chunked"), b"64\r\n" + zeros(100 << 20)[:100])
    yield Attack("transfer-gzip", "broken_answer", answer=packed)


def protocol() -> Iterator[Attack]:
    """Servers that do not speak HTTP as one should."""
    no = "broken_answer"
    for name, raw in {
        "http-09": PAGE,
        "http-9": b"HTTP/9.9 200 OK\r\n\r\n",
        "http-2": b"\0\0\x12\x04\0\0\0\0\0",
        "ssh": b"SSH-2.0-OpenSSH_9.9\r\n",
        "icy": b"ICY 200 OK\r\n\r\n",
        "nothing": b"",
        "status-000": b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
        "status-99999": b"HTTP/1.1 99999 OK\r\n\r\n",
        "status-text": b"HTTP/1.1 good OK\r\n\r\n",
        "nul-in-header": head("X: a\0b", "Content-Length: 0"),
        "nul-in-name": head("X\0: a", "Content-Length: 0"),
        "no-colon": head("just words", "Content-Length: 0"),
        "space-in-name": head("X Y: a", "Content-Length: 0"),
        "half-a-head": b"HTTP/1.1 200 OK\r\nContent-Le",
    }.items():
        yield Attack(name, f"{no} http_0", answer=sends(raw))
    for status in (
        101,
        201,
        204,
        206,
        300,
        304,
        401,
        403,
        404,
        407,
        410,
        418,
        429,
        451,
        500,
        503,
        999,
    ):
        answer = image(b"", status=f"HTTP/1.1 {status} Word")
        yield Attack(f"status-{status}", f"http_{status}", answer=answer)
    upgrade = head("Upgrade: h2c", "Connection: Upgrade", status="HTTP/1.1 101 Switching")
    yield Attack("upgrade", "http_101", answer=floods(upgrade, b"\0"))
    for name in ("tls-self-signed", "tls-wrong-host", "tls-expired", "tls-plain"):
        yield Attack(name, "tls_error", f"https://{name}.test/")


def pictures() -> Iterator[Attack]:
    """Files that must not be stored as images, or cost more than they may."""
    for name, kinds, content in (
        ("png-pixel-bomb", "too_many_pixels", png_of(8_000, 8_000, data=zeros(100 << 20))),
        ("png-size-lie", "too_many_pixels", png_of(2**31 - 1, 2**31 - 1, data=b"")),
        (
            "png-data-bomb",
            f"undecodable truncated {STORED}",
            png_of(64, 64, data=zeros(100 << 20)[:-9]),
        ),
        ("png-data-short", "undecodable truncated", png_of(640, 640, data=zeros(1 << 20))),
        ("png-long", "too_long_shape", png_of(64, 40_000)),
        ("webp-pixel-bomb", "too_many_pixels not_an_image undecodable", webp_of(16_383, 16_383)),
        ("jpeg-scans", "undecodable", jpeg_of_scans(500)),
        ("png-animation", "too_many_frames", animation("PNG", 400)),
        ("webp-animation", "too_many_frames", animation("WEBP", 400)),
        ("jpeg-cut", "truncated", photo(2)[:-300]),
        ("png-cut", "truncated", picture("PNG")[:-30]),
        ("webp-cut", "truncated not_an_image", picture("WEBP", 200)[:-30]),
        ("html-as-jpeg", "not_an_image", PAGE),
        ("svg", "not_an_image", SVG),
        ("gif-script", "not_an_image", picture("GIF") + b"/*alert(1)*/"),
        ("tiff", "not_an_image", picture("TIFF")),
        ("bmp", "not_an_image", picture("BMP")),
        ("ico", "not_an_image", picture("ICO")),
        ("eps", "not_an_image", picture("EPS")),
        ("zip", "not_an_image", zip_file()),
        ("text-bomb", f"undecodable not_an_image {STORED}", text_bomb()),
        ("icc-bomb", f"undecodable {STORED}", png_with(b"iCCP", b"a\0\0" + zeros(100 << 20))),
        (
            "icc-huge",
            f"undecodable {STORED}",
            jpeg_with_segments(0xE2, b"ICC_PROFILE\0\x01\x04", 4),
        ),
        ("exif-huge", f"undecodable {STORED}", jpeg_with_segments(0xE1, b"Exif\0\0II*\0", 4)),
    ):
        yield Attack(name, kinds, answer=image(content), is_image=True)


def text_bomb() -> bytes:
    """Return a PNG whose texts would fill the memory."""
    return png_with(b"zTXt", b"a\0\0" + zeros(100 << 20)) + chunk(b"tEXt", b"b\0c")


HARMLESS = {
    "jpeg-html": photo(11) + PAGE,
    "jpeg-zip": photo(12) + zip_file(),
    "jpeg-comment": photo(13)[:2]
    + b"\xff\xfe\x00\x22"
    + b"<script>alert(1)</script>/**/ab/"
    + photo(13)[2:],
}


def harmless() -> Iterator[Attack]:
    """Attacks on somebody else: stored as they are, under the names of their content."""
    for name, content in HARMLESS.items():
        yield Attack(name, STORED, answer=image(content), is_image=True)
    for i, header in enumerate(
        (
            'Content-Disposition: attachment; filename="../../../../etc/cron.d/x"',
            "Content-Disposition: inline; filename*=UTF-8''..%2f..%2fevil.sh",
            "Set-Cookie: session=stolen; Domain=bank.test",
            "Set-Cookie: session=stolen; Domain=test",
            "Content-Type: text/html",
            'Alt-Svc: h3="127.0.0.1:443"; ma=99999',
            f"Link: <http://127.0.0.1:{SECRET_PORT}/>; rel=preload",
        )
    ):
        yield Attack(f"header-{i}", STORED, answer=image(photo(20 + i), header), is_image=True)
    for i, path in enumerate(
        (
            "../../../../etc/passwd",
            "..%2f..%2f..%2fetc%2fpasswd",
            "a\0.jpg",
            "a%00.php",
            "C:\\windows\\x.jpg",
            "con.jpg::$DATA",
            "a" * 10_000,
            "-rf%20*",
            "a b\r\nX-Injected: 1",
        )
    ):
        name = f"path-{i}"
        answer = image(photo(40 + i))
        yield Attack(name, STORED, f"http://{name}.test/{path}", answer, is_image=True)
    too_long = f"http://path-longest.test/{'a' * 20_000}"
    yield Attack("path-longest", "bad_address", too_long)


ATTACKS = [
    *addresses(),
    *redirections(),
    *slowness(),
    *lengths(),
    *floodings(),
    *protocol(),
    *pictures(),
    *harmless(),
]
