"""The benchmark's web: no two addresses have the same bytes, and each answers in its way."""

import http.client
import io
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

FILES = 3


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    from download_server import draw_photographs, serving  # benchmarks/download_server.py

    folder = tmp_path_factory.mktemp("photographs")
    draw_photographs(folder, [], FILES, seed=0)
    with serving(folder) as (port, _):
        yield port


def ask(port: int, path: str, host: str = "fine-0.example") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_addresses_of_one_file_have_different_bytes_and_similar_pictures(port: int) -> None:
    numbers = [1 + turn * FILES for turn in (0, 1, 5, 25, 124)]
    contents = [ask(port, f"/fine/{number}.jpg")[1] for number in numbers]
    pictures = [np.asarray(Image.open(io.BytesIO(content)), int) for content in contents]
    assert len(set(contents)) == len(numbers)
    assert pictures[0].shape == (800, 1200, 3)
    assert 0 < max(np.abs(picture - pictures[0]).mean() for picture in pictures[1:]) < 16


def test_no_two_addresses_have_the_same_picture_when_it_is_small(port: int) -> None:
    seen = set()
    for number in range(125 * FILES):
        image = Image.open(io.BytesIO(ask(port, f"/fine/{number}.jpg")[1]))
        image.draft("RGB", (256, 171))
        small = io.BytesIO()
        image.resize((256, 171)).save(small, "JPEG", quality=95)
        seen.add(small.getvalue())
    assert len(seen) == 125 * FILES


def test_an_address_has_the_same_bytes_each_time(port: int) -> None:
    assert ask(port, "/fine/7.jpg") == ask(port, "/fine/7.jpg")


def test_a_slow_answer_is_whole_and_takes_three_seconds(port: int) -> None:
    start = time.monotonic()
    assert ask(port, "/slow/7.jpg") == ask(port, "/fine/7.jpg")
    assert time.monotonic() - start > 2.9


def test_failing_addresses_fail(port: int) -> None:
    assert ask(port, "/busy/7.jpg") == (503, b"")
    with pytest.raises(ConnectionResetError) as caught:
        ask(port, "/reset/7.jpg")
    assert caught.type is ConnectionResetError  # not its subclass for a connection that was closed


def test_a_host_gives_its_robots_txt_as_its_name_says(port: int) -> None:
    assert ask(port, "/robots.txt")[1].startswith(b"User-agent: *\nAllow: /")
    assert ask(port, "/robots.txt", "busy-4.example")[0] == 503


def test_of_a_thousand_hosts_five_per_cent_are_slow_and_five_fail() -> None:
    from download import Size, addresses_of_hosts  # benchmarks/download.py

    addresses = addresses_of_hosts(Size(images=20_000), with_faults=True)
    hosts = Counter(address.split("/")[2] for address in addresses)
    ways = Counter(host.split("-")[0] for host in hosts)
    assert set(hosts.values()) == {20}
    assert 45 <= ways["slow"] <= 55
    assert 45 <= ways["busy"] + ways["reset"] + ways["silent"] <= 55
    assert len(set(addresses)) == 20_000
