"""Registered models: a version per model that a run saved, its figures, and its champion."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cosmop.tracking.champions import Judgement, decide
from cosmop.tracking.packages import package

logger = logging.getLogger(__name__)

CHAMPION, NEWEST = "champion", "newest"
VERSION_TAG = "version"  # of the data set, as `kedro run --load-versions` takes it
_MODEL_TAG = "logged_model"
_JUDGED_BY = "champion.decided_by"


class ModelShelf:
    """The registered models of one MLflow store; doing a thing twice changes nothing.

    Args:
        client: MLflow's.
        experiment_id: Of new models.
    """

    def __init__(self, client: Any, experiment_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id

    def version_of(self, registered: str, version: str) -> Any:
        """Return the registered version of a data set's `version`, None if there is none."""
        return next(
            (item for item in self.versions(registered) if item.tags.get(VERSION_TAG) == version),
            None,
        )

    def versions(self, registered: str) -> Iterator[Any]:
        """Yield all versions of a registered model, the newest first."""
        token = None
        while True:
            page = self._client.search_model_versions(
                f"name = '{registered}'", order_by=["version_number DESC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def register(self, run_id: str, event: Mapping[str, Any]) -> None:
        """Make a logged model with its files, and a registered version with the alias newest."""
        registered = event["registered"]
        if self.version_of(registered, event["version"]) is not None:
            return
        model = self._logged_model(run_id, event)
        with tempfile.TemporaryDirectory() as folder:
            packed = Path(folder) / "model"
            package(event, packed)
            self._client.log_model_artifacts(model.model_id, str(packed))
        self._client.finalize_logged_model(model.model_id, "READY")
        if not self._client.search_registered_models(f"name = '{registered}'"):
            self._client.create_registered_model(registered)
        number = self._client.create_model_version(
            registered,
            source=model.artifact_location,
            run_id=run_id,
            model_id=model.model_id,
            tags=_tags(event) | {_MODEL_TAG: model.model_id},
            description=event["card"],
        ).version
        self._client.set_registered_model_alias(registered, NEWEST, number)

    def _logged_model(self, run_id: str, event: Mapping[str, Any]) -> Any:
        """Find the model that a broken attempt has left, or make one."""
        wanted = f"source_run_id = '{run_id}' AND name = '{event['name']}'"
        found = self._client.search_logged_models([self._experiment_id], filter_string=wanted)
        if found:
            return found[0]
        return self._client.create_logged_model(
            experiment_id=self._experiment_id,
            name=event["name"],
            source_run_id=run_id,
            params={"dataset": event["name"], "path": event["path"]},
            tags=_tags(event),
            model_type=event["name"],
        )

    def judge(self, run_id: str, event: Mapping[str, Any]) -> str | None:
        """Give a version its figures, and decide whether it becomes champion.

        Returns:
            The decision as a sentence; None if the version is not registered, or has been judged by
            this run already.
        """
        registered = event["registered"]
        version = self.version_of(registered, event["version"])
        if version is None or version.tags.get(_JUDGED_BY) == run_id:
            return None
        self._log_figures(run_id, version, event)
        new, number = Judgement.of(event), str(version.version)
        decision = decide(registered, number, new, self._champion_but(registered, number))
        if decision.is_champion:
            self._client.set_registered_model_alias(registered, CHAMPION, number)
        tags = decision.tags() | (new.tags() if new else {}) | {_JUDGED_BY: run_id}
        for key, value in tags.items():  # who decided comes last: then all of it is there
            self._client.set_model_version_tag(registered, number, key, value)
        return decision.sentence

    def _champion_but(self, registered: str, number: str) -> tuple[str, Judgement | None] | None:
        """Return number and figure of the champion, None if it is `number` itself or nobody."""
        aliases = self._client.get_registered_model(registered).aliases
        if str(aliases.get(CHAMPION, number)) == number:
            return None
        champion = self._client.get_model_version(registered, aliases[CHAMPION])
        return str(champion.version), Judgement.from_tags(champion.tags)

    def _log_figures(self, run_id: str, version: Any, event: Mapping[str, Any]) -> None:
        model_id = version.tags[_MODEL_TAG]  # a search leaves `version.model_id` empty
        for key, value in event["figures"].items():
            self._client.log_metric(
                run_id, key, value, timestamp=event["time"], step=0, model_id=model_id
            )


def _tags(event: Mapping[str, Any]) -> dict[str, str]:
    data = {f"data.{name}": str(version) for name, version in event["data"].items()}
    return {VERSION_TAG: str(event["version"]), "dataset": str(event["name"])} | data
