"""What the ledger adds to a run, from its first month to its files, in one process: one JSON line."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time, thread_time
from typing import Any

from simlib import cli
from simlib.fund import indicators
from simlib.study import experiment, folders

ROOT = Path(__file__).parent.parent
SCENARIO = ROOT / "scenarios" / "delta_mutual_recognition.yaml"
LEDGER: tuple[tuple[Any, str], ...] = (
    (experiment, "follow"),
    (indicators, "monthly"),
    (indicators, "effects"),
    (experiment, "parts_table"),
    (experiment, "cash_table"),
    (folders, "books"),
)
"""All that a run does for its books, writing included."""
MOST = 0.25
"""By how much the ledger may lengthen a run."""


def counted(work: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    """Return some work that notes the seconds of processor that it takes."""

    def noted(*args: Any, **more: Any) -> Any:
        began = thread_time()
        try:
            return work(*args, **more)
        finally:
            spent[name] = spent.get(name, 0.0) + thread_time() - began

    return noted


def main() -> int:
    """Measure a run, print, and return 1 if the ledger takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", default=str(SCENARIO))
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:

        def run(draws: int, *more: str) -> None:
            how = ["--draws", str(draws), "--jobs", str(options.jobs), "--out", folder, "--json", *more]
            stdout, sys.stdout = sys.stdout, sys.stderr
            try:
                assert cli.main(["run", options.scenario, *how]) == 0
            finally:
                sys.stdout = stdout

        run(2, "--people", "1000")  # compiles, where nothing has yet
        for module, name in LEDGER:
            setattr(module, name, counted(getattr(module, name), name, spent))
        began = process_time()
        run(options.draws)
        whole = process_time() - began
    ledger = sum(spent.values())
    share = ledger / (whole - ledger)
    found = {"draws": options.draws, "seconds_cpu": round(whole, 1), "seconds_cpu_ledger": round(ledger, 2)}
    found |= {"added": round(share, 3), "of": {name: round(seconds, 2) for name, seconds in spent.items()}}
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    print(json.dumps(found))
    return 0 if share < MOST else 1


if __name__ == "__main__":
    sys.exit(main())
