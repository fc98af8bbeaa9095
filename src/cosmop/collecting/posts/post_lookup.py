"""Checking archived posts by asking for them again, a hundred at a time."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cosmop.collecting.json_lines import JsonLines
from cosmop.collecting.posts.post_archive import PostArchive, dict_at, objects, texts
from cosmop.collecting.posts.post_costs import Spending
from cosmop.collecting.posts.post_options import PostOptions
from cosmop.collecting.posts.x_api import XApi
from cosmop.progress import track

logger = logging.getLogger(__name__)

_MOST_IDS = 100  # of one request


class LookUp:
    """Asks for the posts of `archive` again and withdraws those that are gone.

    When each was checked lies in ``folder/checked.jsonl``: those not checked for longest come
    first, so that a pass that ends early, killed or at a limit, is gone on with by the next.
    """

    def __init__(self, api: XApi, archive: PostArchive, folder: Path, options: PostOptions) -> None:
        self._api = api
        self._archive = archive
        self._post_usd = options.prices.posts_usd
        self._spending = Spending(folder / "spent", options)
        self._checked = JsonLines(folder / "checked.jsonl")

    def run(self) -> None:
        """Check all that the limits allow, and say what is left.

        Raises:
            NoAnswerError: The API refuses; batches before that count.
        """
        ids = self._longest_unchecked()
        usd = sum(not self._spending.is_paid(post_id) for post_id in ids) * self._post_usd
        logger.info("Checking %d archived posts, at most $%.2f", len(ids), usd)
        done = 0
        batches = [ids[start : start + _MOST_IDS] for start in range(0, len(ids), _MOST_IDS)]
        for batch in track(batches, "Checking posts", unit="request"):
            affordable = self._affordable(batch)
            done += self._ask(affordable) if affordable else 0
            if len(affordable) < len(batch):
                reason = self._spending.reason(self._post_usd)
                logger.warning("%d archived posts were not checked: %s", len(ids) - done, reason)
                return
        if done < len(ids):
            logger.warning("The X API said nothing about %d archived posts", len(ids) - done)

    def _longest_unchecked(self) -> list[str]:
        times = {
            post_id: str(row.get("checked_at"))
            for row in self._checked.rows
            for post_id in texts(row, "post_ids")
        }
        return sorted(self._archive.post_ids, key=lambda post_id: times.get(post_id, ""))

    def _affordable(self, batch: list[str]) -> list[str]:
        """Return the first ids of a batch that stay within the limits; today's posts are free."""
        allowed, chosen = self._spending.posts_allowed(self._post_usd), []
        for post_id in batch:
            allowed -= not self._spending.is_paid(post_id)
            if allowed < 0:
                break
            chosen.append(post_id)
        return chosen

    def _ask(self, ids: list[str]) -> int:
        """Check one batch; return of how many posts the API said anything."""
        body = self._api.posts(ids)
        present = {str(post.get("id")) for post in objects(body, "data")} & set(ids)
        self._spending.count(present)
        gone = {key: reason for key, reason in reasons_of(body).items() if key in ids}
        self._archive.withdraw(gone)
        answered = sorted(present | gone.keys())
        checked_at = datetime.now(UTC).isoformat(timespec="microseconds")
        self._checked.append({"checked_at": checked_at, "post_ids": answered})
        return len(answered)

    def close(self) -> None:
        """Close the files."""
        self._spending.close()
        self._checked.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def reasons_of(body: dict[str, Any]) -> dict[str, str]:
    """Return why posts are gone, by id, as a look-up words it (docs.x.com, partial errors).

    deleted, suspended, withheld, or protected; the API words the last like a suspension unless it
    says so. Other errors tell nothing about a post.
    """
    reasons = {
        str(post.get("id")): "withheld"
        for post in objects(body, "data")
        if dict_at(post, "withheld")
    }
    for error in objects(body, "errors"):
        kind = str(error.get("type", "")).rpartition("/")[2]
        post_id = str(error.get("resource_id") or error.get("value") or "")
        if kind == "resource-not-found":
            reasons[post_id] = "deleted"
        elif kind == "not-authorized-for-resource":
            is_suspended = "suspend" in str(error.get("detail", "")).lower()
            reasons[post_id] = "suspended" if is_suspended else "protected"
    return reasons
