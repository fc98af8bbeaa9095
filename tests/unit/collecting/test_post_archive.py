import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cosmop.collecting.posts.posts import PostSearch
from cosmop.errors import InputError

from .x_server import FAST, TOKEN, photo, post, problem, says


def test_archived_posts_are_candidates_again_without_a_call(x, find):
    x.fill(30)
    first = find(limit=30)
    asked = len(x.asked)

    assert find(limit=30) == first
    assert find(limit=12).found == first.found[:12]
    assert len(x.asked) == asked


def test_a_later_run_asks_only_for_what_is_new(x, find):
    old = x.fill(12, days_ago=1)
    find()
    new = x.fill(3)

    outcome = find()

    assert [int(image.post_id) for image in outcome.found] == new + old
    assert x.searches[-1]["since_id"] == str(old[0])
    assert "next_token" not in x.searches[-1]
    find()
    assert x.searches[-1]["since_id"] == str(new[0])


def test_a_start_time_is_not_sent_beside_a_known_post_which_x_would_prefer(x, find):
    x.fill(12)
    for _ in range(2):
        find(start_time="2020-01-01T00:00:00Z")

    assert [("start_time" in p, "since_id" in p) for p in x.searches] == [
        (True, False),
        (False, True),
    ]


def test_a_larger_limit_goes_on_where_the_smaller_one_stopped(x, find):
    ids = x.fill(40)
    find(limit=20)

    outcome = find(limit=40)

    assert [int(image.post_id) for image in outcome.found] == ids
    assert [p.get("next_token") for p in x.searches] == [None, str(ids[19])]


def test_a_forgotten_token_is_replaced_by_the_last_id(x, find):
    ids = x.fill(40)
    find(limit=20)
    x.script = [problem(400)]

    outcome = find(limit=40)

    assert [int(image.post_id) for image in outcome.found] == ids
    assert x.searches[-1]["until_id"] == str(ids[19])
    assert "next_token" not in x.searches[-1]


def test_a_sweep_that_the_api_refuses_to_go_on_with_does_not_hide_newer_posts(x, find):
    x.fill(40, days_ago=1)
    find(limit=20)
    new = x.fill(1)
    x.script = [problem(400), problem(400)]

    assert int(find(limit=40).found[0].post_id) == new[0]


def test_recent_search_is_not_asked_about_ids_older_than_its_seven_days(x, find, tmp_path):
    x.fill(30, days_ago=8)
    find(limit=20)
    find(limit=40)
    assert {"since_id", "until_id", "next_token"}.isdisjoint(x.searches[-2])

    x.asked.clear()
    find(limit=20, work=tmp_path / "all", archive="all")
    x.fill(1)
    find(limit=100, work=tmp_path / "all", archive="all")
    assert ["next_token", "since_id"] == [
        name for asked in x.searches for name in asked if name in ("since_id", "next_token")
    ]


def test_nothing_old_is_reused_when_it_shall_not_be(x, find):
    x.fill(12)
    find()
    x.posts.clear()
    (new,) = x.fill(1)

    assert [int(i.post_id) for i in find(reuse_archive=False).found] == [new]
    assert len(find().found) == 13


def test_other_queries_times_and_languages_are_other_searches(x, find):
    x.fill(12)
    for changed in ({"query": "a"}, {"query": "b"}, {"language": "es"}, {"archive": "all"}):
        find(**changed)

    assert all("since_id" not in asked for asked in x.searches)


RUN = """
import sys
from pathlib import Path
from cosmop.collecting.posts.posts import PostOptions, PostSearch
options = PostOptions(page_size=10, max_cost_usd=100.0)
hosts = {"api.twitter.com": sys.argv[1]}
PostSearch(options, sys.argv[2], hosts, Path(sys.argv[3])).find("peru", 50)
"""


