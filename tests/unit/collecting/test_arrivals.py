import json
import subprocess
import sys

import numpy as np
import pytest

from cosmop.collecting.downloads.arrivals import Arrival, Arrivals
from cosmop.errors import InputError

ARRIVALS = [
    Arrival(f"{i:016x}", "f", reason=f"é\n{i}" * (i % 3), width=i, information=i / 7, bytes=i)
    for i in range(20)
]


def rows_of(arrivals):
    return [Arrival(*row) for row in arrivals.table().itertuples(index=False)]


def written(work, lines=ARRIVALS):
    with Arrivals(work) as arrivals:
        for arrival in lines:
            arrivals.append(arrival)
    return work / "arrivals.jsonl"


def test_what_was_written_is_read_by_the_next_one(tmp_path):
    written(tmp_path)

    with Arrivals(tmp_path) as arrivals:
        assert rows_of(arrivals) == ARRIVALS


def test_an_empty_journal_is_an_empty_table_of_the_same_kinds(tmp_path):
    with Arrivals(tmp_path) as arrivals:
        empty = arrivals.table()
        arrivals.append(ARRIVALS[0])

        assert len(empty) == 0
        assert empty.dtypes.equals(arrivals.table().dtypes)


def test_of_a_candidate_the_last_line_counts(tmp_path):
    newer = [ARRIVALS[3]._replace(reason="newer"), ARRIVALS[5]._replace(path="newer")]
    written(tmp_path, [*ARRIVALS, *newer])

    with Arrivals(tmp_path) as arrivals:
        expected = {arrival.candidate_id: arrival for arrival in [*ARRIVALS, *newer]}
        assert {row.candidate_id: row for row in rows_of(arrivals)} == expected


def test_cut_anywhere_it_keeps_every_whole_line_and_goes_on_with_a_new_one(tmp_path):
    content = written(tmp_path, ARRIVALS[:4]).read_bytes()

    for at in range(len(content) + 1):
        journal = tmp_path / "arrivals.jsonl"
        journal.write_bytes(content[:at])
        whole = content[:at].count(b"\n")
        with Arrivals(tmp_path) as arrivals:
            arrivals.append(ARRIVALS[9])
        lines = journal.read_bytes().splitlines(keepends=True)
        assert lines[:-1] == content.splitlines(keepends=True)[:whole]
        assert json.loads(lines[-1])["candidate_id"] == ARRIVALS[9].candidate_id


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\0" * 300,
        b'{"candidate_id": 3}',
        b"[1]",
        b'{"candidate_id":"a"',
        b'{"candidate_id":"a","reason":"\\udc80"}',
    ],
)
def test_a_line_that_a_machines_end_has_spoilt_costs_only_itself(tmp_path, rubbish):
    journal = written(tmp_path)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines.insert(7, rubbish + b"\n")
    journal.write_bytes(b"".join(lines))

    with Arrivals(tmp_path) as arrivals:
        assert rows_of(arrivals) == ARRIVALS


def test_a_journal_that_has_grown_is_written_anew_with_its_last_lines(tmp_path):
    random = np.random.default_rng(0)
    many = [ARRIVALS[i]._replace(width=n) for n, i in enumerate(random.integers(0, 20, 10_050))]
    journal = written(tmp_path, many)
    grown = journal.stat().st_size

    with Arrivals(tmp_path) as arrivals:
        rows = {row.candidate_id: row for row in rows_of(arrivals)}

    assert rows == {arrival.candidate_id: arrival for arrival in many}
    assert journal.stat().st_size * 400 < grown
    assert sorted(file.name for file in tmp_path.iterdir()) == ["arrivals.jsonl", "lock"]


def test_one_process_at_a_time_holds_it_and_only_as_long_as_it_lives(tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from cosmop.collecting.downloads.arrivals import Arrivals;"
        "held = Arrivals(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        other.stdout.readline()
        with pytest.raises(InputError, match="one process at a time"):
            Arrivals(tmp_path)
        other.kill()

    with Arrivals(tmp_path) as arrivals:
        assert len(arrivals.table()) == 0


def test_chosen_columns_come_alone(tmp_path):
    written(tmp_path)

    with Arrivals(tmp_path) as arrivals:
        few = arrivals.table(["candidate_id", "width"])

    assert few.to_dict("list") == {
        "candidate_id": [arrival.candidate_id for arrival in ARRIVALS],
        "width": list(range(20)),
    }
