"""The command as a whole: what it imports, how it ends, and what it says when it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from restoreflow import __version__
from restoreflow.cli import restore_command
from restoreflow.errors import FlaggedError, LimitError, ModelError, RestoreflowError, UsageError
from tests.cli.conftest import Run, picture

HEAVY = ("torch", "PIL", "numpy", "huggingface_hub", "safetensors", "matplotlib")


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(word: str) -> None:
    code = (
        "import sys\nfrom restoreflow.cli.app import main\n"
        f"try: main([{word!r}])\nexcept SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_version(run: Run) -> None:
    outcome = run("--version")
    assert (outcome.code, outcome.out.strip()) == (0, f"restoreflow {__version__}")


def test_help_has_three_examples_and_the_exit_codes(run: Run) -> None:
    text = run("--help").out
    assert text.count("restoreflow sr ") == 3
    assert "130 interrupted" in " ".join(text.split())


def test_each_option_of_sr_has_a_default_or_is_a_switch(run: Run) -> None:
    options = re.split(r"\n  (?=-)", run("sr", "--help-all").out)[1:]
    assert len(options) > 40
    switch = re.compile(r"(-\w, )?--[\w-]+( / --[\w-]+)?  ")
    missing = [each for each in options if "[default:" not in each and not switch.match(each)]
    assert [each.split()[1] for each in missing] == ["--out"]


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("words", ["sr --help-all", "sr --help", "--help", "models show --help"])
def test_help_is_readable_at_any_width(
    run: Run, width: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = run(*words.split()).out
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text and "( )" not in text and "<" not in text


def test_help_shows_what_matters_and_help_all_the_rest(run: Run) -> None:
    usual, everything = (run("sr", word).out for word in ("--help", "--help-all"))
    names = [set(re.findall(r"(?m)^  (?:-\w, )?(--[\w-]+)", each)) for each in (usual, everything)]
    assert {"--out", "--scale", "--samples", "--help-all"} <= names[0]
    assert len(names[0]) <= 20
    assert {"--precision", "--shard", "--actors"} <= names[1] - names[0]


def test_verbs_stand_in_the_order_of_their_use(run: Run) -> None:
    verbs = re.findall(r"(?m)^  ([a-z][\w-]+) ", run("--help").out)
    assert verbs[:7] == ["sr", "lowlight", "ood-check", "app", "models", "export", "doctor"]
    assert verbs[7:] == ["evaluate", "train", "fit-ood"]


SLIPS = [
    ("upscale a.png", '"upscale" is no command (restoreflow sr enlarges'),
    ("modls", 'did you mean "models"?'),
    ("a.png", "a.png is no command (to enlarge it: restoreflow sr a.png)"),
    ("sr a.png b.png --format human", "if it is to be the result: restoreflow sr a.png -o b.png"),
    ("sr a.png --output-format gif", '--output-format is "gif", which is not written'),
]


@pytest.mark.parametrize(("words", "told"), SLIPS)
def test_habits_from_elsewhere_get_the_way_here(
    run: Run, words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "a.png")
    outcome = run(*words.split())
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert told in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


ERRORS = [
    (RestoreflowError("no", "try"), 1),
    (UsageError("no", "try"), 2),
    (LimitError("no", "try"), 5),
    (ModelError("no", "try"), 6),
    (FlaggedError("no", "try"), 7),
    (KeyboardInterrupt(), 130),
    (MemoryError(), 5),
    (OSError(28, "No space left on device"), 5),
    (ZeroDivisionError("division by zero"), 1),
    (BrokenPipeError(32, "Broken pipe"), 1),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_errors_have_their_exit_code_and_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(restore_command, "restore_files", fail)
    outcome = run("sr", "photo.jpg")
    assert outcome.code == code
    assert outcome.out == ""
    lines = 0 if isinstance(error, BrokenPipeError) else 1
    assert outcome.err.count("\n") == lines
    assert "Traceback" not in outcome.err
    if isinstance(error, RestoreflowError):
        assert outcome.err == "restoreflow: no (try)\n"


@pytest.mark.parametrize("how", ["option", "variable"])
def test_debug_shows_the_traceback(run: Run, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    def fail(*_: object) -> None:
        raise ModelError("gone", "find it")

    monkeypatch.setattr(restore_command, "restore_files", fail)
    if how == "variable":
        monkeypatch.setenv("RESTOREFLOW_DEBUG", "1")
    outcome = run("sr", "photo.jpg", *(["--debug"] if how == "option" else []))
    assert outcome.code == 6
    assert outcome.err.startswith("Traceback")
    assert outcome.err.endswith("restoreflow: gone (find it)\n")


USAGE = [
    (["sr"], "restoreflow sr photo.jpg"),
    (["sr", "a.png", "--tempreature", "1"], "--temperature"),
    (["sr", "a.png", "--samples", "0"], "--samples"),
    (["sr", "a.png", "--temperature", "-0.5"], "--temperature is -0.5"),
    (["sr", "a.png", "--temperature", "nan"], "--temperature is nan"),
    (["sr", "a.png", "--temperature", "inf"], "--temperature is inf"),
    (["sr", "a.png", "--seed", str(2**64)], "--seed is 18446744073709551616"),
    (["sr", "a.png", "--tile", "3"], "--tile is 3"),
    (["sr", "a.png", "--tile", "big"], '--tile is "big"'),
    (["sr", "a.png", "--precision", "int8"], "--precision"),
    (["sr", "a.png", "--format", "xml"], "--format"),
    (["sr", "a.png", "--uncertainty"], "--samples 8"),
    (["enlarge", "a.png"], "enlarge"),
]


@pytest.mark.parametrize(("words", "told"), USAGE, ids=lambda value: str(value)[:40])
def test_usage_errors_end_with_2_in_one_line(run: Run, words: list[str], told: str) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("restoreflow: ")
    assert told in outcome.err
    assert outcome.out == ""


def test_a_reader_that_goes_away_is_no_error_message() -> None:
    command = [sys.executable, "-m", "restoreflow", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() in (0, 1)


def test_the_page_of_commands_is_what_help_says() -> None:
    script = Path(__file__).parents[2] / "docs" / "generate_cli.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("own", "load", "expected"),
    [(None, 5.0, "PASSIVE"), (None, 0.1, None), ("ACTIVE", 5.0, "ACTIVE")],
)
def test_waiting_threads_sleep_on_a_busy_machine_unless_told_otherwise(
    own: str | None, load: float, expected: str | None, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setenv("OMP_WAIT_POLICY", own or "")  # so that it is put back
    if own is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    run("--version")
    assert os.environ.get("OMP_WAIT_POLICY") == expected


@pytest.mark.parametrize("words", [[], ["evaluate"], ["models"]], ids=" ".join)
def test_groups_of_commands_alone_show_their_help(run: Run, words: list[str]) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert "Usage: restoreflow" in outcome.out
    assert outcome.err == ""


def test_messages_are_free_of_other_libraries_words(run: Run) -> None:
    for words in (["--bit-depth", "5"], ["--format", "xml"], ["--ood", "perhaps"]):
        outcome = run("sr", "a.png", *words)
        assert f"'{words[1]}' is not one of" in outcome.err
        assert "Value error" not in outcome.err
