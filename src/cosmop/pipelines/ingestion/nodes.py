"""Nodes of the ingestion pipeline."""

from typing import Any

import pandas as pd

from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.queries import QueryOptions
from cosmop.collecting.searching.search_options import SearchOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore


def build_queries(options: QueryOptions) -> pd.DataFrame:
    """Write the search queries: countries × templates, keywords, hashtags."""
    from cosmop.collecting import queries

    return queries.build_queries(options)


def search_images(
    search_queries: pd.DataFrame,
    options: SearchOptions,
    providers: dict[str, Any],
    x_api_token: str | None,
    provider_keys: dict[str, str],
    host_addresses: dict[str, str],
    search_work: WorkFolder,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask every source for candidates; a source that fails is a row in the log."""
    from cosmop.collecting.searching import search

    found = search.search_images(
        search_queries,
        options,
        providers,
        bearer_token=x_api_token,
        host_addresses=host_addresses,
        work=search_work.path,
        provider_keys=provider_keys,
    )
    return found.candidates, found.log


def download_images(
    image_candidates: pd.DataFrame,
    image_store: ImageStore,
    options: DownloadOptions,
    host_addresses: dict[str, str],
    download_work: WorkFolder,
) -> tuple[ImageSet, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fetch the candidates into the store; what cannot be used is a row with its reason."""
    from cosmop.collecting.downloads import download

    fetched = download.download_images(
        image_candidates,
        image_store,
        options,
        host_addresses=host_addresses,
        work=download_work.path,
    )
    return fetched.images, fetched.log, fetched.hashes, fetched.statistics
