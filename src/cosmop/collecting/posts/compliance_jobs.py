"""Checking archived posts by a batch compliance job: ids go up, what became of them comes down.

docs.x.com/x-api/compliance/batch-compliance: a job takes many ids, costs nothing per post, and
needs an account that may use it. One job runs at a time, so one that was left behind is picked up.
"""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from cosmop.collecting.posts.post_archive import dict_at
from cosmop.collecting.posts.post_options import PostOptions
from cosmop.collecting.posts.x_api import NoAnswerError, TimedAdapter, XApi

logger = logging.getLogger(__name__)

_STILL_THERE = "scrub_geo"  # only the place must go, and no place is archived


class ComplianceJobs:
    """Runs one job after another; the one that runs is remembered in `state`."""

    def __init__(
        self, api: XApi, state: Path, options: PostOptions, host_addresses: Mapping[str, str]
    ) -> None:
        self._api = api
        self._state = state
        self._options = options
        self._session = requests.Session()  # its own: storage addresses never see the token
        self._session.adapters.clear()
        self._session.mount("https://", TimedAdapter(options.timeout_s, host_addresses))

    def check(self, ids: list[str]) -> dict[str, str]:
        """Return why posts are gone, by id: deleted, deactivated, protected, suspended, bounced.

        Raises:
            NoAnswerError: The account has no such jobs, or the job fails or takes too long.
        """
        job_id = self._left_behind() or self._start(ids)
        job = self._wait_for(job_id)
        lines = self._send("GET", _address(job, "download_url")).splitlines()
        self._state.unlink(missing_ok=True)
        return {key: reason for key, reason in map(_verdict, lines) if key in set(ids)}

    def _left_behind(self) -> str:
        try:
            return str(json.loads(self._state.read_text(encoding="utf-8"))["job_id"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _start(self, ids: list[str]) -> str:
        job = dict_at(self._api.create_job("archived posts"), "data")
        self._send("PUT", _address(job, "upload_url"), "\n".join(ids))
        self._state.write_text(json.dumps({"job_id": str(job.get("id"))}), encoding="utf-8")
        logger.info("Compliance job %s checks %d archived posts", job.get("id"), len(ids))
        return str(job.get("id"))

    def _wait_for(self, job_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + self._options.job_wait_s
        while True:
            job = dict_at(self._api.job(job_id), "data")
            status = str(job.get("status"))
            if status == "complete":
                return job
            if status in ("failed", "expired"):
                self._state.unlink(missing_ok=True)
                raise NoAnswerError("failed", f"compliance job {job_id} has {status}")
            if time.monotonic() > deadline:
                waited = f"is {status} after {self._options.job_wait_s:.0f} s"
                raise NoAnswerError("timeout", f"compliance job {job_id} {waited}")
            time.sleep(self._options.job_poll_s)

    def _send(self, method: str, url: str, text: str | None = None) -> str:
        headers = {"Content-Type": "text/plain"} if text is not None else {}
        try:
            answer = self._session.request(method, url, data=text, headers=headers)
        except requests.RequestException as error:
            raise NoAnswerError("failed", f"storage of the job: {type(error).__name__}") from None
        if not answer.ok:
            raise NoAnswerError("failed", f"storage of the job: HTTP {answer.status_code}")
        return answer.text

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _address(job: Mapping[str, Any], name: str) -> str:
    url = str(job.get(name, ""))
    if not url.startswith("https://"):
        raise NoAnswerError("failed", f"the job has no {name}")
    return url


def _verdict(line: str) -> tuple[str, str]:
    """Read one line such as ``{"id": "1", "action": "delete", "reason": "deleted", …}``."""
    try:
        row = json.loads(line)
        post_id, reason = str(row["id"]), str(row.get("reason") or "deleted")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""
    return ("", "") if reason == _STILL_THERE else (post_id, reason)
