"""The log of answers: what counts, what survives, and what is refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.labels.annotation_events import AnnotationEvent, Suggestion, read_events
from cosmop.labels.annotation_log import (
    AnnotationLog,
    annotations_from_log,
    export_label_studio,
    log_file_name,
)
from cosmop.labels.exports import read_label_export
from cosmop.labels.schema import ANNOTATION_COLUMNS

SOURCE = Path(__file__).parents[3] / "src"
SUGGESTION = Suggestion(choices=("crowded",), score=0.75, model_version="m")


def event(number, image_id, kind="answer", choices=("crowded",), annotator="Ana", **fields):
    given = {
        "id": f"{annotator}-{number}",
        "at": f"2026-01-01T00:00:{number // 1000:02}.{number % 1000:03}Z",
        "annotator": annotator,
        "image_id": image_id,
        "task_id": number,
        "event": kind,
        "choices": choices if kind == "answer" else (),
        "suggestion": SUGGESTION,
        "lead_time_s": 1.5,
        "session": "s",
    }
    return AnnotationEvent(**(given | fields))


def write(folder, *events, annotator="Ana"):
    with AnnotationLog(folder, annotator) as log:
        for one in events:
            log.write(one)
        return log.path


def test_the_last_answer_counts_and_what_was_undone_or_skipped_does_not(tmp_path, schema):
    write(
        tmp_path,
        event(1, "revised", choices=("crowded",)),
        event(2, "revised", choices=("patrol", "crowded")),
        event(3, "undone"),
        event(4, "undone", "undo", undoes="Ana-3"),
        event(5, "back", choices=("none",)),
        event(6, "back", choices=("patrol",)),
        event(7, "back", "undo", undoes="Ana-6"),
        event(8, "withdrawn"),
        event(9, "withdrawn", "skip"),
        event(10, "kept"),
        event(11, "kept", "skip"),
        event(12, "kept", "undo", undoes="Ana-11"),
    )
    write(tmp_path, event(13, "revised", annotator="Ben", lead_time_s=None), annotator="Ben")

    table = annotations_from_log(tmp_path, schema)

    assert list(table.columns) == [*ANNOTATION_COLUMNS, *schema.criteria]
    held = [
        (row.annotator, row.image_id, [c for c in schema.criteria if getattr(row, c)])
        for row in table.itertuples()
    ]
    assert held == [
        ("Ana", "revised", ["crowded", "patrol"]),
        ("Ana", "back", []),
        ("Ana", "kept", ["crowded"]),
        ("Ben", "revised", ["crowded"]),
    ]
    assert table["lead_time_s"].tolist()[:3] == [1.5] * 3
    assert np.isnan(table["lead_time_s"].iloc[3])
    assert table["created_at"].iloc[0] == "2026-01-01T00:00:00.002Z"


def test_random_labelling_is_read_as_a_slow_replay_reads_it(tmp_path, schema, chance):
    """The oracle keeps a stack of events per image, and takes the top."""
    stacks = {}
    events = []
    for number in range(600):
        image_id = f"image {chance.integers(20)}"
        stack = stacks.setdefault(image_id, [])
        kind = chance.choice(["answer", "skip", "undo"])
        if kind == "undo" and not stack:
            continue
        undoes = stack.pop().id if kind == "undo" else None
        choices = tuple(c for c in schema.criteria if chance.random() < 0.4) or ("none",)
        events.append(event(number, image_id, str(kind), choices, undoes=undoes))
        if kind != "undo":
            stack.append(events[-1])
    write(tmp_path, *events)

    table = annotations_from_log(tmp_path, schema).set_index("image_id")

    tops = {image_id: stack[-1] for image_id, stack in stacks.items() if stack}
    expected = {i: e.choices for i, e in tops.items() if e.event == "answer"}
    assert set(table.index) == set(expected)
    for image_id, choices in expected.items():
        assert [c for c in schema.criteria if table.loc[image_id, c]] == [
            c for c in schema.criteria if c in choices
        ]


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_no_log_is_a_table_without_rows(tmp_path, schema, folder):
    (tmp_path / "empty").mkdir()

    table = annotations_from_log(tmp_path / folder, schema)

    assert len(table) == 0
    assert table[list(schema.criteria)].dtypes.eq(bool).all()


@pytest.mark.parametrize(
    ("choices", "value"),
    [(("queue",), "'queue'"), (("none", "crowded"), "'none' contradicts"), ((), "no choice")],
)
def test_answers_that_the_schema_does_not_know_are_refused_with_file_line_and_value(
    tmp_path, schema, choices, value
):
    path = write(tmp_path, event(1, "a"), event(2, "b", choices=choices))

    with pytest.raises(InputError) as refusal:
        annotations_from_log(tmp_path, schema)

    assert f"line 2 of {path}" in str(refusal.value)
    assert value in str(refusal.value)


def test_a_line_that_is_no_event_is_refused_not_skipped(tmp_path, schema):
    path = write(tmp_path, event(1, "a"), event(2, "b"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"id": 7}\n' + lines[1])

    with pytest.raises(InputError, match=r"line 2 of .*'\{\"id\": 7\}'"):
        annotations_from_log(tmp_path, schema)
    with pytest.raises(InputError, match="line 2 of"):
        AnnotationLog(tmp_path, "Ana")


def test_a_log_torn_at_any_byte_loses_nothing_but_the_torn_line(tmp_path, schema):
    whole = write(tmp_path / "whole", event(1, "a"), event(2, "b")).read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole) + 1):
        folder = tmp_path / str(end)
        folder.mkdir()
        path = folder / log_file_name("Ana")
        path.write_bytes(whole[:end])
        is_whole = end >= len(whole) - 1  # only the line feed may be missing
        assert len(read_events(folder)) == 1 + is_whole

        with AnnotationLog(folder, "Ana") as log:
            log.write(event(3, "c"))

        found = [one.image_id for one in read_events(folder)]
        assert found == (["a", "b", "c"] if is_whole else ["a", "c"])
        torn = b"" if is_whole else whole[first:end]
        aside = path.with_suffix(".torn")
        assert (aside.read_bytes()[:-1] if aside.exists() else b"") == torn
        assert (str(aside) in log.repair) == bool(torn)


CHILD = """
import os, signal, sys
from pathlib import Path
from cosmop.labels import annotation_log as module
from cosmop.labels.annotation_events import AnnotationEvent