def test_a_killed_run_goes_on_at_its_next_token_and_pays_nothing_twice(x, find, tmp_path):
    ids = x.fill(50)
    undisturbed = find(limit=50, page_size=10, work=tmp_path / "a")
    x.asked.clear()
    command = [sys.executable, "-c", RUN, x.address, TOKEN, str(tmp_path / "b")]
    x.script = [x.answer, x.answer, lambda handler: (x.is_open.clear(), x.is_open.wait(200))]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 200
    while x.is_open.is_set() and time.monotonic() < deadline:
        time.sleep(0.01)  # until the third request waits
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    x.is_open.set()
    (x_file,) = (tmp_path / "b").rglob("pages.jsonl")
    with x_file.open("ab") as torn:
        torn.write(b'{"search": "recent')  # as if killed in mid-write

    resumed = find(limit=50, page_size=10, work=tmp_path / "b")

    tokens = [p.get("next_token") for p in x.searches]
    assert tokens == [None, *[str(ids[n]) for n in (9, 19, 19, 29, 39)]]
    assert resumed == undisturbed == find(limit=50, page_size=10, work=tmp_path / "b")
    assert len(x.searches) == len(tokens)
    (day,) = (tmp_path / "b/posts/spent").iterdir()
    paid = [key for line in day.read_text().splitlines() for key in json.loads(line)["posts"]]
    assert sorted(map(str, ids)) == sorted(paid)


def test_two_processes_do_not_work_in_one_folder(x, tmp_path):
    with (
        PostSearch(FAST, TOKEN, x.hosts, tmp_path),
        pytest.raises(InputError, match="one process at a time"),
    ):
        PostSearch(FAST, TOKEN, x.hosts, tmp_path)
    PostSearch(FAST, TOKEN, x.hosts, tmp_path).close()


def test_lines_that_cannot_be_read_are_skipped_and_told(x, find, tmp_path, caplog):
    x.fill(12)
    find()
    file: Path = tmp_path / "posts/pages.jsonl"
    file.write_bytes(b"\x00garbage\n[1]\n" + file.read_bytes())

    assert len(find().found) == 12
    assert "pages.jsonl: 2 lines cannot be read" in caplog.text


@pytest.mark.parametrize(
    "change",
    [{"sweep": None}, {"sweep": "0"}, {"sweep": []}, {"body": None}, {"body": []}, {"search": 5}],
)
def test_a_page_of_another_shape_is_read_anew(x, find, tmp_path, change):
    x.fill(3)
    first = find()
    pages = tmp_path / "posts" / "pages.jsonl"
    rows = [json.loads(line) for line in pages.read_text().splitlines()]
    pages.write_text("".join(json.dumps(row | change) + "\n" for row in rows))

    assert find().found == first.found


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"posts": null}', '{"posts": 5}', "[]", "nonsense"]
)
def test_a_count_that_cannot_be_read_is_no_obstacle(x, find, tmp_path, line):
    x.fill(3)
    find()
    (spent,) = (tmp_path / "posts" / "spent").iterdir()
    spent.write_text(line + "\n" + spent.read_text())

    assert len(find().found) == 3


@pytest.mark.parametrize(
    "odd", [str(2**63), str(2**70), str(10**30), "9" * 5000, str(10**400), "٣٤", "-5", "0", "1.5"]
)
def test_an_id_that_x_cannot_have_given_is_left_out_and_hides_nothing_new(x, find, odd):
    told = {"newest_id": odd, "oldest_id": odd, "next_token": "t"}
    media = {"media": [photo("3_1")]}
    x.script = [says({"data": [post(1, "3_1") | {"id": odd}], "includes": media, "meta": told})]
    x.script += [problem(400)]
    assert find().found == ()

    for _ in range(2):
        (new,) = x.fill(1)
        assert int(find().found[0].post_id) == new
    assert odd not in [value for asked in x.searches for value in asked.values()]


@pytest.mark.parametrize("content", [b"nonsense\n1,2\n", b"\xff\xfe\n", b"post_id,reason\n1,2\n"])
def test_a_broken_list_of_withdrawn_posts_stops_everything_in_one_sentence(
    x, find, tmp_path, content
):
    x.fill(3)
    find()
    (tmp_path / "posts" / "withdrawn.csv").write_bytes(content)

    with pytest.raises(InputError, match=r"withdrawn\.csv wants the columns post_id, reason"):
        find()
