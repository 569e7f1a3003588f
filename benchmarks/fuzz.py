"""Damaged files through every reader: nothing may come of them but a result or an error of ours.

    python benchmarks/fuzz.py [--minutes 60] [--seed 0] [--without-extras] [--seeds FOLDER ...] \
        [--found fuzz/] [--out FILE.json]

Seeds are a small picture in every format that is written here, the tests' files, and the files of
--seeds. Each round takes one of them, or two spliced, and changes bytes, lengths, blocks or its
end; what a round does is a function of --seed and its number. Pictures are measured, decoded and
written again in their own format; model folders are opened and verified; manifests are read.
Readers run in a process of their own, with 4 GiB of address space and 20 processor seconds a file:
what ends it, or raises another error than ours, is kept under --found.

Ctrl-C ends it earlier, with its report. Exit status 1 when anything was found.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from restoreflow.outputs.gate import MANIFEST_NAME

ROOT = Path(__file__).resolve().parents[1]
MEMORY, SECONDS = 4 * 2**30, 20
MOST_PIXELS = 200_000
LONGEST_SEED = 60_000
EXTRAS = "pillow_heif", "pillow_jxl"
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def main() -> None:
    """Fuzz until the time is up, and say what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-extras", action="store_true", help="as in a plain installation")
    parser.add_argument("--seeds", type=Path, nargs="*", default=[])
    parser.add_argument("--found", type=Path, default=Path("fuzz"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.without_extras:
        for name in EXTRAS:
            sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    if asked.read:
        read_all()
        return
    began = time.monotonic()
    counts, found = fuzz(asked)
    readers = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = {
        "minutes": round((time.monotonic() - began) / 60, 1),
        "processor_seconds": round(readers.ru_utime + readers.ru_stime),
        "seed": asked.seed,
        "extras": not asked.without_extras,
        "files": sum(counts.values()),
        "outcomes": dict(sorted(counts.items())),
        "found": found,
    }
    print(json.dumps(report, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(1 if found else 0)


def fuzz(asked: argparse.Namespace) -> tuple[collections.Counter[str], list[str]]:
    """Rounds until the time is up: how they ended, and the names of what is kept."""
    seeds = find_seeds(asked.seeds)
    print(f"{len(seeds)} seeds", file=sys.stderr)
    ends, kept = time.monotonic() + 60.0 * asked.minutes, []
    counts: collections.Counter[str] = collections.Counter()
    reader: Reader | None = None
    number = 0
    with tempfile.TemporaryDirectory() as scratch, contextlib.suppress(KeyboardInterrupt):
        path = Path(scratch) / "file"
        while time.monotonic() < ends:
            chance = random.Random(f"{asked.seed} {number}")
            kind, data = damaged(seeds, chance)
            path.write_bytes(data)
            reader = reader if reader is not None and reader.alive else Reader(asked.without_extras)
            outcome = reader.read(kind, path)
            counts[outcome.partition(":")[0]] += 1
            if not outcome.startswith(("read", "refused")):
                asked.found.mkdir(parents=True, exist_ok=True)
                name = f"{asked.seed}-{number}.{kind}"
                (asked.found / name).write_bytes(data)
                kept.append(f"{name}: {outcome}")
                print(kept[-1], file=sys.stderr)
            number += 1
    if reader is not None:
        reader.process.kill()
        reader.process.wait()
    return counts, kept


class Reader:
    """A process that reads files, one after another, until one of them ends it."""

    def __init__(self, without_extras: bool) -> None:
        command = [sys.executable, "-W", "ignore", __file__, "--read"]
        if without_extras:
            command.append("--without-extras")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def read(self, kind: str, path: Path) -> str:
        """How a file was taken: "read", "refused", or what went wrong."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{kind} {path}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer:
            return answer
        code = self.process.wait()
        if code in (-signal.SIGALRM, -signal.SIGPROF):
            return f"slow: more than {SECONDS} seconds"
        return f"ended: {signal.Signals(-code).name if code < 0 else code}"


def read_all() -> None:
    """The reader's side: a line in, a line out."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        kind, _, name = line.strip().partition(" ")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(15 * SECONDS)
        outcome = read_one(kind, Path(name))
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        answers.write(outcome.replace("\n", " ")[:300] + "\n")
        answers.flush()


def read_one(kind: str, path: Path) -> str:
    """Read a file as what it may be."""
    from restoreflow.errors import RestoreflowError

    try:
        {"picture": read_picture, "model": read_model, "manifest": read_manifest}[kind](path)
    except RestoreflowError:
        return "refused"
    except BaseException as error:
        return f"defect: {type(error).__name__}: {error}"
    return "read"


def read_picture(path: Path) -> None:
    """As `sr` does, and before it a dry run."""
    from restoreflow.images.decode import decode, read_size
    from restoreflow.images.encode import encode

    read_size(path)
    encode(decode(path, max_pixels=MOST_PIXELS))


def read_model(path: Path) -> None:
    """A model folder whose config.json, or weights, the file is."""
    from restoreflow.models.folder import load_folder, verify_folder

    config, _, weights = path.read_bytes().partition(b"\0weights\0")
    with contextlib.suppress(ValueError, TypeError, KeyError):  # beyond the hash
        told = json.loads(config)
        told["sha256"]["model.safetensors"] = hashlib.sha256(weights).hexdigest()
        config = json.dumps(told).encode()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "config.json").write_bytes(config)
        (folder / "model.safetensors").write_bytes(weights)
        verify_folder(folder)
        load_folder(folder)


def read_manifest(path: Path) -> None:
    """As a run that goes on does."""
    from restoreflow.batch.manifest import finished

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / f"{MANIFEST_NAME}.jsonl").write_bytes(path.read_bytes())
        finished(folder, {"a_sr4x.png", "b_sr4x.png"})


def find_seeds(folders: list[Path]) -> list[tuple[str, bytes]]:
    """Whole files, with what each is."""
    from PIL import Image

    from restoreflow.images.decode import from_image
    from restoreflow.images.encode import encode
    from restoreflow.images.formats import OUTPUT_FORMATS

    seeds = [("model", small_model()), ("manifest", small_manifest())]
    for mode in ("RGB", "RGBA", "L"):
        small = Image.linear_gradient("L").resize((24, 20)).convert(mode)
        seeds += [("picture", encode(from_image(small), name)) for name in OUTPUT_FORMATS]
    files = [path for folder in (ROOT / "tests" / "data", *folders) for path in folder.rglob("*")]
    for path in sorted(files):
        if path.is_file() and path.stat().st_size <= LONGEST_SEED:
            seeds.append(("picture", path.read_bytes()))
    return seeds


def small_model() -> bytes:
    """A model folder's two files in one, of a network of a few thousand values."""
    from restoreflow.flows.config import FlowConfig
    from restoreflow.models.config import ModelConfig
    from restoreflow.models.folder import save_folder
    from restoreflow.networks.config import NetworkConfig
    from restoreflow.networks.restoration_network import build_network

    network, flow = NetworkConfig(width=8, depth=1, context=1), FlowConfig(steps=1, hidden=8)
    config = ModelConfig(name="small", task="sr", scale=4, network=network, flow=flow)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "small"
        save_folder(folder, config, build_network(config), "", {})
        files = (folder / name for name in ("config.json", "model.safetensors"))
        return b"\0weights\0".join(path.read_bytes() for path in files)


def small_manifest() -> bytes:
    """What a run over two pictures writes beside its results."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "in").mkdir()
        for name in ("a.png", "b.png"):
            Image.linear_gradient("L").resize((12, 10)).save(folder / "in" / name)
        command = [sys.executable, "-m", "restoreflow", "sr", folder / "in", "-o", folder / "out"]
        subprocess.run(command, check=True, capture_output=True)
        (path,) = (folder / "out").glob(f"{MANIFEST_NAME}*.jsonl")
        return path.read_bytes()


def damaged(seeds: list[tuple[str, bytes]], chance: random.Random) -> tuple[str, bytes]:
    """A seed after one to six changes."""
    (kind,) = chance.choices(("picture", "model", "manifest"), (18, 1, 1))
    whole = chance.choice([data for like, data in seeds if like == kind])
    data = bytearray(whole)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        if not data:
            break
        change(data, chance, [other for like, other in seeds if like == kind])
    return kind, bytes(data)


def change(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    """One change in place. Half of the places are in the first 512 bytes, where headers are."""
    reach = min(len(data), 512) if chance.random() < 0.5 else len(data)
    place = chance.randrange(reach)
    match chance.randrange(8):
        case 0:
            data[place] ^= 1 << chance.randrange(8)
        case 1:
            data[place] = chance.randrange(256)
        case 2:
            size, order = chance.choice((1, 2, 4)), chance.choice(("big", "little"))
            value = chance.choice(NUMBERS) % 256**size
            data[place : place + size] = value.to_bytes(size, order)
        case 3:
            del data[place : place + chance.choice((1, 2, 4, 16, 256))]
        case 4:
            block = data[place : place + chance.choice((1, 4, 12, 64, 512))]
            data[place:place] = block * chance.choice((1, 2, 9))
        case 5:
            del data[place:]
        case 6:
            other = chance.choice(others)
            cut = chance.randrange(len(other)) if other else 0
            data[place:] = other[cut:]
        case _:
            data[place : place + 8] = bytes(chance.randrange(256) for _ in range(8))


if __name__ == "__main__":
    main()
