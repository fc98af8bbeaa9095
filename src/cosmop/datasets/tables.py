"""Tables, JSON documents and feature tables."""

import csv
import json
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview, TablePreview

from cosmop.classifiers.feature_table import FeatureTable
from cosmop.datasets.versioned_path import VersionedPathDataset
from cosmop.errors import InputError

_PREVIEW_ROWS = 20
_PREVIEW_KEYS, _PREVIEW_LETTERS = 100, 300


def _table_preview(table: pd.DataFrame, nrows: int) -> TablePreview:
    shown = table.head(nrows).copy()
    for name in shown.columns:
        if not pd.api.types.is_numeric_dtype(shown[name]):
            shown[name] = shown[name].astype(str).str.slice(0, 80)
    return TablePreview(json.loads(shown.to_json(orient="split", date_format="iso")))


class TableDataset(VersionedPathDataset[pd.DataFrame]):
    """A Parquet table."""

    def _read(self, path: Path) -> pd.DataFrame:
        return pd.read_parquet(path)

    def _write(self, path: Path, data: pd.DataFrame) -> None:
        data.to_parquet(path, index=False)

    def preview(self, nrows: int = _PREVIEW_ROWS) -> TablePreview:
        """Return the first rows for kedro-viz."""
        return _table_preview(self._read(self._existing_path()), nrows)


class OptionalTableDataset(TableDataset):
    """A Parquet table that may be absent, which reads as no rows: the demo's truth, for one."""

    def load(self) -> pd.DataFrame:
        """Return the table, or an empty one."""
        return super().load() if self._exists() else pd.DataFrame()

    def preview(self, nrows: int = _PREVIEW_ROWS) -> TablePreview:
        """Return the first rows for kedro-viz; none when there is no table."""
        return super().preview(nrows) if self._exists() else _table_preview(pd.DataFrame(), 0)


