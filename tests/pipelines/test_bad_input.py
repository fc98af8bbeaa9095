"""What a person gives wrongly ends with one sentence, no traceback, and nothing lost."""

import json
import shutil
from pathlib import Path

import pytest

from tests.project import kedro

pytestmark = pytest.mark.slow  # each is a real kedro command


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--params=preprocessing.duplicates.radius_bit=6", "did you mean 'radius_bits'?"),
        ("--params=preprocessing.duplicates.radius_bits=many", "got 'many'"),
        ("--params=preprocessing.duplicates.radius_bits=-1", "greater than or equal to 0"),
        ("--params=preprocesing.duplicates.radius_bits=6", "got 'preprocesing.duplicates'"),
        ("--params=ingestion.serch.browser=never", "did you mean 'ingestion.search'?"),
        ("--params=demo.galery.images=3", "did you mean 'gallery'?"),
        ("--pipelines=ingestio", "must name pipelines, got 'ingestio'; did you mean 'ingestion'?"),
        ("--nodes=check_posts", "got 'check_posts'; add `--pipelines=compliance`, which has it."),
        (
            "--load-versions=foo:2020",
            "Only data sets of the catalog can be named, got: 'load_versions' keys [foo]",
        ),
    ],
)
def test_a_wrong_name_or_value_is_refused_before_anything_runs(
    new_project: Path, flag: str, told: str
) -> None:
    done = kedro(new_project, "run", "--env=test", flag)

    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((new_project / "data").rglob("*.parquet"))


@pytest.mark.parametrize("text", ["x_api: {bearer_token: s3cret", "a: ${oc.env:NO_SUCH_s3cret}"])
def test_credentials_that_cannot_be_read_are_told_and_never_quoted(
    new_project: Path, text: str
) -> None:
    (new_project / "conf/local/credentials.yml").write_text(text, encoding="utf-8")

    done = kedro(new_project, "run", "--env=test", "--pipelines=ingestion")

    assert done.returncode == 1
    assert "credentials.yml must map names to secrets" in done.stderr
    assert "s3cret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_posts_without_a_token_say_where_it_goes(new_project: Path) -> None:
    credentials = new_project / "conf/local/credentials.yml"
    credentials.write_text("x_api: {bearer_token: null}\n", encoding="utf-8")

    done = kedro(new_project, "run", "--env=test", "--pipelines=ingestion")

    assert done.returncode == 1
    assert "conf/local/credentials.yml" in done.stderr
    assert "Traceback" not in done.stderr


def test_local_credentials_count_in_every_environment_and_never_reach_the_tracks(
    new_project: Path,
) -> None:
    credentials = new_project / "conf/local/credentials.yml"
    credentials.write_text("x_api: {bearer_token: wrong-s3cret}\n", encoding="utf-8")

    done = kedro(new_project, "run", "--env=test", "--pipelines=ingestion")

    log = next((new_project / "data/test/01_raw/search_log.parquet").glob("*/*"))
    assert done.returncode == 0, done.stderr
    assert b"wrong-s3cret" not in log.read_bytes()
    assert "wrong-s3cret" not in done.stderr
    assert b"wrong-s3cret" not in (new_project / "mlflow.db").read_bytes()
    import pandas as pd

    statuses = pd.read_parquet(log).groupby("source")["status"].first()
    assert statuses["posts"] != "ok"


def test_an_empty_folder_of_images_is_named(new_project: Path) -> None:
    folder = new_project / "data/folder/01_raw/my_images"
    folder.mkdir(parents=True)

    done = kedro(new_project, "run", "--env=folder", "--pipelines=ingestion")

    assert done.returncode == 1
    assert "my_images" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_query_without_results_is_a_row_and_not_an_error(project: Path) -> None:
    flags = ["--pipelines=ingestion", "--params=ingestion.queries.keywords=[zzzz]"]
    settings = project / "conf/test/parameters/queries.yml"
    settings.write_text("ingestion: {queries: {keywords: [zzzz, people]}}\n", encoding="utf-8")

    done = kedro(project, "run", "--env=test", flags[0])

    assert done.returncode == 0, done.stderr
    import pandas as pd

    log = pd.read_parquet(sorted((project / "data/test/01_raw/search_log.parquet").glob("*/*"))[-1])
    assert set(log.loc[log["query"] == "zzzz", "status"]) == {"no_results"}


def test_labels_of_other_images_or_other_names_are_told_and_lose_nothing(project: Path) -> None:
    export = project / "data/test/03_primary/label_export.json"
    records = json.loads(export.read_text(encoding="utf-8"))
    first = records[0]["annotations"][0]["result"]
    if first:
        first[0]["value"]["choices"] = ["dragons"]
    records[1]["data"]["image_id"] = "0" * 64
    records[1]["data"].pop("image", None)
    settings = project / "conf/test/parameters/no_annotator.yml"
    settings.write_text("demo: {enabled: false}\n", encoding="utf-8")
    export.write_text(json.dumps(records), encoding="utf-8")

    done = kedro(project, "run", "--env=test", "--nodes=import_labels")

    assert done.returncode == 0, done.stderr
    import pandas as pd

    problems = pd.read_parquet(
        sorted((project / "data/test/03_primary/label_problems.parquet").glob("*/*"))[-1]
    )
    assert len(problems) == 2
    assert problems["problem"].str.contains("dragons").any()


def test_labels_that_are_not_json_keep_the_earlier_annotations(project: Path) -> None:
    export = project / "data/test/03_primary/label_export.json"
    export.write_text("not json", encoding="utf-8")

    done = kedro(project, "run", "--env=test", "--nodes=import_labels")

    assert done.returncode == 1
    assert "label_export.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((project / "data/test/03_primary/annotations.parquet").glob("*/*"))) == 1


def test_a_damaged_model_is_told_by_name(project: Path) -> None:
    weights = next(project.glob("data/test/06_models/generator/*/generator/model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])

    done = kedro(project, "run", "--env=test", "--nodes=generate_images")

    assert done.returncode == 1
    assert "--load-versions" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_training_set_of_three_images_is_refused_with_its_number(project: Path) -> None:
    import pandas as pd

    table = next(project.glob("data/test/05_model_input/training_images.parquet/*/*.parquet"))
    manifest = pd.read_parquet(table)
    manifest[manifest["is_positive"]].head(3).to_parquet(table)

    done = kedro(project, "run", "--env=test", "--nodes=train_stylegan2")

    assert done.returncode == 1
    assert " 3" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_missing_training_folder_is_named(new_project: Path) -> None:
    shutil.copytree(new_project / "conf/folder", new_project / "conf/mine")

    done = kedro(new_project, "run", "--env=mine", "--pipelines=person_filter")

    assert done.returncode == 1
    assert "no such folder" in done.stderr
    assert "Traceback" not in done.stderr
