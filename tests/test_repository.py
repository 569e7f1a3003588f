"""What stands beside the code: files that other programs read, and facts that stand twice."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from check_jsonschema import main as check_jsonschema

import restoreflow

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
FORMS = [path for path in sorted(GITHUB.glob("ISSUE_TEMPLATE/*.yml")) if path.name != "config.yml"]

SCHEMAS = {
    "github-workflows": sorted(GITHUB.glob("workflows/*.yml")),
    "github-issue-forms": FORMS,
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "dependabot": [GITHUB / "dependabot.yml"],
    "citation-file-format": [ROOT / "CITATION.cff"],
}

pytestmark = pytest.mark.skipif(not GITHUB.is_dir(), reason="not a checkout")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_for_other_programs_are_as_those_want_them(schema: str) -> None:
    assert SCHEMAS[schema]
    words = ["--builtin-schema", f"vendor.{schema}", *map(str, SCHEMAS[schema])]
    with pytest.raises(SystemExit) as ended:
        check_jsonschema(words)
    assert ended.value.code == 0


def test_workflows_run_what_they_name_and_pin_what_they_use() -> None:
    """Actions by their commit, so that a moved tag changes nothing; every job with an end."""
    for path in SCHEMAS["github-workflows"]:
        text = path.read_text()
        uses = re.findall(r"uses: (\S+)(.*)", text)
        for action, comment in uses:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), (path.name, action)
            assert re.fullmatch(r" # v[\d.]+", comment), (path.name, action)
        assert text.count("runs-on:") == text.count("timeout-minutes:"), path.name


def test_python_versions_stand_alike_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    marked = re.findall(r"Python :: (3\.\d+)'", str(project["project"]["classifiers"]))
    tested = re.search(r"python: \[(.*)\]", (GITHUB / "workflows" / "ci.yml").read_text())
    assert tested
    assert re.findall(r"3\.\d+", tested[1]) == marked
    floor = marked[0]
    assert project["project"]["requires-python"] == f">={floor}"
    assert project["tool"]["pyright"]["pythonVersion"] == floor
    assert project["tool"]["ruff"]["target-version"] == f"py{floor.replace('.', '')}"
    assert f"Python {floor} or newer" in (ROOT / "README.md").read_text()


def test_the_version_stands_alike_everywhere() -> None:
    version = restoreflow.__version__
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert cited and newest
    assert (cited[1], newest[1]) == (version, version)


def test_the_container_gets_what_it_builds_from() -> None:
    """Everything that the wheel is built from is let through .dockerignore."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], *project["project"]["license-files"]}
    assert needed | {"README.md", "pyproject.toml", "constraints.txt"} <= allowed
    docker = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d*$", docker, re.MULTILINE), "it runs as root"
