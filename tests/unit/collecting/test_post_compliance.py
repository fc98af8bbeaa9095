import logging

import pandas as pd
import pytest

from cosmop.collecting.downloads.withdrawals import images_of_withdrawn
from cosmop.collecting.posts.post_archive import PostArchive
from cosmop.collecting.posts.post_compliance import check_archived_posts
from cosmop.collecting.posts.posts import PostOptions, PostSearch
from cosmop.errors import InputError

from .x_server import TOKEN, problem, says

FAST = PostOptions(
    backoff_s=0.01, max_posts=10_000, max_cost_usd=1000.0, job_poll_s=0.01, timeout_s=2.0
)


@pytest.fixture
def find(x, tmp_path):
    def ask(limit=1000, **changed):
        with PostSearch(FAST.model_copy(update=changed), TOKEN, x.hosts, tmp_path) as search:
            return [image.post_id for image in search.find("peru", limit).found]

    return ask


@pytest.fixture
def check(x, tmp_path):
    def ask(token=TOKEN, **changed):
        options = FAST.model_copy(update=changed)
        table = check_archived_posts(options, token, x.hosts, tmp_path)
        assert list(table.columns) == ["post_id", "reason", "found_at"]
        return dict(zip(table["post_id"], table["reason"], strict=True))

    return ask


def everything(folder):
    return b"".join(f.read_bytes() for f in sorted(folder.rglob("pages.jsonl*")))


def test_posts_that_are_gone_leave_the_archive_and_never_come_back(x, find, check, tmp_path):
    ids = [str(post_id) for post_id in x.fill(8)]
    x.more[int(ids[3])] = {"withheld": {"copyright": False, "country_codes": ["DE"]}}
    find()
    x.gone = {ids[0]: "deleted", ids[1]: "protected", ids[2]: "suspended", ids[4]: "strange"}

    withdrawn = check()

    expected = {ids[0]: "deleted", ids[1]: "protected", ids[2]: "suspended", ids[3]: "withheld"}
    assert expected == withdrawn
    for post_id in ids[:4]:
        assert f"text {post_id}".encode() not in everything(tmp_path)
        assert f"3_{post_id}".encode() not in everything(tmp_path)
    assert find() == ids[4:]
    assert find(reuse_archive=False) == ids[4:]  # the search still shows them, we no more
    assert f"text {ids[0]}".encode() not in everything(tmp_path)


def test_withdrawn_posts_are_remembered_by_id_only(x, find, check, tmp_path):
    (post_id,) = x.fill(1)
    find()
    x.gone = {str(post_id): "deleted"}
    check()

    header, row = (tmp_path / "posts/withdrawn.csv").read_text().splitlines()
    assert header == "post_id,reason,found_at"
    assert row.startswith(f"{post_id},deleted,20")


def test_a_check_asks_in_hundreds_and_counts_what_it_costs(x, find, check, caplog, tmp_path):
    caplog.set_level(logging.INFO)
    ids = x.fill(250)
    find()
    check()  # read today: free

    assert "Checking 250 archived posts, at most $0.00" in caplog.text
    lookups = [a for a in x.asked if a.path == "/2/tweets"]
    assert [len(a.parameters["ids"].split(",")) for a in lookups] == [100, 100, 50]
    assert "tweet.fields" in lookups[0].parameters

    (day,) = (tmp_path / "posts/spent").iterdir()
    day.unlink()  # as if it were tomorrow
    check(max_cost_usd=0.30)
    again = [a.parameters["ids"].split(",") for a in x.asked if a.path == "/2/tweets"][3:]
    assert sum(map(len, again)) == 60
    assert "190 archived posts were not checked: max_cost_usd, 0.30, is reached" in caplog.text
    assert {str(i) for i in ids} >= set(again[0])
    asked = len(x.asked)
    check(max_cost_usd=0.30)  # all of it is spent today
    assert len(x.asked) == asked


def test_a_limited_pass_is_gone_on_with_by_the_next(x, find, check, tmp_path):
    ids = {str(post_id) for post_id in x.fill(30)}
    find()
    asked = set()
    for _ in range(3):
        (day,) = (tmp_path / "posts/spent").iterdir()
        day.unlink()
        check(max_posts=10)
        asked |= set(x.asked[-1].parameters["ids"].split(","))
    assert asked == ids


def test_an_empty_archive_asks_nothing_and_needs_no_token(x, check):
    assert check(token=None) == {}
    assert x.asked == []


def test_a_refusal_is_one_sentence_and_loses_nothing(x, find, check):
    ids = [str(post_id) for post_id in x.fill(150)]
    find()
    x.gone = {ids[149]: "deleted"}  # the oldest, so of the first hundred
    x.script = [x.answer, problem(402)]

    with pytest.raises(InputError, match=r"no credits left .* goes on where it ended"):
        check()
    first = x.asked[-2].parameters["ids"].split(",")
    assert find() == ids[:149]
    assert check() == {ids[149]: "deleted"}
    assert set(first).isdisjoint(x.asked[-2].parameters["ids"].split(",")[:50])
    with pytest.raises(InputError, match="bearer token"):
        check(token=None)


