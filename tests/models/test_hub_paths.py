"""hf:// paths against a Hub of this machine: read in blocks, gone on with, or given up soon."""

from __future__ import annotations

import random
import time

import pytest

from restoreflow import remote_path, remote_time
from restoreflow.errors import InputError
from restoreflow.images.decode import read_bytes
from restoreflow.remote_path import RemotePath, to_path
from tests.models.hub_server import HubServer, Repository

PATIENCE = 0.4
MANNERS = ("silent", "slow head", "slow body", "come back")


@pytest.fixture
def large(client: HubServer, monkeypatch: pytest.MonkeyPatch) -> RemotePath:
    """A file of 40 kB on the Hub, read in blocks of 8 kB by who has half a second's patience."""
    monkeypatch.setattr(remote_time, "ANSWER_SECONDS", PATIENCE)
    monkeypatch.setattr(remote_time, "SLOWEST", 2**16)
    for module in (remote_time, remote_path):
        monkeypatch.setattr(module, "BLOCK", 8192)
    monkeypatch.setattr(remote_time, "_watches", {})
    client.repositories["someone/photos"] = repository = Repository()
    repository.commit({"a.png": DATA})
    path = to_path("hf://someone/photos/a.png")
    assert isinstance(path, RemotePath)
    return path


DATA = b"\x89PNG\r\n\x1a\n" + random.Random(0).randbytes(40_000)


def test_all_of_it_comes_block_by_block(client: HubServer, large: RemotePath) -> None:
    assert read_bytes(large, None) == large.read_bytes() == DATA
    ranges = [headers.get("range") for _, path, headers in client.requests if "/resolve/" in path]
    assert len(ranges) == 10 and ranges[0] == "bytes=0-8191" and ranges[-1] == "bytes=32768-40007"


@pytest.mark.parametrize("manner", MANNERS)
def test_what_stalls_once_is_gone_on_with(
    client: HubServer, large: RemotePath, manner: str
) -> None:
    with large.open() as stream:
        assert stream.read(8192) == DATA[:8192]
        client.manner, client.manner_of, client.manner_times = manner, "/resolve/", 1
        assert stream.read() == DATA[8192:]
    ranges = [headers.get("range") for _, path, headers in client.requests if "/resolve/" in path]
    assert ranges.count("bytes=0-8191") == 1 and ranges.count("bytes=8192-16383") == 2


@pytest.mark.parametrize(
    ("manner", "where"),
    [("silent", "/api/models/"), ("slow body", "/resolve/"), ("come back", "/resolve/")],
)
def test_what_stays_silent_is_an_error(
    client: HubServer, large: RemotePath, manner: str, where: str
) -> None:
    client.manner, client.manner_of = manner, where
    began = time.monotonic()
    with pytest.raises(InputError, match=r"cannot be read: (the store does not answer|429 Too)"):
        read_bytes(large, None)
    assert time.monotonic() - began < 8 * PATIENCE
