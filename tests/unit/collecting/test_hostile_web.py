"""Attacks as a table: each is refused with its reason, in time, in bounds, and reaches nobody.

The attacks are in `hostile_attacks`, their servers in `hostile`. All are carried out twice: against
the client alone, and against a whole download, which decodes and stores what comes.
"""

import asyncio
import hashlib
import io
import re
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from PIL import Image

from cosmop.collecting.candidates import FoundImage, candidate_rows, candidate_table
from cosmop.collecting.downloads.download import download_images
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.collecting.web.web_client import WebClient
from cosmop.imaging.intake_options import IntakeOptions
from cosmop.imaging.store import ImageStore

from .hostile import (
    HostileServer,
    checked_sockets,
    hangs,
    lying_lookup,
    memory_growth,
    tls_context,
)
from .hostile_attacks import ATTACKS, HARMLESS, SECRET_PORT, STORED, Attack

OPTIONS = DownloadOptions(
    connect_s=8.0,  # patient enough for a busy machine to answer the harmless
    headers_s=8.0,
    total_s=9.0,
    max_bytes=300_000,
    max_redirects=3,
    slots=256,
    retries=0,
    retry_failed="none",
    user_agent="test",
    obeys_robots_txt=False,  # else it is robots.txt that each attack would keep from us
    decoding_workers=2,
    decode_s=20,
    intake=IntakeOptions(thumbnail_side_px=32),
)
BY_NAME = {attack.name: attack for attack in ATTACKS}
OF_THE_WEB = [attack for attack in ATTACKS if not attack.is_image]
PUBLIC = "93.184.216.34"
MOST_GROWTH_MB = 150
LARGEST_DECODER_MB = 400


class Campaign(NamedTuple):
    """How attacks ended.

    Attributes:
        kinds: By the name of the attack.
        reasons: By the name of the attack.
        seconds: Of all of them.
        connected: Where sockets were connected, as ``IP:PORT``.
        allowed: Where they may be connected.
        growth_mb: Of this process, and the size of the largest child.
    """

    kinds: dict[str, str]
    reasons: dict[str, str]
    seconds: float
    connected: list[str]
    allowed: set[str]
    growth_mb: tuple[float, float]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, HostileServer]]:
    """The servers of all attacks, by host name; ``""`` has all others, ``secret`` is for nobody.

    Certificates that are wrong in one way only are signed by an authority that is trusted.
    """
    folder = tmp_path_factory.mktemp("certificates")
    started = {
        "": HostileServer({attack.name: attack.answer for attack in ATTACKS if attack.answer}),
        "secret": HostileServer(port=SECRET_PORT),
        "tls-silent.test": HostileServer(greeting=hangs),
        "tls-slow.test": HostileServer(greeting=_slow_handshake),
        "tls-plain.test": HostileServer(greeting=_plain),
    }
    for name, host, days_left in (
        ("tls-self-signed.test", "tls-self-signed.test", 2),
        ("tls-wrong-host.test", "other.test", 2),
        ("tls-expired.test", "tls-expired.test", -1),
    ):
        started[name] = HostileServer(tls=tls_context(folder, host, days_left=days_left))
    trusted = [(folder / f"{host}.pem").read_bytes() for host in ("other.test", "tls-expired.test")]
    (folder / "authorities").write_bytes(b"".join(trusted))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "authorities"))
        yield started
    for server in started.values():
        server.close()


