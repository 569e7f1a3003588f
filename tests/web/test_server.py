"""The HTTP interface, asked as programs and as pages of other sites would."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from restoreflow.web.limits import Limits
from restoreflow.web.server import RECORD_HEADER
from tests.web.conftest import Client, Slow, photo, running


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_one_request_gives_the_result_with_its_metadata(client: Client) -> None:
    answer = client("POST", "/api/restore?name=C:%5Choliday%5Cm%C3%BCnchen.JPG", photo())
    assert answer.status == 200 and answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"].endswith("''m%C3%BCnchen_sr4x.JPG")
    image = opened(answer.body)
    assert image.size == (64, 48) and image.getexif()[0x0132] == "2021:05:06 07:08:09"
    record = json.loads(answer.headers[RECORD_HEADER.lower()])
    assert record["input"] == "münchen.JPG" and record["output"] == ["münchen_sr4x.JPG"]
    assert (record["schema"], record["status"], record["model"]) == (1, "done", "sr-x4")
    plain = client("POST", "/api/restore?strip_metadata=true&output_format=png", photo())
    assert plain.headers["content-disposition"].endswith("picture_sr4x.png")
    assert not opened(plain.body).getexif()


def test_samples_wait_to_be_fetched(client: Client) -> None:
    started = client("POST", "/api/restorations?name=a.png&samples=3&seed=5", photo("PNG"))
    assert started.status == 202 and started.record["status"] in ("queued", "running")
    place = started.headers["location"]
    record = client.finished("/api/restorations?name=a.png&samples=3&seed=5", photo("PNG"))
    assert record["status"] == "done" and record["seed"] == 5
    assert record["files"] == [
        "a_sr4x_1.png",
        "a_sr4x_2.png",
        "a_sr4x_3.png",
        "a_sr4x_uncertainty.png",
    ]
    files = [client("GET", link) for link in (*record["output"], record["uncertainty"])]
    assert [file.status for file in files] == [200] * 4
    assert len({file.body for file in files}) == 4
    assert files[0].headers["cache-control"] == "no-store"
    assert files[0].headers["x-content-type-options"] == "nosniff"
    own = f"/api/restorations/{record['id']}"
    section = client("GET", own + "/section")
    assert section.body.count(b'data-pick="') == 3 and b'data-map="spread"' in section.body
    assert client("DELETE", own).status == 204
    gone = client("GET", record["output"][0])
    assert gone.status == 404 and "no such result" in gone.record["error"]
    assert client("GET", place).status == 200  # the other one is not touched


@pytest.mark.parametrize(
    ("query", "size", "model"),
    [
        ("", (64, 48), "sr-x4"),
        ("model=sr-x2", (32, 24), "sr-x2"),
        ("longest=30", (30, 22), "sr-x2"),  # the next larger one
        ("longest=40", (40, 30), "sr-x4"),
        ("longest=40&model=sr-x4", (40, 30), "sr-x4"),
        ("scale=1.5", (24, 18), "sr-x2"),
    ],
)
def test_the_model_follows_the_size(
    client: Client, query: str, size: tuple[int, int], model: str
) -> None:
    answer = client("POST", f"/api/restore?{query}", photo())
    assert opened(answer.body).size == size
    assert json.loads(answer.headers[RECORD_HEADER.lower()])["model"] == model


@pytest.mark.parametrize(
    ("query", "body", "status", "words"),
    [
        ("", b"plain words", 422, "picture"),
        ("", photo()[:200], 422, "a.jpg"),
        ("", b"", 400, "no picture came"),
        ("", b"x" * 200_001, 413, "larger than 0.2 MB"),
        ("", photo("PNG", (80, 60)), 413, "80 x 60 pixels"),
        ("samples=5", photo(), 400, "4 at most"),
        ("samples=0", photo(), 400, "samples"),
        ("samples=many", photo(), 400, "samples"),
        ("sampels=2", photo(), 400, "samples"),
        ("seed=1&seed=2", photo(), 400, "twice"),
        ("temperature=-1", photo(), 400, "temperature"),
        ("temperature=NaN", photo(), 400, "temperature"),
        ("model=sr-x8", photo(), 400, "not offered"),
        ("model=/etc", photo(), 400, "not offered"),
        ("model=owner/name", photo(), 400, "not offered"),
        ("exposure=1", photo(), 400, "exposure"),
        ("longest=200", photo(), 422, "times as large"),
        ("output_format=gif", photo(), 400, "output_format"),
    ],
)
def test_what_cannot_be_is_said(
    client: Client, query: str, body: bytes, status: int, words: str
) -> None:
    answer = client("POST", f"/api/restore?name=a.jpg&{query}", body)
    record = answer.record
    assert answer.status == status, record
    assert record["status"] == "failed" and record["schema"] == 1
    assert words in f"{record['error']} {record['hint']}"


def test_a_body_without_a_length_ends_where_it_is_too_long(client: Client) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    chunks = (b"x" * 50_000 for _ in range(5))
    connection.request(
        "POST",
        "/api/restore",
        chunks,
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    assert connection.getresponse().status == 413
    connection.close()


def test_other_sites_are_kept_out(client: Client) -> None:
    ours, others = f"http://127.0.0.1:{client.port}", "https://elsewhere.example"
    assert client("POST", "/api/restore", photo(), Origin=ours).status == 200
    for origin in (others, "null", "http://127.0.0.1:1"):
        refused = client("POST", "/api/restore", photo(), Origin=origin)
        assert refused.status == 403 and "another site" in refused.record["error"]
    for host in ("elsewhere.example", "127.0.0.1.elsewhere.example", "[::1", ""):
        assert client("GET", "/", Host=host).status == 403  # a name that leads here
    for host in (f"localhost:{client.port}", f"[::1]:{client.port}"):
        assert client("GET", "/", Host=host).status == 200


def test_a_server_for_others_has_any_name(bundled: Path) -> None:
    with running(Limits(), local=False) as client:
        assert client("GET", "/", Host="pictures.example").status == 200
        same = client("POST", "/api/restore", b"", Host="a.example", Origin="https://a.example")
        assert same.status == 400
        assert client("POST", "/api/restore", b"", Origin="https://b.example").status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/../../etc/passwd",
        "/api/restorations/../../etc/passwd",
        "/api/restorations/%2e%2e/files/1",
        "/api/restorations/x/files/1",
        "/page.css",
    ],
)
def test_there_are_no_paths(client: Client, path: str) -> None:
    assert client("GET", path).status == 404


def test_no_file_is_left(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    record = client.finished("/api/restorations?name=..%2F..%2Fa.jpg&samples=2", photo())
    assert record["input"] == "a.jpg" and record["status"] == "done"
    assert list(tmp_path.iterdir()) == []


def test_what_is_offered_is_told(client: Client) -> None:
    told = client("GET", "/api").record
    assert [model["name"] for model in told["models"]] == ["sr-x4", "sr-x2"]
    assert told["limits"]["bytes"] == 200_000


def test_a_full_queue_says_so_and_what_is_dropped_makes_room() -> None:
    maker = Slow()
    with running(Limits(queue=2), maker) as client:
        states = [client("POST", "/api/restorations", b"1").record]
        maker.begun.acquire()
        states += [client("POST", "/api/restorations", b"2").record for _ in range(2)]
        assert [state["ahead"] for state in states[1:]] == [1, 2]
        full = client("POST", "/api/restorations", b"3")
        assert full.status == 503 and "waiting already" in full.record["error"]
        assert full.headers["retry-after"] == "30"
        first = states[0]
        while not first.get("total"):
            first = client("GET", f"/api/restorations/{first['id']}").record
        assert first["status"] == "running" and 0 < first["done"] < first["total"] == 1000
        for state in states[:2]:  # the one that is worked on ends, and the next
            assert client("DELETE", f"/api/restorations/{state['id']}").status == 204
        maker.begun.acquire()
        assert client("POST", "/api/restorations", b"4").status == 202
        maker.go.set()
        last = states[2]
        while last["status"] in ("queued", "running"):
            last = client("GET", f"/api/restorations/{last['id']}").record
        assert last["error"] == "this one never is done"
