"""What the incremental runner runs again, on small pipelines with real versioned files."""

import json
import shutil
from pathlib import Path

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.io.core import Version
from kedro.pipeline import Node, Pipeline

from cosmop.datasets import JSONDataset, WorkFolderDataset
from cosmop.hooks import NodeRecords
from cosmop.runners import DryRunner, IncrementalRunner, why_to_run

VERSIONED = ("doubled", "sum", "text")


def double(raw, factor):
    return raw["x"] * factor


def add(doubled, offset):
    if offset == "stop":
        raise RuntimeError("a power cut")
    return doubled + offset


def write(total):
    return f"It is {total}."


STUDY = Pipeline(
    [
        Node(double, ["raw", "params:factor"], "doubled", name="double"),
        Node(add, ["doubled", "params:offset"], "sum", name="add"),
        Node(write, "sum", "text", name="write"),
    ]
)


class Study:
    """A project on disk; each `run` is a new process's view of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parameters = {"factor": 2, "offset": 1}
        self.pins: dict[str, str] = {}
        self.runs = 0
        (folder / "raw.json").write_text('{"x": 5}')

    def catalog(self) -> DataCatalog:
        made = {
            name: JSONDataset(
                filepath=str(self.folder / f"{name}.json"),
                version=Version(self.pins.get(name), f"2026-01-01T00.00.{self.runs:02d}.000Z"),
            )
            for name in VERSIONED
        }
        raw = JSONDataset(filepath=str(self.folder / "raw.json"))
        records = WorkFolderDataset(filepath=str(self.folder / "records"))
        parameters = {f"params:{k}": MemoryDataset(v) for k, v in self.parameters.items()}
        return DataCatalog({"raw": raw, "node_records": records, **made, **parameters})

    def run(self, pipeline: Pipeline = STUDY) -> list[str]:
        """Return the names of the nodes that ran."""
        self.runs += 1
        catalog = self.catalog()
        plan = list(why_to_run(pipeline, catalog))
        hooks = _create_hook_manager()
        hooks.register(NodeRecords())
        IncrementalRunner().run(pipeline, catalog, hooks)
        return plan

    def why(self) -> dict[str, list[str]]:
        return why_to_run(STUDY, self.catalog())

    def text(self) -> str:
        return str(self.catalog().load("text"))


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def test_the_first_run_runs_all_and_the_second_nothing(study):
    assert study.run() == ["double", "add", "write"]
    assert study.text() == "It is 11."
    assert study.run() == []
    assert len(list((study.folder / "text.json").iterdir())) == 1


def test_a_parameter_runs_its_node_and_what_follows_and_says_so(study):
    study.run()
    study.parameters["offset"] = 7
    assert study.why()["add"] == ["parameter offset changed 1 → 7"]
    assert study.run() == ["add", "write"]
    assert study.text() == "It is 17."
    assert study.run() == []


def test_an_input_from_outside_is_known_by_its_content(study):
    study.run()
    (study.folder / "raw.json").write_text('{"x": 5}')  # written again, the same
    assert study.run() == []
    (study.folder / "raw.json").write_text('{"x": 6}')
    assert study.run() == ["double", "add", "write"]
    assert study.text() == "It is 13."


def test_a_missing_output_is_made_again(study):
    study.run()
    shutil.rmtree(study.folder / "sum.json")
    assert study.why()["add"] == ["output sum is missing"]
    assert study.run() == ["add", "write"]


def test_an_output_thrown_away_is_not_replaced_by_an_older_one(study):
    study.run()
    study.parameters["offset"] = 7
    study.run()
    newest = max((study.folder / "sum.json").iterdir())
    shutil.rmtree(newest)
    assert study.why()["add"] == ["output sum is of another run"]


def test_after_a_crash_what_had_finished_is_not_run_again(study):
    study.parameters["offset"] = "stop"
    with pytest.raises(RuntimeError, match="a power cut"):
        study.run()
    study.parameters["offset"] = 1
    assert study.run() == ["add", "write"]
    assert study.text() == "It is 11."


def test_two_versions_lie_side_by_side_and_either_can_be_used(study):
    study.run()
    study.parameters["factor"] = 3
    study.run()
    old, new = sorted(path.name for path in (study.folder / "doubled.json").iterdir())
    study.pins = {"doubled": old}
    assert study.run() == ["add", "write"]
    assert study.text() == "It is 11."
    study.pins = {}
    assert study.run() == ["add", "write"]
    assert study.text() == "It is 16."
    kept = {
        path.name: json.loads((path / "doubled.json").read_text())
        for path in (study.folder / "doubled.json").iterdir()
    }
    assert kept == {old: 10, new: 15}


def test_a_damaged_record_costs_a_run_and_no_more(study):
    study.run()
    (study.folder / "records" / "write.json").write_text('{"code": ')
    assert study.run() == ["write"]


def test_what_is_not_kept_is_made_again_for_those_who_need_it(study):
    in_memory = Pipeline(
        [
            Node(double, ["raw", "params:factor"], "passing", name="double"),
            Node(add, ["passing", "params:offset"], "sum", name="add"),
            Node(write, "sum", "text", name="write"),
        ]
    )
    study.run(in_memory)
    assert study.run(in_memory) == []
    study.parameters["offset"] = 2
    assert study.run(in_memory) == ["double", "add", "write"]


def test_a_dry_run_says_why_and_touches_nothing(study, capsys):
    study.run()
    study.parameters["factor"] = 4
    before = sorted(str(path) for path in study.folder.rglob("*"))
    assert DryRunner().run(STUDY, study.catalog()) == {}
    assert sorted(str(path) for path in study.folder.rglob("*")) == before
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "3 of 3 nodes would run:",
        "  double  parameter factor changed 2 → 4",
        "  add     doubled is made anew",
        "  write   sum is made anew",
    ]


def test_code_that_differs_from_the_record_is_named(study):
    study.run()
    path = study.folder / "records" / "write.json"
    record = json.loads(path.read_text())
    record["code"]["cosmop.reports.words"] = "0" * 64
    path.write_text(json.dumps(record))
    assert study.why() == {"write": ["code changed: reports.words"]}


def test_who_reads_a_pinned_version_does_not_wait_for_its_maker(study):
    both = Pipeline(
        [
            Node(
                lambda x, f: (x["x"] * f, f),
                ["raw", "params:factor"],
                ["doubled", "sum"],
                name="two",
            ),
            Node(write, "doubled", "text", name="write"),
        ]
    )
    study.run(both)
    study.parameters["factor"] = 3
    study.pins = {"doubled": next((study.folder / "doubled.json").iterdir()).name}
    assert list(why_to_run(both, study.catalog())) == ["two"]
