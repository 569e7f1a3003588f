"""Models on the Hub, through the real client against a small Hub on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from restoreflow.errors import ModelError
from restoreflow.models.folder import FILES, load_folder
from restoreflow.models.hub import HubName, parse_hub_name, pull, push
from restoreflow.models.resolve import resolve_model
from tests.models import hub_server
from tests.models.hub_server import READ_TOKEN, WRITE_TOKEN, HubServer


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("owner/name", HubName("owner/name", None)),
        ("owner/na.me-1_x@v1.0", HubName("owner/na.me-1_x", "v1.0")),
        ("o/n@refs/pr/1", HubName("o/n", "refs/pr/1")),
        ("name", None),
        ("a/b/c", None),
        ("../b", None),
        ("a/..", None),
        ("/abs", None),
        ("a/b@", None),
        ("a/b@c@d", None),
        ("a b/c", None),
        ("", None),
    ],
)
def test_hub_names(text: str, name: HubName | None) -> None:
    assert parse_hub_name(text) == name


@pytest.mark.parametrize("revision", ["", "@main", "@v1"])
def test_pull_gives_a_model_and_fetches_its_files_alone(client: HubServer, revision: str) -> None:
    folder = resolve_model("someone/tiny" + revision)
    assert folder.source == "hub"
    assert folder.revision == client.repositories["someone/tiny"].refs["main"]
    assert {file.name for file in folder.path.iterdir()} <= set(FILES)
    assert not any("optimizer.bin" in path for path in client.paths("GET"))
    load_folder(folder)


def test_a_commit_is_pinned(client: HubServer) -> None:
    repository = client.repositories["someone/tiny"]
    first = repository.refs["main"]
    second = repository.commit({"README.md": b"changed"})
    assert pull(f"someone/tiny@{first}").revision == first
    assert pull("someone/tiny").revision == second


def test_what_is_cached_is_not_fetched_again_unless_forced(client: HubServer) -> None:
    pull("someone/tiny")
    client.requests.clear()
    pull("someone/tiny")
    assert not any("/storage/" in path for path in client.paths("GET"))
    pull("someone/tiny", force=True)
    assert any("/storage/" in path for path in client.paths("GET"))


def test_a_broken_download_goes_on_where_it_stopped(
    client: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    client.break_next_download = True
    load_folder(pull("someone/tiny"))
    ranges = [headers.get("range") for _, path, headers in client.requests if "/storage/" in path]
    assert any(value and not value.startswith("bytes=0-") for value in ranges)


def test_a_damaged_cache_is_named_and_the_hint_repairs_it(client: HubServer) -> None:
    folder = pull("someone/tiny")
    weights = (folder.path / "model.safetensors").resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(ModelError, match="checksum mismatch") as error:
        load_folder(folder)
    assert error.value.hint.endswith(f"restoreflow models pull {_pinned(folder)} --force")
    load_folder(pull(_pinned(folder), force=True))


def _pinned(folder: object) -> str:
    return f"someone/tiny@{getattr(folder, 'revision')}"  # noqa: B009


def test_gated(client: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client.repositories["someone/tiny"].gated = True
    for token in ("", READ_TOKEN):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(ModelError, match=r"^someone/tiny: access is gated \(ask for it on"):
            pull("someone/tiny")
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    load_folder(pull("someone/tiny"))


@pytest.mark.parametrize("token", ["", READ_TOKEN])
def test_private_looks_like_missing(
    client: HubServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    client.repositories["someone/tiny"].private = True
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ModelError, match=r"^someone/tiny: no such model .*if private, log in"):
        pull("someone/tiny")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("someone/else", "someone/else: no such model on the Hub"),
        ("someone/tiny@v9", "someone/tiny@v9: no such revision"),
        ("someone/tiny@" + "0" * 40, "no such revision"),
        ("someone", "is no Hub id"),
    ],
)
def test_no_such_model(client: HubServer, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        pull(name)
    assert error.value.exit_code == 6
    assert error.value.hint
    assert "\n" not in str(error.value)


def test_what_a_hub_says_is_only_text(client: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: hub_server._Handler, **_: str) -> None:
        said = "\x1b[31mred\x1b]0;title\x07\x9b2J\x08"
        self._send(400, said.encode(), {"X-Error-Message": said, "X-Error-Code": said})

    monkeypatch.setattr(hub_server._Handler, "_model_info", refuse)
    with pytest.raises(ModelError, match="download failed") as caught:
        pull("someone/tiny")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_repository_that_is_no_model(client: HubServer, missing: str) -> None:
    repository = client.repositories["someone/tiny"]
    del repository.commits[repository.refs["main"]][missing]
    with pytest.raises(ModelError, match=f"^someone/tiny: holds no {missing}"):
        pull("someone/tiny")


def test_connection_refused(client: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", nobody)
        with pytest.raises(ModelError, match=f"^someone/tiny: cannot reach {nobody}") as error:
            pull("someone/tiny")
    assert "HF_ENDPOINT" in error.value.hint


def test_push_then_pull_gives_the_same_bytes(
    client: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    (folder / "notes.txt").write_text("mine")
    pushed = push(folder, "someone/new", private=True)
    assert pushed.url == f"{client.url}/someone/new"
    assert client.repositories["someone/new"].private
    pulled = pull("someone/new")
    assert pulled.revision == pushed.revision
    names = {file.name for file in folder.iterdir()} - {"notes.txt"}
    assert {file.name for file in pulled.path.iterdir()} == names
    for name in names:
        assert (pulled.path / name).read_bytes() == (folder / name).read_bytes()


def test_push_again_updates(client: HubServer, folder: Path) -> None:
    first = push(folder, "someone/tiny", token=WRITE_TOKEN)
    card = folder / "README.md"
    card.write_text(card.read_text().replace("photographs", "pictures"))
    second = push(folder, "someone/tiny", token=WRITE_TOKEN)
    assert first.revision != second.revision
    files = client.repositories["someone/tiny"].commits[second.revision]
    assert files["README.md"] == card.read_bytes()
    assert "optimizer.bin" in files


@pytest.mark.parametrize(
    ("token", "message"),
    [(None, "the Hub does not know you .*hf auth login"), (READ_TOKEN, "the Hub forbids it")],
)
def test_push_without_the_right(
    client: HubServer, folder: Path, token: str | None, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        push(folder, "someone/new", token=token)
    assert "someone/new" not in client.repositories


def test_push_refuses_what_does_not_verify(client: HubServer, folder: Path) -> None:
    (folder / "README.md").write_text("no front matter")
    with pytest.raises(ModelError, match=r"README\.md"):
        push(folder, "someone/new", token=WRITE_TOKEN)
    (folder / "README.md").unlink()
    with pytest.raises(ModelError, match=r"holds no README\.md"):
        push(folder, "someone/new", token=WRITE_TOKEN)
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="truncated or damaged"):
        push(folder, "someone/new", token=WRITE_TOKEN)
    with pytest.raises(ModelError, match="no Hub id to push to"):
        push(folder, "someone/new@main", token=WRITE_TOKEN)
    assert not client.requests


@pytest.mark.parametrize("file", ["train.toml", "log.jsonl", "evaluation.json", "README.md"])
@pytest.mark.parametrize("dangling", [False, True])
def test_push_follows_no_link(
    client: HubServer, folder: Path, tmp_path: Path, file: str, dangling: bool
) -> None:
    secret = tmp_path / "secret"
    if not dangling:
        kept = folder / file
        secret.write_bytes(kept.read_bytes() if kept.exists() else b"[secret]")
    (folder / file).unlink(missing_ok=True)
    (folder / file).symlink_to(secret)
    with pytest.raises(ModelError, match=r"is a link|holds no README") as caught:
        push(folder, "someone/new", token=WRITE_TOKEN)
    assert caught.value.exit_code == 6
    assert not client.requests


_PROGRAM = """
import json, sys
from restoreflow.errors import ModelError
from restoreflow.models.resolve import resolve_model
try:
    folder = resolve_model(sys.argv[1])
    print(json.dumps({"path": str(folder.path), "name": folder.config.name}))
