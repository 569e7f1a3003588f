"""A small Hub on 127.0.0.1: enough of its HTTP protocol for the real huggingface_hub client.

Repositories are dicts of commits; large files go through Git LFS (batch, upload, redirect to a
storage address), small ones through the commit itself, as on the Hub.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import unquote, urlsplit

READ_TOKEN = "hf_reader"
WRITE_TOKEN = "hf_writer"

MANNERS = {
    "silent": "says nothing",
    "slow head": "sends its answer's head a byte at a time",
    "slow body": "sends what it has to say a byte at a time",
    "come back": "asks the client to come back tomorrow",
    "starting over": "hangs up in the middle, and never goes on from there",
}
"""How a Hub can misbehave."""

_REPO = r"(?P<repo>[^/]+/[^/]+)"


@dataclass
class Repository:
    """A model repository: what each commit holds and what branches and tags point to."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Adds files on top of a branch; gives the new commit's id."""
        tree = {**self.commits.get(self.refs.get(branch, ""), {}), **files}
        sha = hashlib.sha1(repr(sorted(tree.items())).encode()).hexdigest()
        self.commits[sha] = tree
        self.refs[branch] = sha
        return sha

    def find(self, revision: str) -> str | None:
        """Gives the commit of a branch, tag or commit id."""
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


class HubServer:
    """The server, its repositories and a record of what was asked.

    It listens on two ports, as the Hub has two hosts: pages, and storage for large files.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.break_next_download = False
        self.manner = ""  # one of MANNERS, for answers to paths with `manner_of` in them
        self.manner_of = ""
        self.manner_times = 10**9
        self.over = threading.Event()
        self._sites = [_Site(self), _Site(self)]
        self.url, self.storage_url = (f"http://127.0.0.1:{s.server_port}" for s in self._sites)
        self._threads = [
            threading.Thread(target=site.serve_forever, args=(0.01,), daemon=True)
            for site in self._sites
        ]

    def __enter__(self) -> HubServer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for site, thread in zip(self._sites, self._threads, strict=True):
            site.shutdown()
            thread.join()
            site.server_close()

    def paths(self, method: str) -> list[str]:
        """Gives the paths asked for with a method, in order."""
        return [path for verb, path, _ in self.requests if verb == method]


class _Site(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: HubServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of clients that hang up."""


