import json
import subprocess
import sys
from contextlib import closing

import pytest

from cosmop.collecting.json_lines import FolderLock, JsonLines
from cosmop.errors import InputError

ROWS = [{"n": n, "text": "é\n" * n} for n in range(5)]


def written(file, rows=ROWS):
    with JsonLines(file) as lines:
        for row in rows:
            lines.append(row)
    return file.read_bytes()


def test_what_was_written_is_read_by_the_next_one(tmp_path):
    written(tmp_path / "new/rows.jsonl")

    with JsonLines(tmp_path / "new/rows.jsonl") as lines:
        assert lines.rows == ROWS


def test_cut_anywhere_it_keeps_every_whole_line_and_goes_on_with_a_new_one(tmp_path, caplog):
    file = tmp_path / "rows.jsonl"
    content = written(file)

    for at in range(len(content) + 1):
        file.write_bytes(content[:at])
        caplog.clear()
        with JsonLines(file) as lines:
            lines.append({"new": 1})
        whole = ROWS[: content[:at].count(b"\n")]
        assert [json.loads(line) for line in file.read_bytes().splitlines()] == [*whole, {"new": 1}]
        is_torn = at > 0 and content[at - 1 : at] != b"\n"
        assert len(caplog.messages) == is_torn
        assert is_torn == ("rows.jsonl ended in a torn line, which was cut off" in caplog.messages)


def test_lines_that_are_no_objects_are_skipped_and_told(tmp_path, caplog):
    file = tmp_path / "rows.jsonl"
    rubbish = [b"\0" * 9, b"[1]", b"{", b"\xff", b"[" * 100_000, b""]
    file.write_bytes(b"\n".join([b'{"a":1}', *rubbish, b'{"b":2}\r', b""]))

    with JsonLines(file) as lines:
        assert lines.rows == [{"a": 1}, {"b": 2}]
    assert caplog.messages == ["rows.jsonl: 6 lines cannot be read, skipped"]


def test_replaced_rows_are_the_file_and_later_ones_follow(tmp_path):
    file = tmp_path / "rows.jsonl"
    written(file)

    with JsonLines(file) as lines:
        lines.replace(lines.rows[3:])
        lines.append({"new": 1})
        assert lines.rows == [*ROWS[3:], {"new": 1}]

    assert [json.loads(line) for line in file.read_bytes().splitlines()] == [*ROWS[3:], {"new": 1}]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_replacement_that_fails_leaves_the_old_rows(tmp_path):
    file = tmp_path / "rows.jsonl"
    content = written(file)

    with JsonLines(file) as lines:
        with pytest.raises(TypeError, match="not JSON serializable"):
            lines.replace([{"a": 1}, {"b": object()}])
        assert (file.read_bytes(), lines.rows) == (content, ROWS)
        lines.append({"new": 1})

    with JsonLines(file) as lines:
        assert lines.rows == [*ROWS, {"new": 1}]


def test_one_process_at_a_time_works_in_a_folder_and_only_as_long_as_it_lives(tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from cosmop.collecting.json_lines import FolderLock;"
        "held = FolderLock(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(InputError, match="one process at a time, but another one works there"):
            FolderLock(tmp_path)
        other.kill()

    for _ in range(2):
        with (
            closing(FolderLock(tmp_path)),
            pytest.raises(InputError, match="one process at a time"),
        ):
            FolderLock(tmp_path)


@pytest.mark.parametrize("folder", ["taken", "taken/below"])
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, folder):
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(InputError, match=r"cannot be .*; see to its rights, or choose another"):
        FolderLock(tmp_path / folder)
