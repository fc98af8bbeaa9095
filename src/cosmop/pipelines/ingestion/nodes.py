"""Nodes of the ingestion pipeline."""

import pandas as pd

from cosmop.collecting.download import DownloadOptions
from cosmop.collecting.queries import QueryOptions
from cosmop.collecting.search import SearchOptions
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore


def build_queries(options: QueryOptions) -> pd.DataFrame:
    """Write the search queries: countries × templates, and keywords as they are."""
    from cosmop.collecting import queries

    return queries.build_queries(options)


def search_images(
    search_queries: pd.DataFrame,
    options: SearchOptions,
    x_api_token: str | None,
    host_addresses: dict[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask every source for candidates; a source that fails is a row in the log."""
    from cosmop.collecting import search

    found = search.search_images(
        search_queries, options, bearer_token=x_api_token, host_addresses=host_addresses
    )
    return found.candidates, found.log


def download_images(
    image_candidates: pd.DataFrame,
    image_store: ImageStore,
    options: DownloadOptions,
    host_addresses: dict[str, str],
) -> tuple[ImageSet, pd.DataFrame]:
    """Fetch the candidates into the store; what cannot be used is a row with its reason."""
    from cosmop.collecting import download

    fetched = download.download_images(
        image_candidates, image_store, options, host_addresses=host_addresses
    )
    return fetched.images, fetched.log
