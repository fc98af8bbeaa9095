"""Nodes of the compliance pipeline."""

import logging

import pandas as pd

from cosmop.collecting.posts.post_options import PostOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.store import ImageStore

logger = logging.getLogger(__name__)


def check_posts(
    search_work: WorkFolder,
    options: PostOptions,
    x_api_token: str | None,
    host_addresses: dict[str, str],
) -> pd.DataFrame:
    """Ask which archived posts were withdrawn, and forget them."""
    from cosmop.collecting.posts.post_compliance import check_archived_posts

    return check_archived_posts(options, x_api_token, host_addresses, search_work.path)


def withdraw_images(
    withdrawn_posts: pd.DataFrame,
    removal_requests: pd.DataFrame,
    every_image_candidates: pd.DataFrame,
    every_download_log: pd.DataFrame,
    image_store: ImageStore,
    download_work: WorkFolder,
) -> pd.DataFrame:
    """Delete the images of withdrawn posts and those that people asked to have deleted.

    What earlier runs named counts too: their images lie in the store still.
    """
    from cosmop.collecting.downloads import withdrawals

    gone = withdrawals.find_withdrawn_images(
        withdrawn_posts, removal_requests, every_image_candidates, every_download_log
    )
    withdrawals.withdraw_images(gone, image_store, download_work.path)
    if not gone.empty:
        logger.info(
            "Tables name what was deleted until you make them anew (--from-nodes=download_images); "
            "docs/collecting.md says which copies are yours to delete."
        )
    return gone