except ModelError as error:
    print(json.dumps({"message": error.message, "hint": error.hint}))
assert "torch" not in sys.modules
"""


def _resolve_elsewhere(name: str, **environment: str) -> dict[str, str]:
    """Resolves in a fresh process, where the client reads its environment itself."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, name],
        env={**kept, "HF_HUB_DISABLE_XET": "1", **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_environment_is_honoured(hub: HubServer, tmp_path: Path) -> None:
    hub.repositories["someone/tiny"].private = True
    home = tmp_path / "home"
    online = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_TOKEN": WRITE_TOKEN}
    offline = {**online, "HF_HUB_OFFLINE": "1"}

    refused = _resolve_elsewhere("someone/tiny", **offline)
    assert refused["message"] == "someone/tiny: offline and not cached"
    assert "HF_HUB_OFFLINE" in refused["hint"]
    assert not hub.requests

    found = _resolve_elsewhere("someone/tiny", **online)
    assert found["name"] == "tiny"
    assert Path(found["path"]).is_relative_to(home / "hub")
    tokens = {path.split("/")[1]: sent.get("authorization") for _, path, sent in hub.requests}
    assert tokens["someone"] == f"Bearer {WRITE_TOKEN}"
    assert tokens["storage"] is None

    hub.requests.clear()
    assert _resolve_elsewhere("someone/tiny", **offline) == found
    assert not hub.requests

    cache = tmp_path / "cache"
    moved = _resolve_elsewhere("someone/tiny", **online, HF_HUB_CACHE=str(cache))
    assert Path(moved["path"]).is_relative_to(cache)
