"""Tables made by code: aligned text for the terminal, Markdown for ``docs/results``."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real

from cosmop.reports.estimates import (
    FIGURE_COLUMNS,
    figure_row,
    flatten_metrics,
    format_cell,
    path_words,
    title_of,
)


def results_table(metrics: Mapping[str, object]) -> str:
    """Lay out nested metrics as aligned plain text, one block per top-level name.

    Args:
        metrics: ``{section: {name: estimate | number | text}}``, nested as deep as wanted; figures
            that stand on the top level come first, without a heading.

    Returns:
        Text without a trailing newline; empty for empty metrics.
    """
    sections = _sections(metrics)
    width = max((len(name) for rows in sections.values() for name, _ in rows), default=0)
    blocks = []
    for heading, rows in sections.items():
        lines = [title_of(heading)] if heading else []
        lines += [f"  {name.ljust(width)}  {format_cell(raw)}".rstrip() for name, raw in rows]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def results_markdown(metrics: Mapping[str, object], *, heading_level: int = 2) -> str:
    """Lay out nested metrics as Markdown: one table with value, 95 % interval and n per section."""
    blocks = []
    for heading, rows in _sections(metrics).items():
        table = markdown_table(FIGURE_COLUMNS, [figure_row(*row) for row in rows])
        title = f"{'#' * heading_level} {title_of(heading)}\n\n" if heading else ""
        blocks.append(title + table)
    return "\n\n".join(blocks)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out rows as a Markdown table; columns of numbers are right-aligned, pipes are escaped.

    Raises:
        ValueError: A row has more or fewer cells than there are columns.
    """
    rows = [tuple(row) for row in rows]
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"A row of this table needs {len(columns)} cells, got {row!r}.")
    rules = [
        "---:" if _is_numeric([row[i] for row in rows]) else "---" for i in range(len(columns))
    ]
    lines = [columns, rules, *([_escape(format_cell(cell)) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _sections(metrics: Mapping[str, object]) -> dict[str, list[tuple[str, object]]]:
    sections: dict[str, list[tuple[str, object]]] = {}
    for path, raw in flatten_metrics(metrics):
        heading, names = (path[0], path[1:]) if len(path) > 1 else ("", path)
        sections.setdefault(heading, []).append((path_words(names), raw))
    return dict(sorted(sections.items(), key=lambda item: item[0] != ""))


def _is_numeric(cells: Sequence[object]) -> bool:
    return bool(cells) and all(
        isinstance(cell, Real) or (isinstance(cell, str) and _reads_as_number(cell))
        for cell in cells
    )


def _reads_as_number(text: str) -> bool:
    return text == "" or text.replace(",", "").replace(".", "", 1).removeprefix("-").isdigit()


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
