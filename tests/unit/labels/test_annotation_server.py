"""The labelling server: who gets in, what is served, and that every confirmed answer is there."""

import http.client
import io
import json
import threading
from contextlib import contextmanager

import pandas as pd
import pytest
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.labels.annotation_events import Suggestion, read_events
from cosmop.labels.annotation_images import LONGEST_SIDE_PX, ShownImages
from cosmop.labels.annotation_log import log_file_name
from cosmop.labels.annotation_queue import AnnotationQueue, LabelTask
from cosmop.labels.annotation_room import AnnotationRoom
from cosmop.labels.annotation_server import AnnotationServer

SUGGESTION = Suggestion(choices=("patrol",), score=0.75, model_version="m")


@pytest.fixture
def images(tmp_path, picture):
    store = ImageStore(tmp_path / "images")
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010E] = "secret place"
    rows = []
    for width, height in [(96, 72), (2400, 1800)]:
        jpeg = io.BytesIO()
        picture(width, height).save(jpeg, "JPEG", exif=exif)
        image_id, path = store.add(jpeg.getvalue(), "jpg")
        rows.append({"image_id": image_id, "path": path, "width": width, "height": height})
    (tmp_path / "images" / "broken.jpg").write_bytes(b"no image")
    rows.append({"image_id": "broken", "path": "broken.jpg", "width": 1, "height": 1})
    rows.append({"image_id": "gone", "path": "gone.jpg", "width": 1, "height": 1})
    return ImageSet(pd.DataFrame(rows), store)


@pytest.fixture
def make_room(images, schema, tmp_path):
    def make():
        tasks = [LabelTask(image_id, n, SUGGESTION) for n, image_id in enumerate(images.ids)]
        queue = AnnotationQueue(schema, tasks)
        return AnnotationRoom(queue, ShownImages(images), tmp_path / "log", "kedro run")

    return make


class Caller:
    """Asks the server as a browser, or as somebody who is not one."""

    def __init__(self, server):
        self.server = server

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, dict(reply.getheaders()), content

    def get(self, place, **headers):
        return self.ask(f"/{self.server.token}/{place}", **headers)

    def send(self, event, **headers):
        usual = {
            "Origin": f"http://127.0.0.1:{self.server.port}",
            "Content-Type": "application/json",
        }
        given = {name: value for name, value in (usual | headers).items() if value}
        path = f"/{self.server.token}/events"
        return self.ask(path, "POST", json.dumps(event), **given)


@pytest.fixture
def page(make_room):
    with AnnotationServer(make_room()) as server:
        yield Caller(server)


def answer(image_id, number=1, annotator="Ana", choices=("crowded",), **fields):
    event = {
        "id": f"{annotator}-{number}",
        "annotator": annotator,
        "image_id": image_id,
        "event": "answer",
        "choices": list(choices),
        "lead_time_s": 1.25,
        "session": "s",
    }
    return event | fields


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/state",
        "/page.js",
        "/favicon.ico",
        "/wrong/",
        "/wrong/state?annotator=Ana",
        "/%00/",
        "//[",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_token_there_is_nothing(page, path, method):
    status, _, content = page.ask(path, method, "{}" if method == "POST" else None)

    assert status == 403
    assert json.loads(content) == {
        "error": "This address is not that of the running server; open the one it has printed."
    }


def test_a_token_that_is_nearly_right_is_wrong_and_each_server_has_its_own(page, make_room):
    token = page.server.token

    for near in (token[:-1], token + "a", token[:-1] + ("a" if token[-1] != "a" else "b")):
        assert page.ask(f"/{near}/state?annotator=Ana")[0] == 403
    assert len(token) >= 32
    other = AnnotationServer(make_room())
    other.close()
    assert other.token != token


