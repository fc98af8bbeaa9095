"""Our own pages that imitate each provider's, served on loopback under the provider's host names.

A page is named by its query: ``?q=results`` shows ``fixtures/<provider>/results.html``, the page
after it (``first`` or ``start`` other than at first) ``results.<number>.html``. Three need no
file: ``refused`` is answered with 429, ``refused_bare`` too and without a word, ``hanging`` never.
"""

import base64
import datetime
import hashlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cosmop.collecting.providers.providers import PageProviderOptions, providers_from

FIXTURES = Path(__file__).parent / "fixtures"
SHIPPED = Path(__file__).parents[2] / "conf/base/providers"
HANGING_S = 20


def shipped() -> dict[str, Any]:
    """Return all shipped providers as Kedro reads them: name to mapping."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.yml"))]
    return {name: conf for text in texts for name, conf in yaml.safe_load(text).items()}


def page_providers() -> dict[str, PageProviderOptions]:
    """Return every shipped provider whose pages are for people."""
    conf = shipped()
    providers = providers_from(conf, list(conf))
    return {p.name: p for p in providers if isinstance(p, PageProviderOptions)}


def expected(provider: str) -> Any:
    """Return what has to be found on the provider's fixture pages."""
    return json.loads((FIXTURES / provider / "expected.json").read_text(encoding="utf-8"))


class FixtureServer:
    """Serves `FIXTURES` by HTTP and by HTTPS; the certificate is made on the spot."""

    def __init__(self, folder: Path) -> None:
        self.released = threading.Event()
        self.hosts = {"consent.google.com": "google"}
        for name, provider in page_providers().items():
            self.hosts[urlsplit(provider.url_template).hostname or ""] = name
        self.requests: list[str] = []
        handler = type("Handler", (_Handler,), {"outer": self})
        self._plain = _Server(("127.0.0.1", 0), handler)
        self._secure = _Server(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.key_digest = _make_certificate(folder, list(self.hosts))
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        self._secure.socket = context.wrap_socket(
            self._secure.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def host_addresses(self) -> dict[str, str]:
        """Each provider's host, and the port that speaks what its address says."""
        templates = [provider.url_template for provider in page_providers().values()]
        plain = {urlsplit(t).hostname for t in templates if t.startswith("http://")}
        return {
            host: f"127.0.0.1:{(self._plain if host in plain else self._secure).server_port}"
            for host in self.hosts
        }

    def __enter__(self) -> Self:
        for server in (self._plain, self._secure):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        for server in (self._plain, self._secure):
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *args: Any) -> None: ...


class _Handler(BaseHTTPRequestHandler):
    outer: FixtureServer

    def log_message(self, *args: Any) -> None: ...

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").partition(":")[0]
        self.outer.requests.append(f"{host}{self.path}")
        fields = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        name = fields.get("q", "")
        if name == "hanging":
            self.outer.released.wait(HANGING_S)
        elif name == "refused":
            self._send(b"slow down", 429)
        elif name == "refused_bare":
            self._send(b"", 429)
        elif "i.js" in self.path and "vqd" not in fields:
            self._send(b"", 403)
        else:
            file = FIXTURES / self.outer.hosts.get(host, "") / _file_name(name, fields)
            body = file.read_bytes() if file.is_file() else b"<p>Nothing."
            self._send(body, int(fields.get("status", "200")), file.suffix)

    do_POST = do_GET

    def _send(self, body: bytes, status: int, suffix: str = ".html") -> None:
        kinds = {".html": "text/html", ".json": "application/json", ".txt": "text/plain"}
        self.send_response(status)
        self.send_header("Content-Type", f"{kinds.get(suffix, 'text/html')}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _file_name(query: str, fields: dict[str, str]) -> str:
    if Path(query).suffix:
        return query
    number = fields.get("first", "1")
    return f"{query}.html" if number == "1" else f"{query}.{number}.html"


def _make_certificate(folder: Path, hosts: list[str]) -> str:
    """Write a key and a certificate of its own for `hosts`; return the key's digest."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fixture pages")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False)
        .sign(key, hashes.SHA256())
    )
    pem, encoding = serialization.Encoding.PEM, serialization.Encoding.DER
    private = (pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*private))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    public = key.public_key().public_bytes(
        encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(public).digest()).decode()
