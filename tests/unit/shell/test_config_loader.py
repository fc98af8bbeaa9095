"""Configuration that cannot be read is one sentence."""

import pytest

from cosmop import settings
from cosmop.config_loader import StudyConfigLoader
from cosmop.errors import InputError

PAGE = "one: {kind: page, max_results: 5}\n"


@pytest.fixture
def load(tmp_path):
    def configuration(kind="parameters", params=None, **files):
        for name, text in {"base/providers/one": PAGE, "base/parameters": "{}", **files}.items():
            file = tmp_path / f"{name}.yml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (tmp_path / "local").mkdir(exist_ok=True)
        given = {**settings.CONFIG_LOADER_ARGS, "runtime_params": params or {}}
        return StudyConfigLoader(str(tmp_path), env="local", **given)[kind]

    return configuration


def test_an_environment_says_only_what_differs_and_params_come_last(load):
    files = {"local/providers/a": "one: {interval_s: 2}", "local/providers/two": "two: {kind: api}"}

    found = load(params={"providers": {"one": {"max_results": 7}}}, **files)

    assert found["providers"] == {
        "one": {"kind": "page", "max_results": 7, "interval_s": 2},
        "two": {"kind": "api"},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("two: {kind: page", "two.yml"),
        ("- a\n- b\n", "map names to values"),
        ("two: {extractor: 'return `${x}`'}", r"full_key: two\.extractor.*write \\\$\{\.$"),
    ],
)
def test_a_provider_file_that_cannot_be_read_is_one_sentence(load, text, message):
    with pytest.raises(InputError, match=message):
        load(**{"local/providers/two": text})


def test_one_provider_in_two_files_is_one_sentence(load):
    with pytest.raises(InputError, match="Duplicate keys"):
        load(**{"base/providers/two": PAGE})


def test_a_provider_that_is_written_as_it_stands_keeps_its_dollar(load):
    found = load(**{"local/providers/two": r"two: {extractor: 'return `\${x}`'}"})

    assert found["providers"]["two"]["extractor"] == "return `${x}`"


def test_providers_that_are_no_mapping_are_one_sentence(load):
    with pytest.raises(InputError, match="got 5; write them so"):
        load(params={"providers": 5})


def test_credentials_that_cannot_be_read_are_not_quoted(load):
    with pytest.raises(InputError) as error:
        load("credentials", **{"local/credentials": "x: {token: '${SECRET-${'}"})

    assert "SECRET" not in str(error.value)


def test_credentials_are_read_and_not_shown(load):
    found = load("credentials", **{"local/credentials": "x_api: {bearer_token: s3cret}"})

    assert found == {"x_api": {"bearer_token": "s3cret"}}
    assert "s3cret" not in str(found)
