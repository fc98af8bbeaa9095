"""A process that hashes what it is told: ``python -m cosmop.imaging.hash_worker``.

Its first line of input holds the options, every further one a list of files; each is answered by a
list of rows.
"""

from collections.abc import Callable
from pathlib import Path

from cosmop.imaging.hash_rows import HashingOptions, HashRow, hash_files
from cosmop.imaging.line_workers import answer_lines


def _prepare(line: str) -> Callable[[list[str]], list[HashRow]]:
    options = HashingOptions.model_validate_json(line)
    return lambda names: hash_files([Path(name) for name in names], options)


if __name__ == "__main__":
    answer_lines(_prepare)