folder, ending, kept = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
write, sync = os.write, os.fsync

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def torn_write(handle, line):
    write(handle, line[:kept])
    die()

log = module.AnnotationLog(folder, "Ana")
template = AnnotationEvent.model_validate_json(Path(sys.argv[4]).read_text())
for number in range(1_000_000):
    if number == 3 and ending == "torn":
        os.write = torn_write
    if number == 3 and ending == "before_sync":
        os.fsync = lambda handle: die()
    log.write(template.model_copy(update={"id": str(number), "image_id": str(number)}))
    print(number, flush=True)
"""


def start_child(folder, ending, kept=0):
    template = folder.parent / "template.json"
    template.write_bytes(event(1, "a").line())
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), ending, str(kept), str(template)],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("ending", "kept"), [("torn", 0), ("torn", 1), ("torn", 200), ("before_sync", 0), ("any", 0)]
)
def test_a_process_killed_while_it_writes_loses_no_confirmed_answer(tmp_path, ending, kept):
    folder = tmp_path / "log"
    child = start_child(folder, ending, kept)
    confirmed = [child.stdout.readline().strip() for _ in range(3)]
    if ending == "any":
        child.kill()
    confirmed += [line.strip() for line in child.communicate(timeout=20)[0].splitlines()]
    assert child.returncode == -signal.SIGKILL

    with AnnotationLog(folder, "Ana") as log:
        found = [one.id for one in log.events]
        log.write(event(9, "after"))

    assert found[: len(confirmed)] == [number for number in confirmed if number]
    assert len(found) <= len(confirmed) + 1
    assert [one.id for one in read_events(folder)].count("Ana-9") == 1


def test_two_processes_do_not_write_one_log_and_a_killed_one_gives_it_back(tmp_path):
    folder = tmp_path / "log"
    child = start_child(folder, "never")
    child.stdout.readline()

    with pytest.raises(InputError, match=r"'Ana' can be written by one server at a time"):
        AnnotationLog(folder, "Ana")
    AnnotationLog(folder, "Ben").close()

    child.kill()
    child.communicate(timeout=20)
    AnnotationLog(folder, "Ana").close()


ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from cosmop.labels.annotation_events import AnnotationEvent
from cosmop.labels.annotation_log import AnnotationLog

log = AnnotationLog(Path(sys.argv[1]), "Ana")
event = AnnotationEvent.model_validate_json(Path(sys.argv[2]).read_text())
log.write(event)
size = log.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
second = event.model_copy(update={"id": "second"})
try:
    log.write(second)
except OSError:
    print(log.path.stat().st_size == size)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(log.write(second), len(log.events))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_write_that_finds_no_room_leaves_the_log_whole_and_can_be_tried_again(tmp_path):
    """The system itself cuts the write short, a hundred bytes into the line."""
    template = tmp_path / "template.json"
    template.write_bytes(event(1, "a").line())

    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path / "log"), str(template)],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["True", "True", "2"]
    assert [one.id for one in read_events(tmp_path / "log")] == ["Ana-1", "second"]


def test_an_event_sent_twice_is_written_once(tmp_path):
    with AnnotationLog(tmp_path, "Ana") as log:
        assert log.write(event(1, "a"))
        assert not log.write(event(1, "a"))
    with AnnotationLog(tmp_path, "Ana") as log:
        assert not log.write(event(1, "a"))
        assert len(log.path.read_bytes().splitlines()) == 1


def test_a_clock_that_is_set_back_does_not_change_which_answer_is_the_last(tmp_path, schema):
    later = event(1, "a", choices=("patrol",), at="2026-01-01T09:00:00.000Z")
    earlier = event(2, "a", choices=("none",), at="2026-01-01T08:00:00.000Z")
    write(tmp_path, later, earlier)

    assert not annotations_from_log(tmp_path, schema)["patrol"].any()


def test_a_log_that_was_moved_away_is_not_written_to(tmp_path):
    with AnnotationLog(tmp_path, "Ana") as log:
        log.path.rename(tmp_path / "elsewhere")

        with pytest.raises(FileNotFoundError, match="was moved or replaced"):
            log.write(event(1, "a"))


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "con", "Ana María", "ana", "ANA", "安娜", "a" * 80, ".", "a/b", "a\\b"],
)
def test_any_name_makes_a_harmless_file_name(tmp_path, name):
    file = log_file_name(name)

    assert file.startswith("answers-")
    assert set(file) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert (tmp_path / file).resolve().parent == tmp_path.resolve()
    assert len(file) < 70


def test_different_names_have_different_files_even_where_case_does_not_count():
    names = ["ana", "Ana", "ANA", "aña", "a-n-a", "a n a", "安娜", "娜安", "x" * 41, "x" * 42]

    assert len({log_file_name(name).lower() for name in names}) == len(names)


def test_an_export_is_read_back_as_the_same_annotations(tmp_path, schema, manifest, chance):
    ids = manifest["image_id"].tolist()
    for who in ("Ana", "Ben"):
        events = [
            event(
                number,
                image_id,
                chance.choice(["answer", "skip"], p=[0.8, 0.2]).item(),
                tuple(c for c in schema.criteria if chance.random() < 0.5) or ("none",),
                who,
                lead_time_s=round(float(chance.uniform(0.2, 9)), 3),
            )
            for number, image_id in enumerate([*ids, *ids[:5]])
        ]
        write(tmp_path, *events, annotator=who)
    tasks = {"tasks": [{"id": n, "data": {"image_id": i}} for n, i in enumerate(ids[:15])]}

    records = json.loads(json.dumps(export_label_studio(tmp_path, tasks, schema)))
    read = read_label_export(records, manifest, schema)

    expected = annotations_from_log(tmp_path, schema)
    order = ["image_id", "annotator"]
    assert len(read.problems) == 0
    assert read.annotations.sort_values(order, ignore_index=True).equals(
        expected.sort_values(order, ignore_index=True)
    )
    assert [record["data"]["image_id"] for record in records[:15]] == ids[:15]
