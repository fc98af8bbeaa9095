"""Change a finished study in every way, run it, and write down which nodes ran.

python -m docs.results.incremental

from the repository's root; it takes a quarter of an hour, and runs `conf/test` in a folder of its
own. It stops at the first run that does not run exactly the nodes that the graph asks for.
"""

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmop.reports.tables import markdown_table
from tests.incremental import (
    ChangingStudy,
    following,
    makers_of,
    nodes_with,
    readers_of,
    study,
    takers_of,
)
from tests.project import copy_project, kedro

PAGE = Path(__file__).with_suffix(".md")
PARAMETERS = {
    "reporting.report.thumbnail_px": 120,
    "evaluation.distances.seed": 1,
    "evaluation.one_class.nu": 0.3,
    "generation.sampling.truncation": 0.9,
    "annotation.split.seed": 1,
    "preprocessing.duplicates.radius_bits": 7,
    "person_filter.training.epochs": 5,
    "ingestion.download.slots": 3,
}
EDITED = (
    "cosmop.reports.study",
    "cosmop.metrics.judgement",
    "cosmop.metrics.kernel",
    "cosmop.labels.splits",
)
DELETED = ("confusion_plot", "distances", "synthetic_images")
KILLED_IN, KILLED_AFTER_S = "train_stylegan2", 2.0
SHOWN = 3  # names in a cell of the table


@dataclass(frozen=True)
class Row:
    """One change, what ran because of it, and how long the whole command took."""

    change: str
    touched: set[str]
    ran: list[str]
    reason: str
    seconds: float


def main() -> None:
    """Make a study, change it, and write the page."""
    os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "1")
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        project.mkdir()
        began = time.monotonic()
        done = kedro(copy_project(project), "run", "--env=test", timeout_s=600)
        if done.returncode:
            sys.exit(done.stderr)
        whole = time.monotonic() - began
        changing = ChangingStudy(project, Path(folder) / "src")
        rows = list(_rows(changing))
    PAGE.write_text(_page(rows, whole), encoding="utf-8")


def _rows(changing: ChangingStudy) -> Iterator[Row]:
    yield _run(changing, "nothing", set())
    changing.reword(EDITED[0])
    yield _run(changing, f"docstring and comments of `{EDITED[0]}`", set())
    for name, value in PARAMETERS.items():
        changing.parameters[name] = value
        yield _run(changing, f"`--params={name}={value}`", takers_of(name))
    for module in EDITED:
        changing.edit(module)
        yield _run(changing, f"a statement in `{module}`", nodes_with(module))
    for name in DELETED:
        shutil.rmtree(changing.versions(name)[-1])
        yield _run(changing, f"newest version of `{name}` deleted", makers_of(name))
    yield from _versions(changing)
    yield from _power_cut(changing)


def _run(
    changing: ChangingStudy, change: str, touched: set[str], spared: Collection[str] = ()
) -> Row:
    """Run what changed, and compare that with the nodes that were touched and all that follow."""
    began = time.monotonic()
    ran = changing.run()
    seconds = time.monotonic() - began
    differing = set(ran) ^ (following(touched) - set(spared))
    if differing:
        sys.exit(f"{change}: {sorted(differing)} should not differ\n{changing.plan()}")
    reasons = changing.reasons()
    why = next((reasons[name] for name in ran if name in touched), "")
    sys.stderr.write(f"{change}: {len(ran)} nodes, {seconds:.0f} s\n")
    return Row(change, touched, ran, why, seconds)


def _versions(changing: ChangingStudy) -> Iterator[Row]:
    """Use an older generator, then the newest again."""
    readers = readers_of("generator")
    changing.pins["generator"] = changing.versions("generator")[0].name
    yield _run(changing, "`--load-versions=generator:…`, the first one", readers)
    changing.pins.clear()
    yield _run(changing, "without `--load-versions` again", readers)


def _power_cut(changing: ChangingStudy) -> Iterator[Row]:
    """Kill the process in the middle of a training, and start the same command again."""
    name = "annotation.split.seed"
    changing.parameters[name] = 2
    began = time.monotonic()
    finished = changing.run_and_kill_in(KILLED_IN, KILLED_AFTER_S)
    why = changing.reasons()[finished[0]]
    change = f"`--params={name}=2`, killed (`kill -9`) {KILLED_AFTER_S:g} s into `{KILLED_IN}`"
    yield Row(change, {finished[0]}, finished, why, time.monotonic() - began)
    yield _run(changing, "the same command again", takers_of(name), spared=finished)
    yield _run(changing, "and once more", set())


def _page(rows: list[Row], whole: float) -> str:
    count = len(study().nodes)
    cells = [
        [row.change, f"{len(row.ran)} of {count}", _which(row), row.reason, f"{row.seconds:.0f}"]
        for row in rows
    ]
    columns = ["change", "nodes that ran", "which", "said of the first", "seconds"]
    return f"""# Only what changed

Made by code: `python -m docs.results.incremental`, Python {platform.python_version()} on
{os.cpu_count()} {platform.machine()} cores that others used, too. The study of `conf/test` ran once
in full ({count} nodes, {whole:.0f} s). Then each change below was made, on top of those before it,
and

```bash
kedro run --env=test --runner=cosmop.runners.IncrementalRunner
```

was started in a new process, with the `--params` given so far. The nodes that ran are those that
Kedro reports as completed. Each time they were compared with what the graph asks for: the nodes
that the change touches, and all that follow from them. Parameters are looked up in the wiring,
edited modules in import-linter's import graph, both without the runner's own code; a single
difference would have stopped the script, and there would be no page. The seconds include Python's
start and the imports, {rows[0].seconds:.0f} s here, which a run of no nodes takes as well.

{markdown_table(columns, cells)}

`--params` count for the run they are given to: without them the next run goes back, and says so.
What a node is compared with is its own last run, so an older version that was used for a while
(`--load-versions`) costs the nodes that read it twice. No version is deleted by any of this.

`tests/pipelines/test_incremental.py` checks a part of this table on every change of the code, and
a parameter of every stage by `cosmop.runners.DryRunner`.
"""


def _which(row: Row) -> str:
    if not row.ran:
        return "none"
    shown = [name for name in row.ran if name in row.touched] or row.ran
    words = ", ".join(f"`{name}`" for name in shown[:SHOWN])
    more = len(row.ran) - len(shown[:SHOWN])
    return f"{words} and {more} more" if more else words


if __name__ == "__main__":
    main()