def _plain(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _slow_handshake(connection: socket.socket) -> None:
    connection.recv(1)
    for byte in b"\x16\x03\x03\x40\x00" + bytes(999):
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


@contextmanager
def _campaign(servers: dict[str, HostileServer]) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Let names and sockets be watched; gives the stated hosts and where sockets are connected."""
    hosts = [f"{attack.name}.test" for attack in ATTACKS if attack.answer]
    stated = dict.fromkeys(hosts, servers[""].address)
    stated |= {name: server.address for name, server in servers.items() if "." in name}
    lookups = {f"{a.name}.lie": [list(one) for one in a.lookups] for a in ATTACKS if a.lookups}
    with checked_sockets(stated.values()) as connected, lying_lookup(lookups):
        yield stated, connected


def _waves() -> tuple[list[Attack], list[Attack]]:
    """Return those that keep the processor busy apart from the others, which they would delay."""
    busy = [attack for attack in ATTACKS if attack.name.startswith("endless")]
    return [attack for attack in ATTACKS if attack not in busy], busy


@pytest.fixture(scope="module")
def asked(servers: dict[str, HostileServer]) -> Campaign:
    """The attacks on the client."""
    begin = time.monotonic()
    with _campaign(servers) as (stated, connected), memory_growth() as growth:
        errors = asyncio.run(_ask_all(stated))
        return Campaign(
            kinds={name: error.kind for name, error in errors.items()},
            reasons={name: str(error) for name, error in errors.items()},
            seconds=time.monotonic() - begin,
            connected=connected,
            allowed=set(stated.values()),
            growth_mb=growth(),
        )


async def _ask_all(stated: dict[str, str]) -> dict[str, FetchError]:
    errors: dict[str, FetchError] = {}
    async with WebClient(user_agent="test", host_addresses=stated, connections=999) as client:
        for wave in _waves():
            of_the_web = [attack for attack in wave if not attack.is_image]
            ended = await asyncio.gather(*(_ask(client, attack) for attack in of_the_web))
            errors |= dict(zip((attack.name for attack in of_the_web), ended, strict=True))
    return errors


async def _ask(client: WebClient, attack: Attack) -> FetchError:
    try:
        await client.fetch(attack.asked, OPTIONS.fetch_limits)
    except FetchError as error:
        return error
    return FetchError(STORED, "")


class Stored(NamedTuple):
    """What a download left.

    Attributes:
        campaign: How it went.
        log: Indexed by the names of the attacks.
        root: The only folder it was told of, with the store, its thumbnails, and its work.
        elsewhere: The current folder, which it was not told of.
    """

    campaign: Campaign
    log: pd.DataFrame
    root: Path
    elsewhere: Path


@pytest.fixture(scope="module")
def downloaded(
    servers: dict[str, HostileServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stored]:
    """The attacks on a whole download."""
    root, elsewhere = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("elsewhere")
    begin = time.monotonic()
    calm, busy = _waves()
    with (
        pytest.MonkeyPatch.context() as patch,
        _campaign(servers) as (stated, connected),
        memory_growth() as growth,
    ):
        patch.chdir(elsewhere)
        for wave in (calm, calm + busy):  # the second time only what is missing
            result = _download(wave, root, OPTIONS, stated)
        log = result.log.assign(name=[attack.name for attack in wave]).set_index("name")
        kinds = log["problem_kind"].where(log["image_id"] == "", STORED)
        campaign = Campaign(
            kinds={str(name): str(kind) for name, kind in kinds.items()},
            reasons={str(name): str(reason) for name, reason in log["reason"].items()},
            seconds=time.monotonic() - begin,
            connected=connected,
            allowed=set(stated.values()),
            growth_mb=growth(),
        )
        yield Stored(campaign, log, root, elsewhere)


def _download(attacks, root, options, stated):
    (root / "work").mkdir(exist_ok=True)
    rows = [
        row | {"candidate_id": hashlib.sha256(attack.name.encode()).hexdigest()[:16]}
        for attack in attacks
        for row in candidate_rows([FoundImage(attack.asked)], source="x", query="", kind="url")
    ]
    return download_images(
        candidate_table(rows),
        ImageStore(root / "store"),
        options,
        host_addresses=stated,
        work=root / "work",
    )


def test_there_are_many_attacks_and_no_two_have_a_name():
    assert len(BY_NAME) == len(ATTACKS) > 200


@pytest.mark.parametrize("name", [attack.name for attack in OF_THE_WEB])
def test_the_client_refuses_an_attack_with_its_reason(asked, name):
    assert asked.kinds[name] in BY_NAME[name].kinds.split(), asked.reasons[name]
    assert 0 < len(asked.reasons[name]) < 80


@pytest.mark.parametrize("name", [attack.name for attack in ATTACKS])
def test_a_download_refuses_an_attack_or_stores_the_harmless(downloaded, name):
    campaign = downloaded.campaign

    assert campaign.kinds[name] in BY_NAME[name].kinds.split(), campaign.reasons[name]


@pytest.mark.parametrize("level", ["asked", "downloaded"])
def test_no_socket_is_connected_to_where_it_must_not_be(request, servers, level):
    got = request.getfixturevalue(level)
    campaign = got if level == "asked" else got.campaign

    reached = set(campaign.connected)
    assert reached - campaign.allowed == {f"{PUBLIC}:80"}  # lookups name it; the test refused it
    assert f"127.0.0.1:{SECRET_PORT}" not in reached
    assert servers["secret"].requests == []


def test_time_and_memory_are_bounded(asked, downloaded):
    """Each of two waves waits for its slowest attack, which would last 200 s.

    The memory is that of all of them at once.
    """
    assert asked.seconds < 90
    assert downloaded.campaign.seconds < 150
    assert asked.growth_mb[0] < MOST_GROWTH_MB
    own, child = downloaded.campaign.growth_mb
    assert own < MOST_GROWTH_MB
    assert 0 < child < LARGEST_DECODER_MB


def test_nothing_is_written_outside_the_store(downloaded):
    store = downloaded.root / "store"

    assert list(downloaded.elsewhere.iterdir()) == []
    assert {path.name for path in downloaded.root.iterdir()} == {"store", "thumbnails", "work"}
    assert list((downloaded.root / "work").rglob("*.part")) == []
    names = [str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()]
    assert all(re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{64}\.(jpg|png|webp)", name) for name in names)
    assert sorted(names) == sorted(set(downloaded.log["path"]) - {""})


def test_no_cookie_is_sent_to_anybody(downloaded, servers):
    assert len(servers[""].requests) > 200
    assert not any(b"\r\nCookie" in request for request in servers[""].requests)
    assert not any(b"\r\nX-Injected" in request for request in servers[""].requests)


def test_polyglots_that_are_images_are_stored_as_they_came(downloaded):
    """By design: the bytes are the evidence. Publish what `reencode` makes of them."""
    for name, content in HARMLESS.items():
        row = downloaded.log.loc[name]
        assert row["image_id"] == hashlib.sha256(content).hexdigest()
        assert (downloaded.root / "store" / row["path"]).read_bytes() == content


def test_writing_anew_leaves_of_a_polyglot_only_the_picture(servers, tmp_path):
    anew = OPTIONS.model_copy(update={"intake": IntakeOptions(reencode=True)})
    attacks = [BY_NAME[name] for name in HARMLESS]
    stated = {f"{attack.name}.test": servers[""].address for attack in attacks}

    result = _download(attacks, tmp_path, anew, stated)

    for path in result.log["path"]:
        content = (tmp_path / "store" / path).read_bytes()
        assert Image.open(io.BytesIO(content)).size == (96, 72)
        assert b"<script>" not in content
        assert not zipfile.is_zipfile(io.BytesIO(content))
        assert content.endswith(b"\xff\xd9")