class EveryVersionDataset(AbstractDataset[None, pd.DataFrame]):
    """All versions of a Parquet table, one below the other, each different row once.

    Args:
        filepath: That of the `TableDataset` whose versions are wanted.
        columns: Of the table.
        metadata: For kedro-viz.
    """

    def __init__(
        self, *, filepath: str, columns: list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = PurePosixPath(filepath)
        self._columns = columns
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Return the rows, those of the oldest version first.

        Raises:
            InputError: There is no version.
        """
        files = self._files()
        if not files:
            raise InputError(
                f"This run needs all versions of {self._filepath}, but there is none; run the "
                "pipeline that makes it first."
            )
        versions = (pd.read_parquet(file, columns=self._columns) for file in files)
        rows = next(versions).drop_duplicates(ignore_index=True)
        for version in versions:  # one at a time in memory: most of it is known already
            rows = pd.concat([rows, version]).drop_duplicates(ignore_index=True)
        return rows

    def fingerprint(self) -> str:
        """Return what changes when there is another version."""
        return " ".join(file.parent.name for file in self._files()[-1:])

    def _files(self) -> list[Path]:
        return sorted(Path(self._filepath).glob(f"*/{self._filepath.name}"))

    def save(self, data: None) -> None:
        """Refuse: versions are saved one by one."""
        raise DatasetError(f"All versions of {self._filepath} cannot be saved, got {data!r}.")

    def _exists(self) -> bool:
        return bool(self._files())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "columns": self._columns}

    def preview(self, nrows: int = _PREVIEW_ROWS) -> TablePreview:
        """Return the first rows for kedro-viz."""
        return _table_preview(self.load(), nrows)


class OptionalCSVDataset(AbstractDataset[None, pd.DataFrame]):
    """A CSV table that a person may have written; where there is none, it has no columns.

    All cells are text, and the index says in which line of the file a row is.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = PurePosixPath(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Return the table.

        Raises:
            InputError: The file is no UTF-8 CSV table, or a row has too many or too few cells.
        """
        path = Path(self._filepath)
        if not path.exists():
            return pd.DataFrame()
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path} must be a CSV table in UTF-8, got other bytes ({error}); save it as UTF-8."
            ) from error
        return _parse_csv(text, path)

    def save(self, data: None) -> None:
        """Refuse: a person writes this file."""
        raise InputError(f"{self._filepath} is written by people only, got {type(data).__name__}.")

    def _exists(self) -> bool:
        return Path(self._filepath).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def preview(self, nrows: int = _PREVIEW_ROWS) -> TablePreview:
        """Return the first rows for kedro-viz; none when there is no table."""
        return _table_preview(self.load(), nrows)


def _parse_csv(text: str, path: Path) -> pd.DataFrame:
    reader = csv.reader(text.splitlines())
    header = [name.strip() for name in next(reader, [])]
    lines, rows = [], []
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise InputError(
                f"{path} must have {len(header)} cells in each line, got {row} in line "
                f"{reader.line_num}; correct or delete that line."
            )
        lines.append(reader.line_num)
        rows.append([cell.strip() for cell in row])
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line"), dtype="str")


class JSONDataset(VersionedPathDataset[Any]):
    """A JSON document: metrics, label tasks, settings."""

    def _read(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(
                f"The file {path} must be a JSON document, got something else ({error}); delete "
                "this version and run the node that makes it again."
            ) from error

    def _write(self, path: Path, data: Any) -> None:
        text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    def preview(self, items: int = 10) -> JSONPreview:
        """Return the document for kedro-viz; what is long in it is cut, lists after `items`."""
        return JSONPreview(json.dumps(_shorten(self._read(self._existing_path()), items)))


class OptionalJSONDataset(JSONDataset):
    """A JSON document that may be absent, which reads as an empty mapping."""

    _held: Any = None

    def load(self) -> Any:
        """Return what is held, else the document, else an empty mapping."""
        if self._held is not None:
            return self._held
        return super().load() if self._exists() else {}

    def preview(self, items: int = 10) -> JSONPreview:
        """Return the document for kedro-viz; an empty one when there is none."""
        return super().preview(items) if self._exists() else JSONPreview("{}")

    def hold(self, data: Any) -> None:
        """Read as `data` in this run, whatever the document says; other runs do not see it."""
        self._held = data


def _shorten(value: Any, items: int) -> Any:
    if isinstance(value, list):
        rest = [f"… and {len(value) - items} more"] if len(value) > items else []
        return [_shorten(item, items) for item in value[:items]] + rest
    if isinstance(value, dict):
        shown = {key: _shorten(value[key], items) for key in islice(value, _PREVIEW_KEYS)}
        rest_of_it = len(value) - _PREVIEW_KEYS
        return shown | ({"…": f"and {rest_of_it} more"} if rest_of_it > 0 else {})
    if isinstance(value, str) and len(value) > _PREVIEW_LETTERS:
        return f"{value[:_PREVIEW_LETTERS]}…"
    return value


class FeatureTableDataset(VersionedPathDataset[FeatureTable]):
    """A folder with ``rows.parquet``, ``vectors.npy`` (float32 [N, D]) and ``extractor.json``.

    The vectors are mapped, not read: 6,000 maps of 100,352 features are 2.2 GiB. Changing them in
    place changes the copy in memory, never the file.
    """

    def _read(self, path: Path) -> FeatureTable:
        extractor = json.loads((path / "extractor.json").read_text(encoding="utf-8"))
        return FeatureTable(
            rows=pd.read_parquet(path / "rows.parquet"),
            vectors=np.load(path / "vectors.npy", mmap_mode="c", allow_pickle=False),
            extractor=extractor,
        )

    def _write(self, path: Path, data: FeatureTable) -> None:
        path.mkdir()
        data.rows.to_parquet(path / "rows.parquet", index=False)
        np.save(path / "vectors.npy", data.vectors, allow_pickle=False)
        text = json.dumps(dict(data.extractor), indent=1)
        (path / "extractor.json").write_text(text, encoding="utf-8")

    def preview(self, nrows: int = _PREVIEW_ROWS) -> TablePreview:
        """Return the first rows with the first features for kedro-viz."""
        table = self._read(self._existing_path())
        first = pd.DataFrame(np.round(table.vectors[:nrows, :6], 3)).add_prefix("feature_")
        return _table_preview(pd.concat([table.rows.head(nrows), first], axis=1), nrows)
