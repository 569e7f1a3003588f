"""Paths on remote stores, as s3://bucket/photo.png, that answer as pathlib's do.

What a run asks of a path it asks by pathlib's methods, or by the functions here where those of os
would take a URL for a local name. The stores themselves are fsspec's.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.remote_time import (
    BLOCK,
    LISTING_SECONDS,
    TRIES,
    NoAnswerError,
    RemoteStream,
    watch_of,
)

__all__ = ["RemotePath", "absolute_name", "is_there", "is_url", "to_path"]

if TYPE_CHECKING:
    _Native = Path
else:
    _Native = type(Path())

_T = TypeVar("_T")
_URL = re.compile(r"([a-z][a-z0-9+.-]+)://")
_LOCAL = ("file", "local")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
_VERSIONS = (
    *("ETag", "etag", "md5Hash", "xet_hash", "blob_id", "content_md5"),
    *("LastModified", "last_modified", "updated", "mtime", "modified", "created"),
)
"""What stores tell of an object that changes with it, the surest first."""


class RemotePath(_Native):
    """A path below a store's URL: its parts are "s3:", the bucket and the key's.

    Only what is defined here, and what looks at the name alone, works; everything else raises
    TypeError rather than touch a local file of that name. All methods that ask the store raise
    OSError, whatever the store's own errors are, and NoAnswerError, which is one, where it stays
    silent. A store has no folders apart from its files, so there is nothing to make; and no links.
    """

    __slots__ = ()

    def __str__(self) -> str:
        scheme, *rest = self.parts
        return f"{scheme}//{'/'.join(rest)}"

    def __fspath__(self) -> str:
        raise TypeError(f"{self} is not a local file")

    @property
    def scheme(self) -> str:
        """As "s3"."""
        return self.parts[0].removesuffix(":")

    def check(self) -> None:
        """Find the store.

        Raises:
            RestoreflowError: what reads such a store is not installed, or nothing does.
        """
        try:
            self._store()
        except ImportError as error:
            extra = _EXTRAS.get(self.scheme)
            raise RestoreflowError(
                f"{self.scheme}:// needs a package that is not installed",
                str(error) if extra is None else f'pip install "restoreflow[{extra}]"',
            ) from error
        except ValueError as error:
            reason = f"{self.scheme}:// is no store that is known"
            raise UsageError(reason, "s3://, gs:// and hf:// are, for instance") from error

    def below(self, folder: Path) -> Path:
        """The part below a folder, as a relative path."""
        return Path(*self.parts[len(folder.parts) :])

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Size, kind, and as time of change a number that changes with the object."""
        info = self._info()
        folder = info.get("type") == "directory"
        version = int.from_bytes(hashlib.sha256(_version(info).encode()).digest()[:6], "big")
        mode = stat.S_IFDIR if folder else stat.S_IFREG
        facts = (mode, 0, 0, 1, 0, 0, int(info.get("size") or 0), 0, 0, 0)
        return os.stat_result(facts, {"st_mtime_ns": version})

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there is an object, or are any below it."""
        return self._ask(lambda store, key: bool(store.exists(key)))

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there are objects below it."""
        return self._ask(lambda store, key: bool(store.isdir(key)))

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is an object."""
        return self._ask(lambda store, key: bool(store.isfile(key)))

    def is_symlink(self) -> bool:
        """No."""
        return False

    def open(self, mode: str = "rb", *_: Any, **__: Any) -> BinaryIO:  # pyright: ignore
        """A stream that reads; its attribute `size` is the object's, in bytes."""
        if mode != "rb":
            raise ValueError(f"{self} opens to be read alone, not as {mode}")
        info = self._info()
        if info.get("type") == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if info.get("size") is None:
            raise OSError(errno.EIO, "the store does not tell its size")
        with self._errors():
            store, key = self._store()

        def opened() -> Any:
            with self._errors():
                return store.open(key, "rb", cache_type="none")

        def changed() -> bool:
            return _version(self._info()) != _version(info)

        raw = RemoteStream(watch_of(self._bucket), opened, int(info["size"]), changed)
        return cast("BinaryIO", _Buffered(raw, BLOCK))

    def read_bytes(self) -> bytes:
        """The whole object."""
        with self.open() as stream:
            return stream.read()

    def put(self, data: bytes, overwrite: bool = False) -> None:
        """Write the whole object: on an object store, all of it appears at once or nothing does.

        Afterwards the store is asked for its size.

        Raises:
            FileExistsError: it is there, and not to be replaced.
            OSError: the store refuses it, does not answer, or has another size.
        """
        if not overwrite and self.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        try:
            self._pipe(data, "overwrite" if overwrite else "create")
        except OSError as error:
            if overwrite or isinstance(error, NoAnswerError):
                raise
            self._forget()
            if self.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
            self._pipe(data, "overwrite")  # some stores do not know "only if it is new"
        self._forget()
        size = self.stat().st_size
        if size != len(data):
            raise OSError(errno.EIO, f"{size} of {len(data)} bytes arrived in the store")

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        try:
            self._ask(lambda store, key: store.rm_file(key), tries=1)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: folders come with the objects in them."""

    def glob(self, pattern: str, **_: Any) -> Iterator[RemotePath]:  # pyright: ignore
        """The objects below that match, by name."""
        key, found = self._ask(
            lambda store, key: (key, store.glob(f"{key}/{pattern}", detail=True)), LISTING_SECONDS
        )
        for name, info in sorted(found.items()):
            if info.get("type") == "file":
                yield self / name[len(key) :].lstrip("/")

    def files(self, recursive: bool = True) -> list[RemotePath]:
        """The objects below it, by name."""
        depth = None if recursive else 1
        key, names = self._ask(
            lambda store, key: (key, sorted(store.find(key, maxdepth=depth))), LISTING_SECONDS
        )
        return [self / name[len(key) :].lstrip("/") for name in names if name != key]

    def _info(self) -> Mapping[str, Any]:
        return self._ask(lambda store, key: store.info(key))

    def _pipe(self, data: bytes, mode: str) -> None:
        def pipe(store: Any, key: str) -> None:
            try:
                store.pipe_file(key, data, mode=mode)
            except FileNotFoundError:  # a store with real folders
                store.makedirs(store._parent(key), exist_ok=True)
                store.pipe_file(key, data, mode=mode)

        self._ask(pipe, size=len(data), tries=1)

    def _forget(self) -> None:
        """Have what the store remembers of this folder asked for again."""
        store, key = self._store()
        store.invalidate_cache(store._parent(key))

    def _ask(
        self,
        request: Callable[[Any, str], _T],
        seconds: float | None = None,
        size: int = 0,
        tries: int = TRIES,
    ) -> _T:
        """What the store answers to a request with itself and the object's key."""
        with self._errors():
            store, key = self._store()  # here: clients are kept by thread

        def asked() -> _T:
            with self._errors():
                return request(store, key)

        return watch_of(self._bucket).ask(asked, size, seconds, tries)

    @property
    def _bucket(self) -> str:
        return str(RemotePath(*self.parts[:2]))

    def _store(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        store, _ = url_to_fs(self._bucket)
        return store, store._strip_protocol(str(self))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RestoreflowError):
            raise
        except Exception as error:  # stores' clients have errors of their own
            raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error


