import pytest

from cosmop.reports.tables import markdown_table, results_markdown, results_table

_METRICS = {
    "person_filter": {"accuracy": {"value": 0.912, "low": 0.884, "high": 0.934, "n": 312}},
    "images": 900,
    "duplicates": {"against_truth": {"recall": {"value": 1.0}}, "groups": 12},
}


def test_the_terminal_table_is_aligned_in_blocks():
    expected = """\
  images                  900

Person filter
  accuracy                0.912 [0.884, 0.934] n=312

Duplicates
  against truth · recall  1.000
  groups                  12"""
    assert results_table(_METRICS) == expected


def test_no_metrics_make_an_empty_table():
    assert results_table({}) == "" == results_markdown({})


def test_the_markdown_results_have_a_table_per_section():
    expected = """\
| figure | value | 95 % interval | n |
| --- | ---: | ---: | ---: |
| images | 900 |  |  |

## Person filter

| figure | value | 95 % interval | n |
| --- | ---: | --- | ---: |
| accuracy | 0.912 | [0.884, 0.934] | 312 |"""
    assert results_markdown(_METRICS).startswith(expected)


def test_a_markdown_cell_cannot_break_the_table():
    table = markdown_table(("reason", "n"), [("a|b\nc", 3)])

    assert table.splitlines()[2] == "| a\\|b c | 3 |"


def test_a_row_with_too_many_cells_is_refused():
    with pytest.raises(ValueError, match=r"needs 1 cells, got \(1, 2\)"):
        markdown_table(("n",), [(1, 2)])
