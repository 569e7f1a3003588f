"""A Hub that does not answer, or next to nothing, ends in an error, and soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from restoreflow.errors import ModelError
from restoreflow.models import hub_watch
from restoreflow.models.folder import load_folder
from restoreflow.models.hub import pull, push
from tests.models.hub_server import MANNERS, WRITE_TOKEN, HubServer

PATIENCE = 0.4


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_watch, "STALL_SECONDS", PATIENCE)
    monkeypatch.setattr(hub_watch, "MOST_REQUESTS", 5)
    real = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: real(min(seconds, 0.01)))


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("where", ["/api/models/", "/resolve/", "/storage/"])
def test_pulling(client: HubServer, manner: str, where: str) -> None:
    client.manner, client.manner_of = manner, where
    began = time.monotonic()
    error = _pulled("someone/tiny")
    assert time.monotonic() - began < 15
    if error is None:
        assert manner == "slow body"  # a short text, a byte at a time, can be through in time
        return
    assert str(error).isprintable()
    assert error.exit_code == 6
    if manner in ("silent", "slow head", "slow body") and where == "/storage/":
        assert "nothing moved for 0.4 seconds (try again later)" in str(error)


def _pulled(name: str) -> ModelError | None:
    try:
        load_folder(pull(name))
    except ModelError as error:
        return error
    return None


@pytest.mark.parametrize("manner", ["silent", "slow head", "come back"])
@pytest.mark.parametrize("where", ["/api/repos/create", "/preupload/", "/storage/", "/commit/"])
def test_pushing(client: HubServer, folder: Path, manner: str, where: str) -> None:
    client.manner, client.manner_of = manner, where
    began = time.monotonic()
    with pytest.raises(ModelError) as caught:
        push(folder, "someone/new", token=WRITE_TOKEN)
    assert str(caught.value).isprintable()
    assert time.monotonic() - began < 15


def test_what_was_downloaded_is_gone_on_with(
    client: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2)
    client.manner, client.manner_of, client.manner_times = "slow body", "/storage/", 2
    load_folder(pull("someone/tiny"))
    ranges = [headers.get("range") for _, path, headers in client.requests if "/storage/" in path]
    assert any(value and not value.startswith("bytes=0-") for value in ranges)


def test_the_clients_own_ways_are_restored(client: HubServer) -> None:
    from huggingface_hub.utils import _http

    before = _http._GLOBAL_CLIENT_FACTORY
    pull("someone/tiny")
    assert _http._GLOBAL_CLIENT_FACTORY is before
