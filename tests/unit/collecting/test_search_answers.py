import json
from dataclasses import replace

import pytest

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.providers.api_search import ApiProviderOptions
from cosmop.collecting.searching.search_answers import Answer, AnswerJournal, Question
from cosmop.errors import InputError

PROVIDER = ApiProviderOptions(
    name="api", url_template="http://e.org/{query}", results="r", fields={"image_url": "u"}
)
QUESTION = Question("api", "market", "es", 10, provider=PROVIDER)
FOUND = (FoundImage("http://e.org/á", title="T", claimed_width=3), FoundImage("http://e.org/b"))
ANSWER = Answer(Outcome("ok", FOUND, "why not more"), 1.5, "API")


def kept(work, question=QUESTION, hours=24.0, now=1000.0):
    with AnswerJournal(work, hours, clock=lambda: now) as journal:
        return journal.get(question)


@pytest.fixture
def work(tmp_path):
    with AnswerJournal(tmp_path, 24.0, clock=lambda: 1000.0) as journal:
        journal.add(QUESTION, ANSWER)
    return tmp_path


def test_an_answer_is_found_again_as_it_was(work):
    answer = kept(work)

    assert answer.outcome == ANSWER.outcome
    assert answer.how == "API, before the interruption"


@pytest.mark.parametrize(
    "change",
    [
        {"query": "Market"},
        {"language": ""},
        {"limit": 11},
        {"provider": PROVIDER.model_copy(update={"interval_s": 9.0})},
    ],
)
def test_another_question_or_another_definition_is_asked(work, change):
    assert kept(work, replace(QUESTION, **change)) is None


def test_the_place_of_a_query_does_not_matter(work):
    assert kept(work, replace(QUESTION, number=7)) is not None


@pytest.mark.parametrize(
    ("hours", "now", "is_kept"),
    [(24, 1000 + 86_399, True), (24, 1000 + 86_401, False), (0, 1001, False), (24, 0, False)],
)
def test_an_old_answer_is_not_used(work, hours, now, is_kept):
    assert (kept(work, hours=hours, now=now) is not None) == is_kept


@pytest.mark.parametrize("status", ["blocked", "consent", "layout_changed", "timeout", "failed"])
def test_what_was_refused_or_failed_is_asked_again(tmp_path, status):
    with AnswerJournal(tmp_path, 24.0, clock=lambda: 1000.0) as journal:
        journal.add(QUESTION, Answer(Outcome(status, reason="x"), 1.0, "API"))

    assert kept(tmp_path) is None


def test_a_finished_journal_is_gone(work):
    with AnswerJournal(work, 24.0, clock=lambda: 1000.0) as journal:
        journal.finish()

    assert not (work / "answers.jsonl").exists()
    assert kept(work) is None


def test_lines_of_others_are_skipped(work):
    odd = [{"key": "x"}, {"at": 1000.0, "status": "ok"}, {"key": "y", "at": "now", "status": "ok"}]
    with (work / "answers.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in odd)

    assert kept(work) is not None


def test_a_fact_that_this_version_does_not_know_is_left_out(work):
    file = work / "answers.jsonl"
    row = json.loads(file.read_text())
    row["found"][0]["colour"] = "red"
    file.write_text(json.dumps(row) + "\n")

    assert kept(work).outcome.found == FOUND


def test_questions_to_posts_are_not_kept(tmp_path):
    question = Question("posts", "market", "", 10)
    with AnswerJournal(tmp_path, 24.0) as journal:
        journal.add(question, ANSWER)
        assert journal.get(question) is None


def test_two_searches_do_not_work_in_one_folder(tmp_path):
    with (
        AnswerJournal(tmp_path, 24.0),
        pytest.raises(InputError, match="one process at a time"),
    ):
        AnswerJournal(tmp_path, 24.0)


@pytest.mark.parametrize(
    "change",
    [
        {"key": ["k"]},
        {"key": None},
        {"status": ["ok"]},
        {"found": None},
        {"found": "text"},
        {"found": [None]},
        {"found": [{}]},
        {"found": [{"location": 5}]},
        {"found": [{"location": "http://e.org/b", "claimed_width": "wide"}]},
    ],
)
def test_an_answer_of_another_shape_is_asked_for_again(work, change):
    row = json.loads((work / "answers.jsonl").read_text())
    (work / "answers.jsonl").write_text(json.dumps({**row, **change}) + "\n")

    assert kept(work) is None