def test_a_pass_killed_between_its_two_files_is_made_up_for(x, find, tmp_path):
    ids = [str(post_id) for post_id in x.fill(3)]
    find()
    csv = tmp_path / "posts/withdrawn.csv"
    csv.write_text(f"post_id,reason,found_at\n{ids[1]},deleted,2026-11-21T00:00:00+00:00\n")

    assert find() == [ids[0], ids[2]]
    assert f"text {ids[1]}".encode() not in everything(tmp_path)


def test_a_photo_that_another_post_shows_too_stays_with_it(x, find, check):
    first, second = x.fill(2)
    x.posts[first] = x.posts[second]
    find()
    x.gone = {str(first): "deleted"}
    check()
    assert find() == [str(second)]


def test_the_gallery_knows_which_posts_are_gone(gallery, tmp_path):
    with PostSearch(FAST, "demo", gallery.host_addresses, tmp_path) as search:
        search.find("market", 100)
    assert check_archived_posts(FAST, "demo", gallery.host_addresses, tmp_path).empty


# Jobs


def job(check, **changed):
    return check(compliance="job", **changed)


def test_a_job_gets_the_ids_and_tells_what_became_of_them(x, find, check, tmp_path):
    ids = [str(post_id) for post_id in x.fill(4)]
    find()
    x.job_states = ["created", "in_progress", "complete"]
    x.results = [
        {
            "id": ids[0],
            "action": "delete",
            "reason": "deleted",
            "created_at": "",
            "redacted_at": "",
        },
        {"id": ids[1], "action": "delete", "reason": "suspended"},
        {"id": ids[2], "action": "scrub_geo", "reason": "scrub_geo"},
        {"id": "99", "action": "delete", "reason": "deleted"},
        {"no": "id"},
    ]

    assert job(check) == {ids[0]: "deleted", ids[1]: "suspended"}

    assert sorted(x.stored.decode().split("\n")) == sorted(ids)
    upload = next(asked for asked in x.asked if asked.method == "PUT")
    assert upload.headers["Content-Type"] == "text/plain"
    assert all("Authorization" not in a.headers for a in x.asked if "/storage" in a.path)
    assert [a.path for a in x.asked].count("/2/compliance/jobs/55") == 3
    assert find() == ids[2:]
    assert not (tmp_path / "posts/job.json").exists()


def test_a_job_left_behind_is_picked_up_and_no_other_is_made(x, find, check):
    ids = [str(post_id) for post_id in x.fill(2)]
    find()
    x.job_states = ["in_progress"]
    with pytest.raises(InputError, match="compliance job 55 is in_progress after 0 s"):
        job(check, job_wait_s=0.01)
    x.job_states = ["complete"]
    x.results = [{"id": ids[0], "reason": "deactivated"}]

    assert job(check) == {ids[0]: "deactivated"}
    assert [asked.method for asked in x.asked].count("POST") == 1


@pytest.mark.parametrize("state", ["failed", "expired"])
def test_a_job_that_failed_is_told_and_forgotten(x, find, check, state):
    x.fill(1)
    find()
    x.job_states = [state]
    with pytest.raises(InputError, match=f"compliance job 55 has {state}"):
        job(check)
    x.job_states = ["complete"]
    assert job(check) == {}


def test_an_account_without_jobs_and_a_storage_that_refuses_are_told(x, find, check):
    x.fill(1)
    find()
    x.script = [problem(403)]
    with pytest.raises(InputError, match="may not use this part"):
        job(check)
    x.script = [x.answer, says(b"", 400)]
    with pytest.raises(InputError, match="storage of the job: HTTP 400"):
        job(check)
    x.script = [says({"data": {"id": "5", "upload_url": "http://10.0.0.1/"}})]
    with pytest.raises(InputError, match="the job has no upload_url"):
        job(check)


# Images


def test_images_go_that_withdrawn_posts_alone_named():
    candidates = pd.DataFrame(
        [("a", "1"), ("b", "2"), ("c", ""), ("d", "1"), ("e", "3"), ("f", "1"), ("f", "2")],
        columns=["candidate_id", "post_id"],
    )
    log = pd.DataFrame(
        [("a", "A"), ("b", "A"), ("c", "C"), ("d", "D"), ("e", ""), ("f", "F"), ("g", "D2")],
        columns=["candidate_id", "image_id"],
    )

    assert images_of_withdrawn(candidates, log, ["1"]) == ["D"]
    assert images_of_withdrawn(candidates, log, ["1", "2", "3"]) == ["A", "D", "F"]
    assert images_of_withdrawn(candidates, log, []) == []
    assert images_of_withdrawn(candidates, log.iloc[:0], ["1"]) == []


def test_an_archive_lists_each_post_once_and_the_oldest_first(x, find, tmp_path):
    ids = x.fill(12)
    find()
    find(reuse_archive=False)
    archive = PostArchive(tmp_path / "posts")
    archive.close()
    assert archive.post_ids == [str(i) for i in reversed(ids)]
