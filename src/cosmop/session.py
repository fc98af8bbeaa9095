"""A Kedro session that ends a person's mistake with one sentence instead of a traceback."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from kedro.config import MissingConfigException
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import DatasetNotFoundError
from kedro.validation.exceptions import ParameterValidationError

from cosmop.errors import InputError
from cosmop.run_names import misnamed

_FAILED_PARAMETER = re.compile(
    r"^- Parameter '(?P<name>[^']+)': Failed to instantiate \w+ for parameter '[^']+': "
    r"(?P<why>.*)$",
    re.MULTILINE,
)


class UserMistake(click.ClickException):
    """What the command line shows: the sentence, and exit code 1."""


class StudySession(KedroSession):
    """Runs pipelines as Kedro does, and turns every `InputError` into its sentence."""

    def run(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run pipelines; see `KedroSession.run`.

        Raises:
            UserMistake: Something a person gave cannot be used.
        """
        with mistakes_told(), _names_told(kwargs):
            result: dict[str, Any] = super().run(*args, **kwargs)
        return result


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Turn every error within that is a person's mistake into its sentence.

    Raises:
        UserMistake: Something a person gave cannot be used.
    """
    try:
        yield
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        logging.getLogger(__name__).debug("The whole story:", exc_info=True)
        raise UserMistake(sentence) from error


@contextmanager
def _names_told(asked: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        pipelines.set_requested(None)  # a name may be one of a pipeline that was not asked for
        sentence = misnamed(pipelines, asked)
        if sentence is None:
            raise
        raise InputError(sentence) from error


def explain(error: BaseException) -> str | None:
    """Return the sentence behind `error`, or None when it is not a person's mistake."""
    for cause in _causes(error):
        if isinstance(cause, InputError):
            return str(cause)
        if isinstance(cause, ParameterValidationError):
            return _explain_parameters(str(cause))
        if isinstance(cause, DatasetNotFoundError):
            return f"Only data sets of the catalog can be named, got: {cause}; correct the name."
        if isinstance(cause, MissingConfigException):
            return f"--env must name a folder of conf/, got: {cause}; correct the name."
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain_parameters(message: str) -> str:
    found = [f"{match['name']}: {match['why']}" for match in _FAILED_PARAMETER.finditer(message)]
    return " ".join(found) if found else message