@pytest.mark.parametrize("host", ["evil.test", "evil.test:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_under_another_name_there_is_nothing(page, host):
    """A page elsewhere can make its own name mean 127.0.0.1 (DNS rebinding)."""
    status, _, content = page.get("", Host=host.format(port=page.server.port))

    assert status == 403
    assert b"served under 127.0.0.1 only" in content


def test_the_names_of_this_machine_are_served(page):
    for host in ("127.0.0.1", "localhost"):
        assert page.get("", Host=f"{host}:{page.server.port}")[0] == 200


def test_it_listens_on_this_machine_only(page):
    assert page.server.url().startswith(f"http://127.0.0.1:{page.server.port}/")
    assert page.server._http.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "place",
    [
        "../pyproject.toml",
        "..%2fpage.js",
        "image/../../etc/passwd",
        "image/%2e%2e/broken.jpg",
        "image//etc/passwd",
        "image/broken.jpg",
        "image/",
        "image/unknown",
        "annotation_log.py",
        "events",
        "page.js/",
    ],
)
def test_nothing_but_the_page_and_known_images_is_served(page, place):
    assert page.get(place)[0] == 404


def test_the_page_may_ask_nobody_else_and_nobody_may_frame_it(page):
    for place in ("", "page.js", "page.css", "icon.svg"):
        status, headers, _ = page.get(place)
        assert status == 200
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_images_are_upright_small_enough_and_without_their_metadata(page, images):
    for image_id, size in zip(images.ids, [(72, 96), (1200, LONGEST_SIDE_PX)], strict=False):
        status, headers, content = page.get(f"image/{image_id}")
        assert status == 200
        assert headers["Content-Type"] == "image/jpeg"
        assert "immutable" in headers["Cache-Control"]
        assert b"secret place" not in content
        with Image.open(io.BytesIO(content)) as shown:
            assert shown.size == size
            assert not shown.getexif()


@pytest.mark.parametrize("image_id", ["broken", "gone"])
def test_an_image_that_cannot_be_read_is_said_and_not_hidden(page, image_id):
    status, _, content = page.get(f"image/{image_id}")

    assert status == 422
    assert f"{image_id}.jpg cannot be read" in json.loads(content)["error"]


def test_an_answer_is_on_the_disk_when_it_is_confirmed(page, images, tmp_path):
    status, _, content = page.send(answer(images.ids[1]))

    assert (status, json.loads(content)) == (200, {"saved": True})
    (written,) = read_events(tmp_path / "log")
    assert (written.image_id, written.choices, written.task_id) == (images.ids[1], ("crowded",), 1)
    assert written.suggestion == SUGGESTION
    assert written.at.endswith("Z")
    assert written.lead_time_s == 1.25


def test_an_answer_sent_again_is_confirmed_again_and_written_once(page, images, tmp_path):
    for _ in range(3):
        assert page.send(answer(images.ids[0]))[0] == 200

    assert len(read_events(tmp_path / "log")) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Content-Type": "text/plain"},
    ],
)
def test_answers_come_from_the_page_only(page, images, tmp_path, headers):
    assert page.send(answer(images.ids[0]), **headers)[0] in (403, 415)
    assert not list((tmp_path / "log").glob("*"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"choices": ["queue"]}, "'queue' is unknown"),
        ({"choices": ["none", "patrol"]}, "contradicts"),
        ({"choices": []}, "no choice"),
        ({"choices": "crowded"}, "choices"),
        ({"image_id": "unknown"}, "got 'unknown'"),
        ({"event": "delete"}, "event"),
        ({"annotator": ""}, "annotator"),
        ({"annotator": " Ana"}, "without spaces around it"),
        ({"annotator": "A\nB"}, "one line"),
        ({"annotator": "a" * 99}, "annotator"),
        ({"lead_time_s": -1.0}, "lead_time_s"),
        ({"more": 1}, "more"),
        ({"at": "now", "suggestion": "mine"}, None),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(page, images, tmp_path, changes, why):
    status, _, content = page.send(answer(images.ids[0]) | changes)

    assert status == (400 if why else 200)  # time and suggestion are the server's to say
    assert why is None or why in json.loads(content)["error"]
    assert len(read_events(tmp_path / "log")) == (0 if why else 1)


@pytest.mark.parametrize(
    ("event", "status"), [([], 400), ("text", 400), (7, 400), ({"image_id": "a" * 70_000}, 413)]
)
def test_other_documents_are_refused(page, event, status):
    assert page.send(event)[0] == status
    assert page.get("")[0] == 200


def test_two_annotators_at_once_each_write_their_own_log(page, images, tmp_path):
    count = 60

    def label(annotator):
        for number in range(count):
            image_id = images.ids[number % len(images.ids)]
            assert page.send(answer(image_id, number, annotator))[0] == 200

    threads = [threading.Thread(target=label, args=(name,)) for name in ("Ana", "Ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for annotator in ("Ana", "Ben"):
        lines = (tmp_path / "log" / log_file_name(annotator)).read_text().splitlines()
        assert [json.loads(line)["id"] for line in lines] == [
            f"{annotator}-{number}" for number in range(count)
        ]
    people = json.loads(page.get("people")[2])["people"]
    assert people == [{"name": n, "answered": len(images.ids)} for n in ("Ana", "Ben")]


def test_a_new_server_goes_on_where_the_last_one_stopped(page, images, make_room):
    page.send(answer(images.ids[0]))
    page.server.room.close()

    with AnnotationServer(make_room()) as server:
        state = json.loads(Caller(server).get("state?annotator=Ana")[2])

    assert [done["image_id"] for done in state["history"]] == [images.ids[0]]
    assert [item["image_id"] for item in state["items"]] == images.ids
    assert state["items"][0]["suggestion"] == SUGGESTION.model_dump(mode="json")


def test_a_log_that_another_server_holds_is_refused_in_one_sentence(page, images, make_room):
    page.send(answer(images.ids[0]))

    with AnnotationServer(make_room()) as server:
        status, _, content = Caller(server).get("state?annotator=Ana")

    assert status == 400
    assert "'Ana' can be written by one server at a time" in json.loads(content)["error"]


def test_a_port_that_is_taken_is_refused_in_one_sentence(page, make_room):
    with pytest.raises(InputError, match=rf"wants port {page.server.port} .* --port"):
        AnnotationServer(make_room(), page.server.port)


@contextmanager
def moved_away(path):
    aside = path.rename(path.with_suffix(".aside"))
    yield
    aside.rename(path)


def test_an_answer_that_cannot_be_saved_is_not_confirmed(page, images, tmp_path):
    page.send(answer(images.ids[0]))

    with moved_away(tmp_path / "log" / log_file_name("Ana")):
        status, _, content = page.send(answer(images.ids[1], 2))
    assert status == 503
    assert "could not be saved" in json.loads(content)["error"]

    assert page.send(answer(images.ids[1], 2))[0] == 200
    assert [one.id for one in read_events(tmp_path / "log")] == ["Ana-1", "Ana-2"]
