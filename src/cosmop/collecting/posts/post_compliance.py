"""Which archived posts were withdrawn since.

X's terms ask those who keep posts to remove what is deleted, protected, suspended or withheld
(X Developer Policy, "Content compliance").
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pandas as pd

from cosmop.collecting.posts.compliance_jobs import ComplianceJobs
from cosmop.collecting.posts.post_archive import PostArchive
from cosmop.collecting.posts.post_lookup import LookUp
from cosmop.collecting.posts.post_options import PostOptions
from cosmop.collecting.posts.x_api import NoAnswerError, XApi
from cosmop.errors import InputError


def check_archived_posts(
    options: PostOptions, token: str | None, host_addresses: Mapping[str, str], work: Path
) -> pd.DataFrame:
    """Drop posts that were withdrawn since from the archive in ``work/posts``.

    A look-up costs what reading the posts again costs and keeps within `max_posts` and
    `max_cost_usd`; a job costs nothing. An empty archive needs no token.

    Returns:
        All posts ever withdrawn from this archive, found in this pass or before: post_id, reason
        (deleted, protected, suspended, withheld; from a job also deactivated, bounced), found_at.

    Raises:
        InputError: No token, another process works in the folder, or the API gives no answer; what
            was found until then is dropped, and the next pass goes on there.
    """
    folder = Path(work) / "posts"
    with closing(PostArchive(folder)) as archive:
        if archive.post_ids:
            with closing(XApi(token, options, host_addresses)) as api:
                _check(api, archive, folder, options, host_addresses)
        return archive.withdrawn


def _check(
    api: XApi,
    archive: PostArchive,
    folder: Path,
    options: PostOptions,
    host_addresses: Mapping[str, str],
) -> None:
    try:
        if options.compliance == "job":
            jobs = ComplianceJobs(api, folder / "job.json", options, host_addresses)
            with closing(jobs):
                archive.withdraw(jobs.check(archive.post_ids))
        else:
            with LookUp(api, archive, folder, options) as look_up:
                look_up.run()
    except NoAnswerError as error:
        raise InputError(
            f"The check of archived posts wants an answer of the X API, but got none ({error}); "
            "run the same command again later, it goes on where it ended."
        ) from None
