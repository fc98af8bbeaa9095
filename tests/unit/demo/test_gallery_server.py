import hashlib
import io
import json
import socket
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from cosmop.demo.gallery_server import GalleryServer
from cosmop.errors import InputError

CAPTIONS = """file,title,keywords,licence,channel,taken_at
a.jpg,A <b>crowd</b>,market bags,CC0,both,2024-05-01T12:00:00+02:00
b.jpg,People,market,CC BY 4.0,search,
c.png,Dog,park,,posts,nonsense
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "images/a.jpg")
    (folder / "images/b.jpg").write_text("<html>not an image")
    Image.fromarray(pixels).save(folder / "images/c.png")
    (folder / "captions.csv").write_text(CAPTIONS)
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def gallery(folder):
    with GalleryServer(folder, bearer_token="t") as server:
        yield server


@pytest.fixture
def get(gallery):
    """Return (status, body, final URL) of a path, as a visitor who has consented."""

    def request(path, cookie="consent=yes", data=None, token="t"):
        headers = {"Authorization": f"Bearer {token}"} | ({"Cookie": cookie} if cookie else {})
        request = urllib.request.Request(f"http://{gallery.address}{path}", data, headers)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        try:
            with opener.open(request) as response:
                return response.status, response.read(), response.url
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), path

    return request


def search_posts(get, **parameters):
    query = urllib.parse.urlencode(parameters)
    status, body, _ = get(f"/2/tweets/search/recent?{query}")
    return status, json.loads(body)


def test_results_are_ranked_by_shared_words_and_escaped(get):
    page = get("/search?q=market+BAGS")[1].decode()

    assert page.count('class="result"') == 2
    assert page.index("/photo/a.jpg") < page.index("/photo/b.jpg")
    assert "A &lt;b&gt;crowd" in page
    assert "<b>crowd" not in page


def test_a_query_without_a_shared_word_has_no_results(get):
    for query in ("volcano", "the", "%3Cscript%3E"):
        page = get(f"/search?q={query}")[1].decode()
        assert 'class="no-results"' in page
        assert 'class="result"' not in page


def test_the_first_visit_asks_for_consent_and_leads_back(get):
    status, page, url = get("/search?q=market", cookie="")

    assert (status, "/consent?next=" in url) == (200, True)
    assert b'id="agree"' in page
    _, page, url = get("/consent", cookie="", data=b"next=%2Fsearch%3Fq%3Dmarket&agree=yes")
    assert url.endswith("/search?q=market")
    assert b'class="result"' in page


@pytest.mark.parametrize("target", ["http://evil.test/", "//evil.test/", "/\\evil.test"])
def test_consent_leads_nowhere_else(get, target):
    data = urllib.parse.urlencode({"next": target, "agree": "yes"}).encode()

    assert get("/consent", data=data)[2].endswith("/search")


def test_a_header_cannot_be_smuggled_through_the_consent_target(gallery):
    port = int(gallery.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        line = b"GET /consent?agree=yes&next=/x%0d%0aX-Evil:1 HTTP/1.0\r\n\r\n"
        connection.sendall(line)
        head = connection.makefile("rb").read().split(b"\r\n\r\n")[0]

    assert b"303" in head.split(b"\r\n")[0]
    assert not any(header.startswith(b"X-Evil") for header in head.split(b"\r\n"))


def test_files_are_served_as_they_are(get, folder):
    for name in ("a.jpg", "b.jpg", "c.png"):
        assert (folder / "images" / name).read_bytes() == get(f"/images/{name}", cookie="")[1]


def test_a_thumbnail_of_something_unreadable_is_a_grey_tile(get):
    for name in ("a.jpg", "b.jpg"):
        assert Image.open(io.BytesIO(get(f"/thumbs/{name}")[1])).format == "JPEG"


def test_a_photo_page_shows_caption_and_licence(get):
    page = get("/photo/b.jpg")[1].decode()

    assert "People" in page
    assert "CC BY 4.0" in page


@pytest.mark.parametrize(
    "path",
    [
        "/images/../captions.csv",
        "/images/..%2f..%2fsecret.txt",
        "/images/%2e%2e/secret.txt",
        "/images//etc/passwd",
        "/secret.txt",
        "/photo/../secret.txt",
        "/thumbs/",
        "/2/users/me",
        "/_search",
    ],
)
def test_nothing_outside_the_gallery_is_served(get, path):
    status, body, _ = get(path)

    assert status == 404
    assert b"secret" not in body


def test_recent_search_wants_the_bearer_token(get):
    assert get("/2/tweets/search/recent?query=market", token="wrong")[0] == 401


def test_recent_search_honours_channels_and_ignores_operators(get):
    _, found = search_posts(
        get, query='(market OR park) -is:retweet has:images lang:en "x"', expansions="author_id"
    )

    assert {"A <b>crowd</b> #market #bags", "Dog #park"} == {post["text"] for post in found["data"]}
    assert [user["username"] for user in found["includes"]["users"]] == ["gallery"]
    assert search_posts(get, query="people has:images")[1]["meta"] == {"result_count": 0}


def test_media_come_with_the_asked_fields_only_and_an_address_that_stands_for_the_content(
    get, folder
):
    fields = {"media.fields": "url,width", "expansions": "attachments.media_keys"}
    _, found = search_posts(get, query="market", **fields)

    key = found["data"][0]["attachments"]["media_keys"][0]
    expected = {"media_key": key, "type": "photo", "width": 40}
    version = hashlib.sha256((folder / "images/a.jpg").read_bytes()).hexdigest()[:8]
    assert (
        expected | {"url": f"http://gallery.test/images/a.jpg?v={version}"}
        == (found["includes"]["media"][0])
    )


def test_times_are_written_as_the_api_writes_them(get):
    _, found = search_posts(get, query="market park", **{"tweet.fields": "created_at"})

    times = sorted(post["created_at"] for post in found["data"])
    assert times == ["2024-01-01T00:02:00.000Z", "2024-05-01T10:00:00.000Z"]


@pytest.mark.parametrize(
    "wrong", [{"max_results": "5"}, {"max_results": "500"}, {"next_token": "x"}]
)
def test_recent_search_refuses_what_the_api_refuses(get, wrong):
    assert search_posts(get, query="market", **wrong)[0] == 400


def test_pages_of_posts_and_of_tiles_are_complete_and_disjoint(tmp_path, get):
    for number in range(45):
        Image.new("RGB", (40, 40)).save(tmp_path / f"street_{number:02}.png")
    with GalleryServer(tmp_path) as server:

        def read(path):
            headers = {"Authorization": "Bearer demo", "Cookie": "consent=yes"}
            request = urllib.request.Request(f"http://{server.address}{path}", headers=headers)
            with urllib.request.urlopen(request) as response:
                return response.read().decode()

        ids, token = [], ""
        while token is not None:
            found = json.loads(read(f"/2/tweets/search/recent?query=street&max_results=20{token}"))
            ids += [post["id"] for post in found["data"]]
            token = found["meta"].get("next_token")
            token = token and f"&next_token={token}"
        pages = [read(f"/search?q=street&page={page}") for page in (1, 2, 3, 4)]
        more = read("/more?q=street&offset=20")

    assert 45 == len(ids) == len(set(ids))
    assert [page.count('class="result"') for page in pages] == [20, 20, 5, 0]
    assert more.count('class="result"') == 20


def test_a_folder_without_images_or_a_wrong_channel_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="has none"):
        GalleryServer(tmp_path)
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    (tmp_path / "captions.csv").write_text("file,channel\na.png,radio\n")
    with pytest.raises(InputError, match=r"'radio' for a\.png"):
        GalleryServer(tmp_path)


def test_stopping_frees_the_port_and_may_be_done_twice(folder):
    server = GalleryServer(folder).start()
    port = int(server.start().address.rpartition(":")[2])
    server.stop()
    server.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with pytest.raises(RuntimeError, match="only while it runs"):
        _ = server.address
