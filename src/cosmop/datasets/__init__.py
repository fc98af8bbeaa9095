"""Everything the catalog can hold: tables, image sets, models, snapshots, pages, pictures."""

from cosmop.datasets.exports import CardsDataset, ExportFolderDataset
from cosmop.datasets.folders import FolderDataset, ImageStoreDataset, LabelExportDataset
from cosmop.datasets.images import ImageSetDataset
from cosmop.datasets.models import ModelDataset, SklearnModelDataset
from cosmop.datasets.pages import FigureDataset, PageDataset, PagesDataset
from cosmop.datasets.pictures import (
    ExportDataset,
    PictureDataset,
    TensorsDataset,
    Video,
    VideoDataset,
)
from cosmop.datasets.secrets import SecretDataset, SecretsDataset
from cosmop.datasets.snapshots import SnapshotsDataset, WorkspaceDataset
from cosmop.datasets.tables import (
    EveryVersionDataset,
    FeatureTableDataset,
    JSONDataset,
    OptionalCSVDataset,
    OptionalJSONDataset,
    OptionalTableDataset,
    TableDataset,
)
from cosmop.datasets.work_folders import InputFolderDataset, WorkFolder, WorkFolderDataset

__all__ = [
    "CardsDataset",
    "EveryVersionDataset",
    "ExportDataset",
    "ExportFolderDataset",
    "FeatureTableDataset",
    "FigureDataset",
    "FolderDataset",
    "ImageSetDataset",
    "ImageStoreDataset",
    "InputFolderDataset",
    "JSONDataset",
    "LabelExportDataset",
    "ModelDataset",
    "OptionalCSVDataset",
    "OptionalJSONDataset",
    "OptionalTableDataset",
    "PageDataset",
    "PagesDataset",
    "PictureDataset",
    "SecretDataset",
    "SecretsDataset",
    "SklearnModelDataset",
    "SnapshotsDataset",
    "TableDataset",
    "TensorsDataset",
    "Video",
    "VideoDataset",
    "WorkFolder",
    "WorkFolderDataset",
    "WorkspaceDataset",
]
