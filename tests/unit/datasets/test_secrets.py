"""Secrets reach those who ask for them, and no log, whoever writes it."""

import logging

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog

from cosmop.datasets import SecretDataset, SecretsDataset
from cosmop.datasets.secrets import Credential, Secret, hide
from cosmop.errors import InputError

TOKEN = "s3cret-of-mine"


def test_a_secret_is_its_text_for_those_who_use_it():
    secret = Secret(Credential(TOKEN))

    assert secret == TOKEN
    assert secret.strip() == f"{secret.strip()}" == TOKEN
    assert secret.encode() == TOKEN.encode()


def test_a_credential_can_be_written_into_text_by_packages_that_need_it():
    assert f"user:{Credential(TOKEN)}" == f"user:{TOKEN}"


def test_what_is_no_text_stays_what_it_is():
    assert hide({"port": 80, "of": [None, True]}) == {"port": 80, "of": [None, True]}


@pytest.mark.parametrize("show", [str, repr, "{}".format, "%s".__mod__, "%r".__mod__])
def test_a_secret_is_never_printed(show):
    assert TOKEN not in show(Secret(TOKEN))
    assert TOKEN not in show({"keys": [Secret(TOKEN)]})
    assert TOKEN not in show({"keys": hide({"of": [TOKEN]})})


def test_hooks_that_kedro_traces_at_debug_show_no_secret(caplog):
    caplog.set_level(logging.DEBUG, "kedro.framework.hooks.manager")
    given = hide({"x_api": {"bearer_token": TOKEN}, "provider_keys": {"museum": TOKEN}})
    token = SecretDataset(name="bearer_token", credentials=given["x_api"]).load()
    keys = SecretsDataset(credentials=given["provider_keys"]).load()
    hook = _create_hook_manager().hook

    hook.after_catalog_created(
        catalog=DataCatalog(),
        conf_catalog={},
        conf_creds=given,
        parameters={},
        save_version="",
        load_versions={},
    )
    hook.after_dataset_loaded(dataset_name="x_api_token", data=token, node=None)
    hook.after_dataset_loaded(dataset_name="provider_keys", data=keys, node=None)

    assert "after_dataset_loaded" in caplog.text
    assert TOKEN not in caplog.text
    assert (token, keys) == (TOKEN, {"museum": TOKEN})


@pytest.mark.parametrize("given", [TOKEN, [TOKEN], {"bearer_token": [TOKEN]}])
@pytest.mark.parametrize(
    "dataset", [SecretsDataset, lambda **k: SecretDataset(name="bearer_token", **k)]
)
def test_credentials_of_another_shape_are_one_sentence_without_the_secret(dataset, given):
    with pytest.raises(InputError, match=r"conf/local/credentials\.yml") as raised:
        dataset(credentials=hide(given))

    assert TOKEN not in str(raised.value)


def test_a_number_is_a_secret_too():
    assert SecretsDataset(credentials={"museum": 123456}).load() == {"museum": "123456"}
