"""Models on the Hub, through huggingface_hub and its own cache and environment variables.

HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE and HF_TOKEN are the client's: nothing here
reads or sets them.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# (the client's signatures are not fully typed)

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from logging import WARNING
from pathlib import Path
from typing import NamedTuple

from restoreflow.errors import ModelError
from restoreflow.local_files import read_regular
from restoreflow.models.card import read_card
from restoreflow.models.folder import CARD, FILES, ModelFolder, check_complete, verify_folder
from restoreflow.models.hub_watch import HubStalledError, watched

__all__ = ["HubName", "PushedModel", "parse_hub_name", "pull", "push"]

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_HUB_NAME = re.compile(rf"({_PART}/{_PART})(?:@([^\s@]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubName(NamedTuple):
    """A Hub id, and the branch, tag or commit asked for."""

    repo: str
    revision: str | None

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


class PushedModel(NamedTuple):
    """Where a pushed model stands."""

    repo: str
    url: str
    revision: str


def parse_hub_name(text: str) -> HubName | None:
    """Reads `owner/name` or `owner/name@revision`; None where the text has another form."""
    match = _HUB_NAME.fullmatch(text)
    if match is None or ".." in match[1] or "--" in match[1]:
        return None
    return HubName(match[1], match[2])


def pull(name: str, force: bool = False, progress: bool = False) -> ModelFolder:
    """Downloads a model's files into the Hub's cache, or finds them there.

    Args:
        name: `owner/name` or `owner/name@revision`.
        force: download again what the cache holds already.
        progress: show the client's own progress bars.

    Raises:
        ModelError: no such model or revision, no access, not reachable and not cached, or the
            repository holds no model this version reads.
    """
    hub_name = parse_hub_name(name)
    if hub_name is None:
        raise ModelError(f"{name}: is no Hub id", "write owner/name or owner/name@revision")
    from huggingface_hub import snapshot_download

    with _one_line_errors(hub_name), _bars(progress), watched():
        path = snapshot_download(
            hub_name.repo,
            revision=hub_name.revision,
            allow_patterns=list(FILES),
            force_download=force,
        )
    folder = ModelFolder(Path(path), "hub", hub_name.repo, _commit(path))
    check_complete(folder)
    return folder


def push(
    path: Path,
    name: str,
    private: bool = False,
    token: str | None = None,
    progress: bool = False,
) -> PushedModel:
    """Uploads a verified model folder, making the repository where there is none.

    What is uploaded are the bytes that the folder's own files hold: no link in it is followed.

    Args:
        path: a model folder with a card.
        name: `owner/name`.
        private: for a repository that is made now.
        token: instead of HF_TOKEN or the stored login.
        progress: show the client's own progress bars.

    Raises:
        ModelError: the folder does not verify, lacks a card or has a link for a file, or the Hub
            refuses.
    """
    hub_name = parse_hub_name(name)
    if hub_name is None or hub_name.revision:
        raise ModelError(f"{name}: is no Hub id to push to", "write owner/name")
    verify_folder(path)
    check_complete(ModelFolder(path, identity=str(path)), (CARD,))
    read_card(path / CARD)
    from huggingface_hub import CommitOperationAdd, HfApi

    files = {name: path / name for name in FILES if os.path.lexists(path / name)}
    added = [CommitOperationAdd(name, _own_bytes(file)) for name, file in files.items()]
    api = HfApi(token=token)
    with _one_line_errors(hub_name, writing=True), _bars(progress), watched():
        api.create_repo(hub_name.repo, private=private, exist_ok=True)
        commit = api.create_commit(
            repo_id=hub_name.repo,
            operations=added,
            commit_message=f"Upload {path.resolve().name}",
        )
    return PushedModel(hub_name.repo, f"{api.endpoint}/{hub_name.repo}", commit.oid)


def _own_bytes(path: Path) -> bytes:
    """A file's bytes; where a link stands for it, it could lead to anything."""
    try:
        if path.is_symlink() or not path.resolve().is_relative_to(path.parent.resolve()):
            raise ModelError(
                f"{path}: is a link", "put the file itself there; links are not pushed"
            )
        return read_regular(path)
    except OSError as reason:
        text = reason.strerror or str(reason)
        raise ModelError(f"{path}: cannot be read: {text}") from reason


