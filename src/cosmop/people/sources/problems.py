"""What was wrong with a source of photographs: counted, told, and gone on without."""

import logging
from collections.abc import Iterable

import pandas as pd

_COLUMNS = ["source", "problem", "n", "example"]
_LONGEST_EXAMPLE = 160


class Problems:
    """Counts what is left out of one source, by kind, with the first example of each."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._counts: dict[str, int] = {}
        self._examples: dict[str, str] = {}

    def note(self, problem: str, *examples: str) -> None:
        """Count `problem` once for each example; nothing happens without one."""
        if examples:
            self._count(problem, len(examples), examples[0])

    def take_over(self, other: "Problems") -> None:
        """Count what another one has counted, too."""
        for problem, n in other._counts.items():
            self._count(problem, n, other._examples[problem])

    def first(self) -> str:
        """Return the first example of the first problem, empty without any."""
        return next(iter(self._examples.values()), "")

    def _count(self, problem: str, n: int, example: str) -> None:
        self._counts[problem] = self._counts.get(problem, 0) + n
        self._examples.setdefault(problem, printable(example)[:_LONGEST_EXAMPLE])

    def table(self) -> pd.DataFrame:
        """Return columns source, problem, n and example, one row per kind of problem."""
        rows = [
            (self.source, problem, n, self._examples[problem])
            for problem, n in self._counts.items()
        ]
        return pd.DataFrame(rows, columns=_COLUMNS).astype({"n": "int64"})

    def words(self) -> str:
        """Return what is not as it should be, in a few words."""
        told = [
            f"{problem}: {n:,}, first {self._examples[problem]}"
            for problem, n in self._counts.items()
        ]
        return "; ".join(told) or "nothing is missing or damaged"

    def sentence(self, used: int) -> str:
        """Say in one sentence how many photographs are used and what is not as it should be."""
        return f"Source {self.source}: {used:,} photographs are used; {self.words()}."

    @property
    def log_level(self) -> int:
        """A warning if there is anything to warn of."""
        return logging.WARNING if self._counts else logging.INFO


def problem_table(all_problems: Iterable[Problems]) -> pd.DataFrame:
    """Return the tables of several sources as one."""
    tables = [problems.table() for problems in all_problems]
    return pd.concat(tables, ignore_index=True)


def printable(text: str) -> str:
    """Return `text` with everything replaced that a table or a terminal could choke on."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if letter.isprintable() else "?" for letter in whole)