def is_large(name: str) -> bool:
    """Tells whether the Hub would keep a file in LFS."""
    return name.endswith(".safetensors")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> HubServer:
        return cast("_Site", self.server).hub

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""

    def do_GET(self) -> None:
        self._dispatch(
            {
                rf"/api/models/{_REPO}": self._model_info,
                rf"/api/models/{_REPO}/revision/(?P<revision>[^/]+)": self._model_info,
                rf"/api/models/{_REPO}/tree/(?P<revision>[^/]+)(?P<folder>/.*)?": self._tree,
                rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<name>.+)": self._resolve,
                r"/storage/(?P<oid>[0-9a-f]{64})": self._storage,
            }
        )

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._dispatch(
            {
                r"/api/repos/create": self._create,
                r"/api/validate-yaml": self._validate_yaml,
                rf"/api/models/{_REPO}/preupload/(?P<revision>[^/]+)": self._preupload,
                rf"/{_REPO}\.git/info/lfs/objects/batch": self._batch,
                rf"/api/models/{_REPO}/commit/(?P<revision>[^/]+)": self._commit,
            }
        )

    def do_PUT(self) -> None:
        self._dispatch({r"/storage/(?P<oid>[0-9a-f]{64})": self._store})

    def _dispatch(self, routes: dict[str, Callable[..., None]]) -> None:
        self._body = self._read_body()
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.requests.append((self.command, path, headers))
        for pattern, answer in routes.items():
            if match := re.fullmatch(pattern, path):
                return answer(**match.groupdict())
        return self._error(404, "", f"no such page: {path}")

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts: list[bytes] = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    @property
    def _token(self) -> str | None:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def _repository(self, repo: str, files: bool = False) -> Repository | None:
        """Gives a repository the caller may see, or answers with the Hub's refusal."""
        found = self.hub.repositories.get(repo)
        if found is None or (found.private and self._token != WRITE_TOKEN):
            status = 404 if self._token else 401  # the Hub tells strangers no more than that
            self._error(status, "RepoNotFound", "Repository not found")
        elif found.gated and files and self._token != WRITE_TOKEN:
            status = 403 if self._token else 401
            self._error(status, "GatedRepo", f"Access to model {repo} is restricted")
        else:
            return found
        return None

    def _model_info(self, repo: str, revision: str = "main") -> None:
        found = self._repository(repo)
        if found is None:
            return None
        sha = found.find(revision)
        if sha is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        siblings = [{"rfilename": name} for name in found.commits[sha]]
        info = {"_id": "0", "id": repo, "modelId": repo, "sha": sha, "siblings": siblings}
        return self._json({**info, "private": found.private, "tags": [], "downloads": 0})

    def _tree(self, repo: str, revision: str, folder: str | None) -> None:
        found = self._repository(repo)
        sha = found and found.find(revision)
        if not found or not sha:
            return None if not found else self._error(404, "RevisionNotFound", "Invalid rev id")
        entries = []
        for name, data in found.commits[sha].items():
            entry: dict[str, object] = {"type": "file", "path": name, "size": len(data)}
            entry["oid"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            if is_large(name):
                oid = hashlib.sha256(data).hexdigest()
                entry["lfs"] = {"oid": oid, "size": len(data), "pointerSize": 134}
            entries.append(entry)
        return self._json(entries)

    def _resolve(self, repo: str, revision: str, name: str) -> None:
        found = self._repository(repo, files=True)
        if found is None:
            return None
        sha = found.find(revision)
        if sha is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        data = found.commits[sha].get(name)
        if data is None:
            return self._error(404, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if not is_large(name):
            etag = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            return self._data(data, {**headers, "ETag": f'"{etag}"'})
        oid = hashlib.sha256(data).hexdigest()
        self.hub.objects[oid] = data
        headers |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{oid}"'}
        return self._send(
            302, b"", {**headers, "Location": f"{self.hub.storage_url}/storage/{oid}"}
        )

    def _storage(self, oid: str) -> None:
        data = self.hub.objects.get(oid)
        if data is None:
            return self._error(404, "EntryNotFound", "Entry not found")
        return self._data(data, {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def _store(self, oid: str) -> None:
        if hashlib.sha256(self._body).hexdigest() != oid:
            return self._error(400, "", "content does not match its oid")
        self.hub.objects[oid] = self._body
        return self._send(200, b"", {})

    def _may_write(self) -> bool:
        if self._token == WRITE_TOKEN:
            return True
        known = self._token == READ_TOKEN
        message = "You don't have the rights" if known else "Invalid username or password."
        self._error(403 if known else 401, "", message)
        return False

    def _create(self) -> None:
        if not self._may_write():
            return None
        asked = json.loads(self._body)
        repo = f"{asked['organization']}/{asked['name']}"
        if repo in self.hub.repositories:
            url = f"{self.hub.url}/{repo}"
            return self._json({"error": "You already created this model repo", "url": url}, 409)
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.hub.repositories[repo] = Repository(private=private)
        self.hub.repositories[repo].commit({".gitattributes": b""})
        return self._json({"url": f"{self.hub.url}/{repo}", "name": repo})

    def _validate_yaml(self) -> None:
        self._json({"errors": [], "warnings": []})

    def _preupload(self, repo: str, revision: str) -> None:
        if not self._may_write() or self._repository(repo) is None:
            return
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if is_large(file["path"]) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(self._body)["files"]
        ]
        self._json({"files": files})

    def _batch(self, repo: str) -> None:
        if not self._may_write() or self._repository(repo) is None:
            return
        objects = []
        for item in json.loads(self._body)["objects"]:
            href = f"{self.hub.storage_url}/storage/{item['oid']}"
            stored = item["oid"] in self.hub.objects
            objects.append({**item, **({} if stored else {"actions": {"upload": {"href": href}}})})
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, repo: str, revision: str) -> None:
        found = self._repository(repo) if self._may_write() else None
        if found is None:
            return
        files: dict[str, bytes] = {}
        for line in self._body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        sha = found.commit(files, revision)
        url = f"{self.hub.url}/{repo}/commit/{sha}"
        self._json({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})

    def _data(self, data: bytes, headers: dict[str, str]) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        last = min(int(wanted[2]), len(data) - 1) if wanted and wanted[2] else len(data) - 1
        if wanted:
            headers = {**headers, "Content-Range": f"bytes {start}-{last}/{len(data)}"}
        self._send(206 if wanted else 200, data[start : last + 1], headers)

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, message: str) -> None:
        headers = {"Content-Type": "application/json", "X-Error-Message": message}
        if code:
            headers["X-Error-Code"] = code
        self._send(status, json.dumps({"error": message}).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if self.hub.manner and self.hub.manner_of in self.path:
            self.hub.manner_times -= 1
            if self.hub.manner_times >= 0:
                self._misbehave(status, body, headers)
                return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.break_next_download and self.path.startswith("/storage/"):
            self.hub.break_next_download = False
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def _misbehave(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        manner, self.close_connection = self.hub.manner, True
        if manner == "silent":
            self.hub.over.wait()
            return
        if manner == "come back":
            status, body, headers = 429, b"", {"Retry-After": "86400"}
        if manner == "starting over" and status == 206:
            status = 200
        lines = [f"HTTP/1.1 {status} Hm", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        if manner == "slow head":
            self._drip(head)
        self.wfile.write(head)
        if self.command == "HEAD":
            return
        if manner == "slow body":
            self._drip(body)
        half = manner == "starting over"
        self.wfile.write(body[: len(body) // 2] if half else body)

    def _drip(self, data: bytes) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            if self.hub.over.wait(0.05):
                return
