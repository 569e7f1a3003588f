"""examples/space: its app is the same page, with its own limits, as a Space would start it."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from pathlib import Path

SPACE = Path(__file__).parents[2] / "examples" / "space"


def test_it_serves_the_page_with_its_own_limits() -> None:
    code = "import app, dataclasses, sys; serving = dataclasses.replace(app.SERVING, port=0)\n"
    code += "app.serve(serving, lambda address: print(address, flush=True))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(SPACE), *sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://0\.0\.0\.0:(\d+)/", process.stdout.readline())
        assert found is not None
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        connection.request("GET", "/api", headers={"Host": "someone-restoreflow.hf.space"})
        told = json.loads(connection.getresponse().read())
        connection.close()
        assert [model["name"] for model in told["models"]] == ["sr-x4", "sr-x4-photo", "lowlight"]
        assert told["limits"]["pixels"] == 400_000
    finally:
        process.terminate()
        process.wait(60)


def test_its_card_says_where_it_listens() -> None:
    card = (SPACE / "README.md").read_text().split("---")[1]
    assert "sdk: docker" in card and "app_port: 7860" in card
    assert "port=7860" in (SPACE / "app.py").read_text()
