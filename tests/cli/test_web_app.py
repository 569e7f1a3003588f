"""`restoreflow app`: from a command line to a server, and to its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_this_machine_until_it_is_told_to_end(end: signal.Signals) -> None:
    words = ["-m", "restoreflow", "app", "--port", "0", "--max-pixels", "5000"]
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    try:
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=60) as page:
            assert "Drop pictures here" in page.read().decode()
    finally:
        process.send_signal(end)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.usefixtures("bundled")
def test_an_address_that_is_not_to_be_had(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("app", "--port", port)
    assert result.code == 1
    assert f"127.0.0.1, port {port}" in result.err and "--port 0" in result.err
    assert run("app", "--host", "no such host").code == 1


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_what_to_install_is_told(run: Run, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("restoreflow.web.se")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)

    class Missing:
        def find_spec(self, name: str, *rest: object) -> None:
            if name.split(".")[0] == missing:
                raise ModuleNotFoundError(f"No module named {name!r}", name=missing)

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    result = run("app", "--port", 0)
    assert result.code == 2 and 'pip install "restoreflow[app]"' in result.err


@pytest.mark.usefixtures("bundled")
def test_an_unknown_model_is_told_before_anything_is_served(run: Run) -> None:
    result = run("app", "--model", "sr-x5")
    assert result.code == 6 and "sr-x5" in result.err
