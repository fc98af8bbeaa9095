"""What the project adds to the kedro command: ``kedro annotate``."""

import json
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.project import run
from kedro.framework.session import KedroSession
from kedro.framework.startup import ProjectMetadata
from kedro.io import DataCatalog

from cosmop.errors import InputError

if TYPE_CHECKING:
    from cosmop.labels.annotation_queue import AnnotationQueue, Review
    from cosmop.labels.annotation_room import AnnotationRoom
    from cosmop.labels.annotation_server import AnnotationServer

__all__ = ["annotate", "cli", "run"]  # `run` is what `python -m cosmop` calls

REVIEWS = ("issues", "disagreements")


@click.group()
def cli() -> None:
    """Commands of this project."""


@cli.command()
@click.option("--env", "-e", help="Environment of conf/ whose images are labelled.")
@click.option("--annotator", help="Your name; the page asks for it otherwise.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes any free one.")
@click.option("--review", type=click.Choice(REVIEWS), help="Look at doubtful labels again.")
@click.option("--no-browser", is_flag=True, help="Only print the page's address.")
@click.option(
    "--export",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all answers to this file as Label Studio JSON, and serve nothing.",
)
@click.pass_obj
def annotate(
    metadata: ProjectMetadata,
    env: str | None,
    annotator: str | None,
    port: int,
    review: str | None,
    no_browser: bool,
    export: Path | None,
) -> None:
    """Label images in a page on this machine, by keyboard."""
    from cosmop.session import mistakes_told  # noqa: PLC0415

    with mistakes_told():
        session: Any = KedroSession.create(metadata.project_path, env=env)
        with session:
            catalog = session.load_context().catalog
            for name in ["label_tasks", *([f"label_{review}"] if review else [])]:
                _check_made(catalog, env, name)
            if export:
                _export(catalog, export)
            else:
                server = _open_server(catalog, env, port)
                _serve(server, {"annotator": annotator, "queue": review}, not no_browser)


def _export(catalog: DataCatalog, path: Path) -> None:
    from cosmop.labels.annotation_log import export_label_studio  # noqa: PLC0415

    folder = catalog.load("annotation_log").path
    records = export_label_studio(folder, catalog.load("label_tasks"), _schema(catalog))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.part")
    aside.write_text(json.dumps(records, indent=1), encoding="utf-8")
    aside.replace(path)
    click.echo(f"{len(records)} labelled images are in {path}, as Label Studio exports them.")


def _open_server(catalog: DataCatalog, env: str | None, port: int) -> "AnnotationServer":
    from cosmop.labels.annotation_images import ShownImages  # noqa: PLC0415
    from cosmop.labels.annotation_room import AnnotationRoom  # noqa: PLC0415
    from cosmop.labels.annotation_server import AnnotationServer  # noqa: PLC0415

    images = ShownImages(catalog.load("people_images"))
    folder = catalog.load("annotation_log").path
    room = AnnotationRoom(_queue(catalog, images.ids), images, folder, _next_command(env))
    return AnnotationServer(room, port)


def _queue(catalog: DataCatalog, ids: frozenset[str]) -> "AnnotationQueue":
    from cosmop.labels.annotation_queue import AnnotationQueue, read_label_tasks  # noqa: PLC0415

    schema = _schema(catalog)
    tasks = read_label_tasks(catalog.load("label_tasks"), schema, ids)
    reviews = {name: _review(catalog, name) for name in REVIEWS}
    return AnnotationQueue(schema, tasks, reviews)


def _review(catalog: DataCatalog, name: str) -> "Review":
    from cosmop.labels import annotation_queue  # noqa: PLC0415

    readers: dict[str, Callable[..., Review]] = {
        "issues": annotation_queue.issues_review,
        "disagreements": annotation_queue.disagreements_review,
    }
    dataset: Any = f"label_{name}" in catalog and catalog[f"label_{name}"]
    if not (dataset and dataset.exists()):
        return annotation_queue.Review({})
    return readers[name](dataset.load(), _made_at(dataset.resolve_load_version()))


def _made_at(version: str | None) -> str:
    """Return when a version was made as logs write times: ``2026-01-31T12:00:00.000Z``."""
    day, _, time = (version or "").partition("T")
    return f"{day}T{time.replace('.', ':', 2)}" if time else ""


def _schema(catalog: DataCatalog) -> Any:
    from cosmop.labels.schema import LabelSchema  # noqa: PLC0415

    given = catalog.load("params:annotation.schema")
    return given if isinstance(given, LabelSchema) else LabelSchema.model_validate(given)


def _check_made(catalog: DataCatalog, env: str | None, name: str) -> None:
    if not catalog.exists(name):
        raise InputError(
            f"Labelling needs {name}, which nobody has made yet in this environment; make it with "
            f"`kedro run{_env(env)} --to-outputs={name}`."
        )


def _next_command(env: str | None) -> str:
    return f"kedro run{_env(env)} --from-nodes=import_labels"


def _env(env: str | None) -> str:
    return f" --env={env}" if env else ""


def _serve(server: "AnnotationServer", query: dict[str, str | None], opens: bool) -> None:
    room = server.room
    try:
        if query["annotator"]:
            room.state(query["annotator"], query["queue"] or "tasks")
        url = server.url(**{name: value for name, value in query.items() if value})
        click.echo(f"Label at {url}\nCtrl+C ends it; every answer is saved at once.")
        if opens:
            webbrowser.open(url)
        server.serve()
    except KeyboardInterrupt:
        click.echo(f"\n{_farewell(room)}")
    finally:
        server.close()


def _farewell(room: "AnnotationRoom") -> str:
    answered = room.answered()
    who = ", ".join(f"{name} has answered {count}" for name, count in answered.items())
    said = f"{who} of {len(room.queue.tasks)} images" if who else "Nobody has labelled"
    return f"{said}; the answers are in {room.folder}. Go on with `{room.next_command}`."
