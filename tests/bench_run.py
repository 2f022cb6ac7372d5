"""What a person waits for: the default run, its first numbers, small commands, growth with size. One JSON line."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import io
import json
import os
import pty
import resource
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

ROOT = Path(__file__).parent.parent
SCENARIO = "scenarios/delta_mutual_recognition.yaml"
PACKAGE = "scenarios/delta_package.yaml"
SMALL = {
    "import": ["-c", "import simlib"],
    "list": ["-m", "simlib.cli", "list"],
    "check": ["-m", "simlib.cli", "check", SCENARIO],
    "parameters": ["-m", "simlib.cli", "parameters"],
    "schema": ["-m", "simlib.cli", "schema", "scenario"],
    "settle": ["-m", "simlib.cli", "settle", "tests/cases/gap.yaml"],
}
"""Commands that answer at once, as Python is called."""
OUT = tempfile.TemporaryDirectory(prefix="simlib_bench_")
"""Where runs write; thrown away at the end."""
GROWTH = {
    "draws": [(SCENARIO, "--draws", str(n)) for n in (16, 64, 256, 1024)],
    "people": [(SCENARIO, "--draws", "4", "--people", str(n)) for n in (10**4, 10**5, 10**6, 10**7)],
    "places": [("scenarios/delta_mutual_recognition_cities.yaml", "--draws", "4"), (SCENARIO, "--draws", "4")],
}
"""Runs by which time and memory over size are shown."""


def waited(command: Sequence[str], top: Path = ROOT, **environment: str) -> dict[str, float]:
    """Return wall seconds, processor seconds and peak MB of a Python process that runs in a checkout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.environ | {"PYTHONPATH": str(top), "OPENBLAS_NUM_THREADS": "1"} | environment
    began = perf_counter()
    process = subprocess.Popen([sys.executable, *command], cwd=top, env=own, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - began
    if status:
        raise SystemExit(f"{' '.join(command)}: ended with {os.waitstatus_to_exitcode(status)} in {top}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 2), "processor": round(used, 2), "peak_mb": round(usage.ru_maxrss * 1024 / 1e6)}


def run(scenario: str, *options: str) -> list[str]:
    """Return the command that runs a scenario into a folder that is thrown away."""
    return ["-m", "simlib.cli", "run", scenario, *options, "--out", tempfile.mkdtemp(dir=OUT.name)]


def first_numbers(command: Sequence[str], **environment: str) -> float:
    """Return the seconds until a person at a terminal sees the running headline of a run."""
    terminal, other = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    own = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    began, found = perf_counter(), [float("nan")]
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=own, stdout=subprocess.DEVNULL, stderr=other)
    os.close(other)

    def read() -> None:
        seen = b""
        while found[0] != found[0]:
            try:
                seen += os.read(terminal, 1 << 16)
            except OSError:  # the run has ended
                return
            if b"points (" in seen:
                found[0] = perf_counter() - began

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(600)
    process.kill()
    process.wait()
    os.close(terminal)
    return round(found[0], 2)


def beside_the_loop(jobs: int) -> dict[str, float]:
    """Return the visits of a default run in this process, what its loop takes of the processor, and what all takes."""
    from simlib import cli
    from simlib.simulation import simulate

    spent = {"visits": 0.0, "loop": 0.0}
    lock, loop = threading.Lock(), simulate.loop.loop

    def counted(*of: Any) -> int:
        began = thread_time()
        visits = loop(*of)
        with lock:
            spent["visits"] += visits
            spent["loop"] += thread_time() - began
        return int(visits)

    simulate.loop.loop = counted  # type: ignore[assignment]
    command = run(SCENARIO, "--jobs", str(jobs))[2:]
    with contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(command)
    assert code == 0, "the run failed"
    used = process_time()
    return {
        "visits": spent["visits"],
        "visits_per_second_loop": round(spent["visits"] / spent["loop"]),
        "processor_loop": round(spent["loop"], 2),
        "processor": round(used, 2),
        "times_the_loop": round(used / spent["loop"], 2),
    }


def inside(jobs: int, cache: str) -> dict[str, float]:
    """Return `beside_the_loop` of a process of its own with a folder of caches."""
    command = [sys.executable, __file__, "--inside", "--jobs", str(jobs)]
    own = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": cache, "OPENBLAS_NUM_THREADS": "1"}
    found = subprocess.run(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, check=True).stdout
    return dict(json.loads(found.splitlines()[-1]))


def forget_draws(cache: str) -> None:
    """Empty a folder of kept draws; compiled rules stay."""
    for path in Path(cache).glob("simlib/*/draws/*"):
        path.unlink()


def compared(commit: str, jobs: str) -> dict[str, Any]:
    """Return the default run of a commit beside that of this source, each after one that compiled its rules."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder) / "then"
        subprocess.run(["git", "worktree", "add", "-q", "--detach", top, commit], cwd=ROOT, check=True)
        try:
            found: dict[str, Any] = {"commit": commit}
            caches = {name: str(Path(folder) / f"cache_{name}") for name in ("then", "now")}
            for name, where in (("then", top), ("now", ROOT)):
                own = {"XDG_CACHE_HOME": caches[name], "NUMBA_CACHE_DIR": caches[name]}
                waited(run(SCENARIO, "--draws", "2", "--people", "1000"), where, **own)
                found[f"run_{name}"] = waited(run(SCENARIO, "--jobs", jobs), where, **own)
            found["run_now_again"] = waited(run(SCENARIO, "--jobs", jobs), XDG_CACHE_HOME=caches["now"])
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", top], cwd=ROOT, check=True)
    for name in ("run_now", "run_now_again"):
        for what in ("seconds", "processor"):
            found[f"times_faster_{what}_{name}"] = round(found["run_then"][what] / found[name][what], 2)
    return found


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return {"cpu": model, "cores": os.cpu_count(), "python": sys.version.split()[0]}


def measured(jobs: int) -> dict[str, Any]:
    """Return the default run with nothing kept, with compiled rules, with kept draws; then the small commands."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as cache:
        own, how = {"XDG_CACHE_HOME": cache}, ("--jobs", str(jobs))
        tell: Callable[[str], None] = lambda what: print(what, file=sys.stderr)  # noqa: E731
        found["run_nothing_kept"] = waited(run(SCENARIO, *how), **own)
        tell("run, nothing kept")
        forget_draws(cache)
        found["run_rules_compiled"] = inside(jobs, cache)
        tell("run, rules compiled")
        found["run_draws_kept"] = inside(jobs, cache)
        found["first_numbers_draws_kept"] = first_numbers(run(SCENARIO, *how), **own)
        tell("run, draws kept")
        found["report"] = waited(run(SCENARIO, "--report", *how), **own)
        found["attribution"] = waited(["-m", "simlib.cli", "attribute", PACKAGE, *how, *run("")[-2:]], **own)
        tell("report, attribution")
        forget_draws(cache)
        found["first_numbers_rules_compiled"] = first_numbers(run(SCENARIO, *how), **own)
        for name, command in SMALL.items():
            found[name] = min((waited(command, **own) for _ in range(3)), key=lambda one: one["seconds"])
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="threads (default 2)")
    parser.add_argument("--against", metavar="COMMIT", help="the default run of a commit beside this one instead")
    parser.add_argument("--growth", action="store_true", help="time and memory over draws, people and places instead")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(beside_the_loop(options.jobs)))
        return 0
    if options.against:
        found = compared(options.against, str(options.jobs))
    elif options.growth:
        how = ("--jobs", str(options.jobs))
        found = {
            axis: [{"run": " ".join(one)} | waited(run(*one, *how)) for one in runs] for axis, runs in GROWTH.items()
        }
    else:
        found = measured(options.jobs)
    print(json.dumps(found | {"jobs": options.jobs, "machine": machine()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