def _commit(snapshot: str) -> str | None:
    name = Path(snapshot).name
    return name if _COMMIT.fullmatch(name) else None


@contextmanager
def _bars(progress: bool) -> Generator[None, None, None]:
    """Silences the client's warnings for a while, and its bars unless they are asked for.

    Warnings are of requests that it tries again, in its server's words.
    """
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
        logging,
    )

    silence = not progress and not are_progress_bars_disabled()
    heard = logging.get_verbosity()
    if heard == WARNING:
        logging.set_verbosity_error()
    if silence:
        disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(heard)
        if silence:
            enable_progress_bars()


@contextmanager
def _one_line_errors(name: HubName, writing: bool = False) -> Generator[None, None, None]:
    """Turns the client's errors into one line each, with the next step."""
    try:
        yield
    except ModelError:
        raise
    except Exception as reason:  # the client lets its HTTP library's errors through, whichever
        raise _explained(name, reason, writing) from reason


def _explained(name: HubName, reason: Exception, writing: bool) -> ModelError:
    from huggingface_hub import constants, errors

    status = getattr(getattr(reason, "response", None), "status_code", None)
    page = f"{constants.ENDPOINT}/{name.repo}"
    login = "log in: hf auth login, or set HF_TOKEN"
    if isinstance(reason, errors.GatedRepoError):
        return ModelError(f"{name}: access is gated", f"ask for it on {page}, then {login}")
    if isinstance(reason, errors.RevisionNotFoundError):
        return ModelError(f"{name}: no such revision", f"see the branches and tags on {page}")
    if status == 401 and writing:
        return ModelError(f"{name}: the Hub does not know you", login)
    if isinstance(reason, errors.RepositoryNotFoundError):
        return ModelError(f"{name}: no such model on the Hub", f"check the id; if private, {login}")
    if status == 401:
        return ModelError(f"{name}: the Hub refuses the token", login)
    if status == 403:
        need = "write" if writing else "read"
        return ModelError(f"{name}: the Hub forbids it", f"use a token that may {need} there")
    if _caused_by(reason, errors.OfflineModeIsEnabled):
        hint = "unset HF_HUB_OFFLINE and try again"
        return ModelError(f"{name}: {'offline' if writing else 'offline and not cached'}", hint)
    stalled = next((str(e) for e in _chain(reason) if isinstance(e, HubStalledError)), None)
    if stalled is not None:
        return ModelError(f"{name}: {constants.ENDPOINT}: {stalled}", "try again later")
    if _caused_by_name(reason, "ConnectError", "ConnectionError", "TimeoutException", "Timeout"):
        hint = "check the network, HF_ENDPOINT and proxies"
        return ModelError(f"{name}: cannot reach {constants.ENDPOINT}", hint)
    return ModelError(
        f"{name}: {'upload' if writing else 'download'} failed: {_first_line(reason)}"
    )


def _chain(reason: BaseException | None) -> Iterator[BaseException]:
    while reason is not None:
        yield reason
        reason = reason.__cause__ or reason.__context__


def _caused_by(reason: Exception, kind: type[Exception]) -> bool:
    return any(isinstance(link, kind) for link in _chain(reason))


def _caused_by_name(reason: Exception, *names: str) -> bool:
    """Compares names of classes: which HTTP library the client uses differs by its version."""
    links = (base.__name__ for link in _chain(reason) for base in type(link).__mro__)
    return any(name in names for name in links)


def _first_line(reason: Exception) -> str:
    """Gives the first line there is among an error's text and those of its causes."""
    for link in _chain(reason):
        for line in str(link).splitlines():
            if line.strip():
                return f"{type(link).__name__}: {line.strip()}"
    return type(reason).__name__