class _Buffered(io.BufferedReader):
    """A stream of which `local_files.file_size` knows the size."""

    @property
    def size(self) -> int:
        """Bytes of the object."""
        return cast("RemoteStream", self.raw).size


def _version(info: Mapping[str, Any]) -> str:
    """What a store tells of an object that changes with it, or nothing."""
    return str(next((info[name] for name in _VERSIONS if info.get(name) is not None), ""))


def is_url(text: str) -> bool:
    """Whether a text names a place in a store, or a file by its URL."""
    return _URL.match(text) is not None


def to_path(text: str) -> Path:
    """A local path, or for a URL a remote one.

    Raises:
        RestoreflowError: the store's package is not installed.
        UsageError: there is no such store.
    """
    found = _URL.match(text)
    if found is None:
        return Path(text)
    if found[1] in _LOCAL:
        return Path(text[found.end() :])
    path = RemotePath(text)
    path.check()
    return path


def is_there(path: Path) -> bool:
    """Whether a path is taken, also by a link that leads nowhere.

    Raises:
        OSError: a store does not say.
    """
    return path.exists() if isinstance(path, RemotePath) else os.path.lexists(path)


def absolute_name(path: Path) -> str:
    """A path's name from anywhere on this machine, or its URL."""
    return str(path) if isinstance(path, RemotePath) else os.path.abspath(path)
