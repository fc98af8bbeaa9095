"""Checks before a run: parameters, missing inputs, and test images that reach a trainer."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet

_PARAMETERS_OF_HOOKS = {"demo", "registered"}
_TRAINER, _TEST = "training", "test_images"  # a tag of nodes, and a data set


class Guards:
    """Refuses early: unknown parameters, and inputs that an earlier pipeline has not made."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Let ``conf/local/credentials.yml`` count in every environment; check parameter names."""
        _add_local_credentials(context)
        _check_parameter_names(context.config_loader["parameters"])

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Name the command that makes the inputs which are missing.

        Raises:
            InputError: The pipeline needs data sets that exist in no version.
        """
        makers = {name: _maker_of(name) for name in sorted(pipeline.inputs())}
        missing = [name for name, maker in makers.items() if maker and not catalog.exists(name)]
        if not missing:
            return
        needed = [name for name in pipelines if name in {makers[item] for item in missing}]
        env = f" --env={run_params['env']}" if run_params.get("env") else ""
        raise InputError(
            f"This run needs {missing}, which nobody has made yet in this environment; make them "
            f"with `kedro run{env} --pipelines={','.join(needed)}`, or with everything before "
            f"them by `kedro run{env} --to-outputs={','.join(missing)}`."
        )

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> None:
        """Keep test images out of every trainer, however the pipelines are wired.

        A trainer (a node with the tag ``training``) may be given the test images by that name, to
        measure on them, and by no other.

        Raises:
            InputError: They reach it by another name.
        """
        if _TRAINER not in node.tags or not catalog.exists(_TEST):
            return
        test = set(catalog.load(_TEST).ids)
        for name, data in inputs.items():
            found = test.intersection(data.ids) if isinstance(data, ImageSet) else set()
            if found and name != _TEST:
                raise InputError(
                    f"{node.name} trains, so its input {name} must hold none of the {len(test)} "
                    f"test images, got {len(found)} of them, first {min(found)[:12]}…; split "
                    "again, and correct the wiring of whatever made that input."
                )


def _maker_of(dataset: str) -> str | None:
    """Return the pipeline that makes a data set, None for what comes from outside."""
    stories = (name for name in pipelines if name != "__default__")
    return next((name for name in stories if dataset in pipelines[name].all_outputs()), None)


def _add_local_credentials(context: KedroContext) -> None:
    """Merge ``conf/local/credentials.yml`` over the environment's, which Kedro itself skips."""
    path = Path(context.config_loader.conf_source) / "local" / "credentials.yml"
    if not path.exists():
        return
    from omegaconf import OmegaConf  # noqa: PLC0415
    from omegaconf.errors import OmegaConfBaseException  # noqa: PLC0415
    from yaml import YAMLError  # noqa: PLC0415

    try:
        given = dict(context.config_loader["credentials"])
    except MissingConfigException:
        given = {}
    try:
        local = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (OmegaConfBaseException, YAMLError, ValueError, OSError) as error:
        raise InputError(
            f"{path} must map names to secrets, but cannot be read ({type(error).__name__}, whose "
            "words are kept back for what they may quote); correct it."
        ) from error
    if not isinstance(local, dict):
        raise InputError(
            f"{path} must map names to secrets, got {type(local).__name__}; see README."
        )
    context.config_loader["credentials"] = given | local


def _check_parameter_names(parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter that no node reads: it is a misspelt one.

    Raises:
        InputError: Names it, and the nearest known name.
    """
    known = {
        name.removeprefix("params:")
        for pipeline in pipelines.values()
        for name in pipeline.inputs()
        if name.startswith("params:")
    }
    for name in _option_groups(parameters):
        if not {name, name.split(".")[0]} & (known | _PARAMETERS_OF_HOOKS):
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {sorted(known)}."
            raise InputError(
                f"Parameters may only hold what some node reads, got {name!r}, which none does; "
                f"{hint}"
            )


def _option_groups(parameters: Mapping[str, Any]) -> Iterator[str]:
    for stage, groups in parameters.items():
        if isinstance(groups, Mapping):
            yield from (f"{stage}.{group}" for group in groups)
        else:
            yield str(stage)
