import re

import pytest
from kedro.pipeline import Node, Pipeline

from cosmop.run_names import misnamed


def same(text):
    return text


FIRST = Node(same, "found", "texts", name="write", tags=["early"])
SECOND = Node(same, "texts", "pages", name="print", tags=["late"])
APART = Node(same, "pages", "dust", name="burn")
PIPELINES = {
    "__default__": Pipeline([FIRST, SECOND]),
    "writing": Pipeline([FIRST]),
    "burning": Pipeline([APART]),
    "many": Pipeline([Node(same, "dust", f"dust_{n}", name=f"node{n:02}") for n in range(21)]),
}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"pipeline_names": ["writting"]}, "`--pipelines` must name pipelines, got 'writting'"),
        ({"pipeline_names": ["writting"]}, "did you mean 'writing'?"),
        ({"pipeline_names": ["xyz"]}, "known are burning, many, writing."),
        ({"node_names": ["wriite"]}, "`--nodes` must name nodes of the whole study, got 'wriite'"),
        ({"from_nodes": ["print", "pint"]}, "`--from-nodes` * got 'pint'; did you mean 'print'?"),
        ({"to_nodes": ["q"]}, "`--to-nodes` * known are print, write."),
        ({"to_nodes": ["burn"]}, "got 'burn'; add `--pipelines=burning`, which has it."),
        ({"tags": ["erly"]}, "`--tags` must name tags * did you mean 'early'?"),
        ({"from_inputs": ["page"]}, "`--from-inputs` must name data sets * did you mean 'pages'?"),
        ({"to_outputs": ["text"]}, "`--to-outputs` must name data sets * did you mean 'texts'?"),
        ({"pipeline_names": ["writing"], "node_names": ["print"]}, "nodes of writing, got 'print'"),
        ({"pipeline_names": ["many"], "node_names": ["zz"]}, "'zz'; `make viz` shows them all."),
        ({"tags": ["early"], "node_names": ["print"]}, "No node fits all of --nodes, --tags"),
    ],
)
def test_a_name_that_is_not_there_is_one_sentence(asked, told):
    sentence = misnamed(PIPELINES, asked)

    assert sentence is not None
    assert re.search(told.replace("?", r"\?").replace("*", ".*"), sentence), sentence


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"pipeline_names": ["writing", "burning"], "node_names": ["write", "burn"]},
        {"tags": ["late"], "from_inputs": ["texts"], "to_outputs": ["pages"], "from_nodes": None},
    ],
)
def test_names_that_are_there_are_no_mistake(asked):
    assert misnamed(PIPELINES, asked) is None
