"""The command line: `simlib run`, `check`, `settle`, `parameters`, `schema`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from simlib.terms import BadInputError

FINE, OUR_FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 if fine, 2 for bad input (one clear message), 1 for a fault of ours."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill cleans up as Ctrl-C does
    try:
        return int(options.command(options))
    except BadInputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        sys.stdout = None
        return FINE
    except KeyboardInterrupt:
        print("interrupted: no file was left half-written", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="simlib", description="What if the rules of cross-province direct settlement changed?"
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    run = _command(commands, "run", run_scenarios, "simulate scenarios beside their reference on the same luck")
    run.add_argument("scenarios", nargs="+", type=Path, metavar="SCENARIO", help="scenario file")
    run.add_argument("--draws", type=int, default=64, help="parameter draws (default 64)")
    run.add_argument("--seed", type=int, default=0, help="names the luck (default 0)")
    run.add_argument(
        "--people", type=int, default=100_000, help="people to draw per run (default 100,000); every group keeps one"
    )
    run.add_argument("--jobs", type=int, help="threads (default: all cores); never changes a result")
    run.add_argument("--out", type=Path, help="folder for the results (default .out/NAME)")
    check = _command(commands, "check", check_files, "check scenario and case files")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    settle = _command(commands, "settle", settle_cases, "price one patient's bill both ways, layer by layer")
    settle.add_argument("files", nargs="+", type=Path, metavar="CASE")
    _command(
        commands, "parameters", list_parameters, "list every number of the model with unit, range, grade and source"
    )
    schema = _command(commands, "schema", print_schema, "print the JSON Schema of a file format, for editors")
    schema.add_argument("format", choices=("scenario", "case"))
    return top


def _command(commands: Any, name: str, action: Any, about: str) -> argparse.ArgumentParser:
    """Add one command with its `--json`."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(command=action)
    return command


def run_scenarios(options: argparse.Namespace) -> int:
    """Simulate, print the headlines, write the results whole, the manifest last."""
    import os

    from simlib import experiment, findings, headline, outputs, scenario

    scenarios = [scenario.load(path) for path in options.scenarios]
    how = {
        "draws": options.draws,
        "seed": options.seed,
        "jobs": (os.cpu_count() or 1) if options.jobs is None else options.jobs,
    }
    experiment.check(scenarios, people=options.people, **how)
    folder = options.out or Path(".out") / "+".join(of.name for of in scenarios)
    outputs.prepare(folder)
    runs = experiment.repeat(scenarios, people=options.people, progress=_bar("draws", options.draws), **how)
    curve = findings.attention_curve(scenarios, progress=_bar("curve over attention", options.draws), **how)
    outputs.write(folder, runs, curve)
    if options.json:
        found = json.loads((folder / "headline.json").read_text(encoding="utf-8"))
        print(json.dumps({"headlines": found, "folder": str(folder)}, ensure_ascii=False, indent=2))
    else:
        print(headline.text(runs, curve), f"\n\nWritten to {folder}: {', '.join(outputs.NAMES)}", sep="")
    return FINE


def _bar(what: str, total: int) -> Any:
    """Return a progress bar for a person at a terminal, and nothing for a log."""

    def wrap(outcomes: Iterable[Any]) -> Iterable[Any]:
        from tqdm import tqdm

        bar: Iterable[Any] = tqdm(outcomes, desc=what, total=total, leave=False, disable=not sys.stderr.isatty())
        return bar

    return wrap


def check_files(options: argparse.Namespace) -> int:
    """Check each file, all faults at once."""
    from simlib import cases, documents, scenario

    faults: list[Any] = []
    fine: list[str] = []
    for path in options.files:
        try:
            data = documents.read(path).data
            is_case = isinstance(data, dict) and "cases" in data
            (cases.load if is_case else scenario.load)(path)
            fine.append(str(path))
        except BadInputError as error:
            faults += error.faults
    if options.json:
        print(json.dumps({"fine": fine, "faults": [str(fault) for fault in faults]}, ensure_ascii=False, indent=2))
    else:
        for name in fine:
            print(f"{name}: fine")
    if faults:
        raise BadInputError(*faults)
    return FINE


def settle_cases(options: argparse.Namespace) -> int:
    """Price every case both ways; exit 1 if an expectation written in a file is not met."""
    from simlib import cases, sheet

    found = [case for path in options.files for case in cases.load(path)]
    if options.json:
        print(json.dumps(sheet.as_json(found), ensure_ascii=False, indent=2))
    else:
        print(sheet.main_text(found))
    unmet = [f"{case.name}: {what}" for case in found for what in cases.check(case)]
    for line in unmet:
        print(line, file=sys.stderr)
    return OUR_FAULT if unmet else FINE


def list_parameters(options: argparse.Namespace) -> int:
    """Print every declared number."""
    from simlib import declared

    rows = [
        {
            "id": q.id,
            "role": q.role,
            "default": q.default,
            "low": q.low,
            "high": q.high,
            "dist": q.dist,
            "unit": q.unit,
            "grade": q.grade,
            "meaning": q.meaning,
            "source": q.source,
        }
        for q in declared.quantities().values()
    ]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return FINE
    for row in rows:
        spread = "" if row["low"] is None else f" [{row['low']:g}, {row['high']:g}] {row['dist']}"
        default = "national default" if row["default"] is None else row["default"]
        default = f"{default:.4g}" if isinstance(default, float) else default
        print(f"{row['id']}\n    {row['role']}, {default}{spread}, {row['unit']}, {row['grade']}: {row['meaning']}")
        print(f"    {row['source']}")
    return FINE


def print_schema(options: argparse.Namespace) -> int:
    """Print a JSON Schema."""
    from simlib import cases, scenario

    schema = scenario.json_schema() if options.format == "scenario" else cases.json_schema()
    print(json.dumps(schema, ensure_ascii=False, indent=2))
    return FINE


if __name__ == "__main__":
    sys.exit(main())
