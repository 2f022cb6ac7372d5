"""The command line: one function a command, which `simlib --help` lists."""

from __future__ import annotations

import argparse
import datetime
import errno
import gc
import json
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from simlib.errors import BadInputError
from simlib.terms import KINDS, SCHEMES

FINE, OUR_FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""What a machine may refuse where no command foresees it, such as to keep compiled rules: no space, no right."""


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
    except OSError as error:
        if error.errno not in MACHINE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"{where}{error.strerror}. Free space, or name a place that you may write.", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted: no file was left half-written", file=sys.stderr)
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one line, not under a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Print what was found, what was expected and where to look; exit with 2."""
        from simlib.errors import did_you_mean, shown

        said = message.removeprefix("argument ")
        if choice := re.fullmatch(r"(.+): invalid choice: (.+) \(choose from (.+)\)", said):
            found, known = (re.findall(r"[^\s,']+", choice[i]) for i in (2, 3))
            said = f"{choice[1]}: found {shown(' '.join(found))}. {did_you_mean(' '.join(found), known)}"
        help_ = "" if said.endswith((".", "?")) else f". See `{self.prog} --help`."
        self.exit(BAD_INPUT, f"{self.prog}: {said}{help_}\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(prog="simlib", description="What if the rules of cross-province direct settlement changed?")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    run = _command(commands, "run", run_scenarios, "simulate scenarios beside their reference on the same luck")
    run.add_argument(
        "scenarios", nargs="+", type=Path, metavar="SCENARIO", help="scenario file, or several as one: a.yaml+b.yaml"
    )
    _add_draws(run, people=100_000)
    run.add_argument("--pools", type=Path, metavar="FILE", help="what each pool has: CSV or XLSX (default: synthetic)")
    run.add_argument("--out", type=Path, help="folder for the results (default .out/NAME)")
    run.add_argument("--attribute", action="store_true", help="split what a package does among its measures too")
    run.add_argument("--report", action="store_true", help="write the reports of the run too, in Chinese and English")
    check = _command(commands, "check", check_files, "check scenario and case files")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    settle = _command(commands, "settle", settle_cases, "price one patient's bill both ways, layer by layer")
    settle.add_argument("files", nargs="+", type=Path, metavar="CASE")
    settle.add_argument("--explain", action="store_true", help="print the sheet of each visit, rule by rule")
    settle.add_argument("--lang", choices=("zh", "en"), help="one language (default English with Chinese terms)")
    fitted = _command(commands, "fit", fit_draws, "narrow the unknowns by published ranks, shares and sizes")
    fitted.add_argument(
        "root",
        type=Path,
        nargs="?",
        default=Path("scenarios/baseline.yaml"),
        metavar="ROOT",
        help="scenario whose rules were in force (default scenarios/baseline.yaml)",
    )
    fitted.add_argument("--to", type=_whole, metavar="YEAR", help="read no anchor of a later year (default: all)")
    fitted.add_argument("--anchors", type=Path, metavar="FILE", help="CSV or XLSX of your own published figures")
    fitted.add_argument("--seed", type=_whole, default=0, help="names the candidates (default 0)")
    fitted.add_argument("--jobs", type=_whole, help="threads (default: all cores); never changes a result")
    fitted.add_argument("--out", type=Path, default=Path(".out/fit"), help="folder for the results (default .out/fit)")
    past = _command(commands, "hindcast", hindcast, "foretell national figures known by now from earlier ones, scored")
    past.add_argument("--fit-to", type=_whole, required=True, metavar="YEAR", help="read no row of a later year")
    past.add_argument("--seed", type=_whole, default=0, help="names the luck (default 0)")
    scored = _command(commands, "score", score, "score the frozen predictions by figures published since")
    scored.add_argument("file", type=Path, metavar="FILE", help="CSV or XLSX with the columns figure, year, value")
    numbers = _command(
        commands, "parameters", list_parameters, "list every number of the model with unit, range, grade and source"
    )
    numbers.add_argument("--markdown", action="store_true", help="print the levers only, as a table in Markdown")
    numbers.add_argument("--area", help="list an area's own policy instead, field by field: name or code")
    numbers.add_argument("--scheme", choices=SCHEMES, help="one scheme (default: both)")
    numbers.add_argument("--kind", choices=KINDS, help="one kind of care (default: all)")
    numbers.add_argument(
        "--month", metavar="YYYY-MM", type=_month, help="rules in force in this month (default 2025-12)"
    )
    schema = _command(commands, "schema", print_schema, "print the JSON Schema of a file format, for editors")
    schema.add_argument("format", choices=("scenario", "case"))
    _command(commands, "glossary", print_glossary, "print the official terms, in Chinese and English")
    _add_catalogue(commands)
    _add_packages(commands)
    _add_ledger(commands)
    _add_report(commands)
    return top


def _command(commands: Any, name: str, action: Any, about: str) -> argparse.ArgumentParser:
    """Add one command with its `--json`."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(command=action)
    return command


def run_scenarios(options: argparse.Namespace) -> int:
    """Simulate, print the headlines, write the results whole, the manifest last."""
    from simlib.fund import openings
    from simlib.patients import areas
    from simlib.report import study, terminal
    from simlib.scenario import scenario
    from simlib.study import attribution, experiment, folders

    scenarios, how = [scenario.load(path) for path in options.scenarios], _how(options)
    pin, pools, few = _pins(options.pin), None, min(options.people, attribution.PEOPLE)
    _warn(scenarios)
    experiment.check(scenarios, people=options.people, **how)
    for package in scenarios if options.attribute else ():
        attribution.check(package, people=few, sample=None, **how)
    folder = options.out or Path(".out") / "+".join(one.name for one in scenarios)
    folders.prepare(folder, folders.RUN)
    if options.pools is not None:
        pools = openings.stated(options.pools, areas.load(scenarios[0].geography))
        print(*pools.warnings, sep="\n", end="\n" * bool(pools.warnings), file=sys.stderr)
    made = study.run(scenarios, people=options.people, pin=pin, pools=pools, progress=_bar, **how)
    made = made.attributed() if options.attribute else made
    folders.write(folder, made)
    reports = _reports(folder, made.names) if options.report else []
    if options.json:
        shown = {"headlines": made.tables[folders.RUN], "folder": str(folder)}
        print(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        print(terminal.text(made), f"\n\nWritten to {folder}: {', '.join(folders.NAMES)}", sep="")
        for path in reports:
            print(path)
    return FINE


def fit_draws(options: argparse.Namespace) -> int:
    """Fit the unknowns to the anchors and write the ensemble whole; a fit that was stopped goes on where it was."""
    from simlib.calibration import fit, targets
    from simlib.scenario import scenario
    from simlib.study import experiment, folders, foretell, match

    jobs = _jobs(options)
    experiment.limits(seed=options.seed, jobs=jobs)
    root = scenario.load(options.root).lineage()[0]
    known = targets.read(options.anchors or targets.published())
    to = max(anchor.year for anchor in known) if options.to is None else options.to
    targets.until(known, to)
    folders.prepare(options.out, "candidates.csv")
    options.out.mkdir(parents=True, exist_ok=True)
    fitted = fit.run(
        root,
        options.out,
        to=to,
        seed=options.seed,
        path=options.anchors,
        jobs=jobs,
        progress=_bar,
    )
    folders.write_fit(options.out, fitted)
    found, table, learned = fitted.ensemble, match.fitted_table(fitted), match.learned(fitted.ensemble)
    if options.json:
        tables = {"anchors": table.to_dict("records"), "unknowns": learned.to_dict("records")}
        print(json.dumps({**found.model_dump(mode="json"), **tables}, ensure_ascii=False, indent=2))
        return FINE
    kept = f"{len(set(found.members))} candidates kept of {found.candidates}, as good as {found.effective:.0f} draws"
    print(f"Fitted to anchors of up to {found.fitted_to}: {kept}.\n")
    print(foretell.text(table.drop(columns=["universe", "unit"])), "\nWhat moved from its range:", sep="\n")
    print(foretell.text(learned[learned.moved].drop(columns=["meaning", "moved"])))
    stayed = len(learned) - int(learned.moved.sum())
    print(f"\n{stayed} other unknowns stay where they were: no anchor tells of them.")
    print(f"Written to {options.out}: {', '.join(folders.FITTED)}. To use it, put {folders.ENSEMBLE} beside a root")
    print(f"scenario and write in that: ensemble: {folders.ENSEMBLE}")
    return FINE


def _pins(found: list[tuple[str, float | str]]) -> dict[str, float | str]:
    """Return what is held fixed; a number held at two values, such as two forms of response, is refused."""
    names = [name for name, _ in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInputError(f"--pin {twice[0]}: given {len(twice)} times. Hold it at one value.")
    return dict(found)


def _whole(text: str) -> int:
    """Return a whole number."""
    if not re.fullmatch("-?[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"found {text!r}. Write a whole number, such as 64.")
    return int(text)


def _count(text: str) -> int:
    """Return a whole number of at least 0."""
    if text.startswith("-"):
        raise argparse.ArgumentTypeError(f"found {text!r}. Write a whole number of at least 0.")
    return _whole(text)


def _month(text: str) -> str:
    """Return a month."""
    if not re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"found {text!r}. Write a month as YYYY-MM, such as 2024-07.")
    return text


def _pinned(text: str) -> tuple[str, float | str]:
    """Return what a text ID=VALUE holds fixed."""
    from simlib.quantities import pinned

    try:
        return pinned(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _bar(what: str, total: int) -> Any:
    """Return a progress bar for a person at a terminal, and nothing for a log."""

    def wrap(outcomes: Iterable[Any]) -> Iterable[Any]:
        from tqdm import tqdm

        bar: Iterable[Any] = tqdm(outcomes, desc=what, total=total, leave=False, disable=not sys.stderr.isatty())
        return bar

    return wrap


def check_files(options: argparse.Namespace) -> int:
    """Check each file, all faults at once."""
    from simlib.benefits import cases
    from simlib.files import documents
    from simlib.scenario import checks, scenario
    from simlib.simulation import policies

    faults: list[Any] = []
    fine: list[str] = []
    warnings: list[Any] = []
    for path in options.files:
        try:
            alone = len(scenario.parts(str(path))) == 1
            data = documents.read(path).data if alone else None
            is_case = isinstance(data, dict) and "cases" in data
            if is_case:
                cases.load(path)
            else:
                of = scenario.load(path)
                warnings += checks.warnings(of)
                policies.check(of)
            fine.append(str(path))
        except BadInputError as error:
            faults += error.faults
    if options.json:
        said = {"fine": fine, "warnings": list(map(str, warnings)), "faults": list(map(str, faults))}
        print(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        for name in fine:
            print(f"{name}: fine")
        for warning in warnings:
            print(warning, file=sys.stderr)
    if faults:
        raise BadInputError(*faults)
    return FINE


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold back the garbage collector, which takes a third of the time of thousands of small objects that all stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle_cases(options: argparse.Namespace) -> int:
    """Price every case both ways; exit 1 if an expectation written in a file is not met."""
    from simlib.benefits import cases, pricing, sheet
    from simlib.files.texts import worded

    with _uncollected():
        found = [case for path in options.files for case in cases.load(path)]
        settled = [(case, pricing.settle(case)) for case in found]
    if options.json:
        print(json.dumps(sheet.as_json(settled, options.explain, options.lang), ensure_ascii=False, indent=2))
    else:
        print(sheet.text(settled, options.explain, options.lang))
    names = [worded(case.name, options.lang or "en") for case in found]
    for name, case in zip(names, found, strict=True):
        for line in cases.warnings(case):
            print(f"{name}: {line}", file=sys.stderr)
    checked = zip(names, settled, strict=True)
    unmet = [f"{name}: {what}" for name, (case, done) in checked for what in pricing.check(case, done)]
    for line in unmet:
        print(line, file=sys.stderr)
    return OUR_FAULT if unmet else FINE


def hindcast(options: argparse.Namespace) -> int:
    """Print forecasts of known years from rows up to one year, their errors and scores."""
    from simlib.study import experiment, foretell

    experiment.limits(seed=options.seed)
    table = foretell.hindcast(options.fit_to, options.seed)
    overall, moved = foretell.verdict(table), foretell.learned(options.fit_to, options.seed)
    if options.json:
        said = {"forecasts": _records(table), "overall": _records(overall), "learned": _records(moved)}
        print(json.dumps(said, ensure_ascii=False, indent=2))
        return FINE
    print(f"Fitted to rows up to {options.fit_to}. CRPS of the log: 0.1 is about a tenth off; lower is better.")
    print("Ranges of the unknowns were declared after these years: errors show skill at best, not at worst.")
    shown = table.drop(columns=["low50", "high50"]).rename(columns={"error_percent": "error %"})
    for how, every in shown.groupby("how", sort=True):
        print(f"\n{how}: {foretell.HOW[str(how)]}", foretell.text(every.drop(columns="how")), sep="\n")
    print(
        "\nAll together; payments follow visits, so that these are fewer than they seem",
        foretell.text(overall),
        sep="\n",
    )
    print("\nWhat the past says of the unknowns, 90 % intervals", foretell.text(moved), sep="\n")
    return FINE


def score(options: argparse.Namespace) -> int:
    """Print figures entered in a file beside the frozen predictions of them."""
    from simlib.study import foretell

    table = foretell.score(options.file)
    if options.json:
        print(json.dumps(_records(table), ensure_ascii=False, indent=2))
        return FINE
    print(foretell.text(table.rename(columns={"error_percent": "error %", "quantile_score": "score"})))
    inside = ", ".join(f"{table[f'inside{p}'].sum()} in the {p} % interval" for p in (50, 90))
    print(f"Of {len(table)} figures: {inside}.")
    return FINE


def _records(table: Any) -> Any:
    """Return the rows of a table as JSON has them: null for no number."""
    return json.loads(table.to_json(orient="records", double_precision=12))


def list_parameters(options: argparse.Namespace) -> int:
    """Print every declared number, the levers as a table in Markdown, or the policy of one area."""
    if options.markdown and (options.json or options.area is not None):
        raise BadInputError("--markdown: a table of all levers. Leave out --json and --area.")
    if options.area is not None:
        return _list_area(options)
    for name in ("scheme", "kind", "month"):
        if getattr(options, name) is not None:
            raise BadInputError(f"--{name}: only an area's own policy has it. Add --area, such as --area hangzhou.")
    from simlib import quantities

    if options.json:
        print(json.dumps(quantities.rows(), ensure_ascii=False, indent=2))
    else:
        print(quantities.markdown() if options.markdown else quantities.text())
    return FINE


def _list_area(options: argparse.Namespace) -> int:
    """Print an area's policy: each field in use, from which level, since when, grade and source."""
    from simlib.benefits import area_rules, area_sheet

    month = options.month or "2025-12"
    try:
        area = area_rules.pool(options.area)
    except LookupError as error:
        raise BadInputError(f"--area {error.args[0]}") from None
    schemes = (options.scheme,) if options.scheme else SCHEMES
    rows = area_sheet.listing(area.code, month, schemes, (options.kind,) if options.kind else KINDS)
    print(json.dumps(rows, ensure_ascii=False, indent=2) if options.json else area_sheet.text(area, month, rows))
    return FINE


def print_schema(options: argparse.Namespace) -> int:
    """Print a JSON Schema."""
    from simlib.benefits import cases
    from simlib.scenario import scenario

    schema = scenario.json_schema() if options.format == "scenario" else cases.json_schema()
    print(json.dumps(schema, ensure_ascii=False, indent=2))
    return FINE


def print_glossary(options: argparse.Namespace) -> int:
    """Print the official terms in Chinese and English, and what they are called in files and code."""
    from simlib.files import facts

    terms = facts.read("glossary")
    if options.json:
        print(json.dumps(terms, ensure_ascii=False, indent=2))
        return FINE
    for term in terms:
        print(f"{term['zh']}\n    {term['en']}  [{term['code']}]")
    return FINE


def _add_draws(command: argparse.ArgumentParser, people: int) -> None:
    """Add how often and on which luck a command runs."""
    command.add_argument("--draws", type=_whole, default=64, help="parameter draws (default 64)")
    command.add_argument("--seed", type=_whole, default=0, help="names the luck (default 0)")
    command.add_argument(
        "--people",
        type=_whole,
        default=people,
        help=f"people to draw per run (default {people:,}); every group keeps one",
    )
    command.add_argument(
        "--pin",
        action="append",
        type=_pinned,
        default=[],
        metavar="ID=VALUE",
        help="hold an unknown or a variant fixed",
    )
    command.add_argument("--jobs", type=_whole, help="threads (default: all cores); never changes a result")


def _how(options: argparse.Namespace) -> dict[str, Any]:
    """Return how often and on which luck a command is to run, all cores unless told otherwise."""
    return {"draws": options.draws, "seed": options.seed, "jobs": _jobs(options)}


def _jobs(options: argparse.Namespace) -> int:
    """Return the number of threads: all cores unless told otherwise."""
    import os

    return (os.cpu_count() or 1) if options.jobs is None else int(options.jobs)


def _add_packages(commands: Any) -> None:
    """Add the commands on measures and packages of them."""
    about = "list the scenarios of a folder: title, question, geography, document that proposes the measure"
    known = _command(commands, "list", list_scenarios, about)
    known.add_argument("folder", nargs="?", type=Path, default=Path("scenarios"), metavar="FOLDER")
    about = "split what a package of measures does among its levers, by Shapley value"
    one = _command(commands, "attribute", attribute, about)
    one.add_argument("package", type=Path, metavar="PACKAGE", help="scenario file, or several: a.yaml+b.yaml")
    one.add_argument("--metric", default="fund_payment", metavar="METRIC", help="what is split (default fund_payment)")
    one.add_argument("--sample", type=_whole, metavar="N", help="draw N orders of joining instead of taking all")
    _add_draws(one, people=20_000)
    one.add_argument("--out", type=Path, help="folder for results and kept runs (default .out/attribute_NAME)")


def list_scenarios(options: argparse.Namespace) -> int:
    """Print the scenarios of a folder, then the faults of those that are wrong."""
    from simlib.scenario import scenario

    if not options.folder.is_dir():
        what = "not a folder" if options.folder.exists() else "no such folder"
        raise BadInputError(f"{options.folder}: {what}. Name a folder of scenario files.")
    found: list[scenario.Scenario] = []
    faults: list[Any] = []
    for path in sorted(options.folder.glob("*.yaml")):
        try:
            found.append(scenario.load(path))
        except BadInputError as error:
            faults += error.faults
    if not found and not faults:
        raise BadInputError(f"{options.folder}: no scenario file (*.yaml) in it. Name a folder of scenario files.")
    if options.json:
        said = [
            {
                "name": of.name,
                "file": of.path,
                **{key: value and value.model_dump() for key, value in _texts(of).items()},
                "geography": of.geography,
                "year": of.year,
                "extends": of.extends,
            }
            for of in found
        ]
        print(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        print("\n\n".join(_listed(of) for of in found))
    if faults:
        raise BadInputError(*faults)
    return FINE


def _warn(scenarios: Sequence[Any]) -> None:
    """Print lines of scenarios that have no effect: the run goes on."""
    from simlib.scenario import checks

    for line in dict.fromkeys(line for of in scenarios for line in checks.warnings(of)):
        print(line, file=sys.stderr)


def _texts(of: Any) -> dict[str, Any]:
    """Return what a scenario says in two languages."""
    return {"title": of.title, "question": of.question, "source": of.source}


def _listed(of: Any) -> str:
    """Return a scenario of a list: a line that names it, then its texts."""
    lines = [f"{of.path}  ({of.geography}, {of.year}{'' if of.extends else ', in force'})"]
    for name, text in _texts(of).items():
        if text is not None:
            lines += [f"  {name:9} {text.zh}", f"  {'':9} {text.en}"]
    return "\n".join(lines)


def attribute(options: argparse.Namespace) -> int:
    """Split a package among its levers, print the shares, write them whole, the manifest last."""
    from simlib import errors
    from simlib.scenario import scenario
    from simlib.study import attribution, folders, metrics

    if options.metric not in metrics.UNITS:
        known = errors.did_you_mean(options.metric, metrics.UNITS)
        raise BadInputError(f"--metric {errors.shown(options.metric)}: no such metric. {known}")
    package, how, sample, pin = scenario.load(options.package), _how(options), options.sample, _pins(options.pin)
    _warn([package])
    attribution.check(package, people=options.people, sample=sample, **how)
    folder = options.out or Path(".out") / f"attribute_{package.name}"
    folders.prepare(folder, folders.ATTRIBUTION)
    found = attribution.attribute(
        package,
        people=options.people,
        pin=pin,
        sample=sample,
        folder=folder / folders.COALITIONS,
        progress=_bar("draws", options.draws),
        **how,
    )
    table = found.table(options.metric)
    folders.write_attribution(folder, found, table)
    if options.json:
        said = {"attribution": _records(table), "folder": str(folder)}
        print(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        names = f"{folders.ATTRIBUTION}, {folders.MANIFEST}, {folders.COALITIONS}/"
        print(attribution.text(found, table), f"\n\nWritten to {folder}: {names}", sep="")
    return FINE


def _add_catalogue(commands: Any) -> None:
    """Add the commands on real item lists."""
    about = "check and compare real item lists (CSV or XLSX)"
    inner = commands.add_parser("catalogue", help=about, description=about).add_subparsers(
        required=True, metavar="ACTION"
    )
    check = _command(inner, "check", check_catalogues, "check item lists, all faults at once")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    compare = _command(
        inner, "compare", compare_catalogues, "say in what two item lists differ, and how much it weighs"
    )
    compare.add_argument("a", type=Path, metavar="A")
    compare.add_argument("b", type=Path, metavar="B")
    compare.add_argument(
        "--date", type=_day, metavar="YYYY-MM-DD", help="day (default: the latest period of each item)"
    )
    compare.add_argument("--spend", type=Path, metavar="FILE", help="yuan by item: CSV or XLSX, columns code and yuan")
    compare.add_argument("--items", type=_count, default=20, metavar="N", help="differing items to print (default 20)")


def _day(text: str) -> datetime.date:
    """Return a day written YYYY-MM-DD."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}. Write a day as YYYY-MM-DD, such as 2024-07-01.") from None


def check_catalogues(options: argparse.Namespace) -> int:
    """Check each item list, all faults at once."""
    from simlib.catalogue import itemlists

    faults: list[Any] = []
    fine: list[itemlists.ItemList] = []
    for path in options.files:
        try:
            fine.append(itemlists.read(path))
        except BadInputError as error:
            faults += error.faults
    if options.json:
        files = [{"path": one.path, "sha256": one.sha256, "rows": len(one.code)} for one in fine]
        print(json.dumps({"fine": files, "faults": [str(one) for one in faults]}, ensure_ascii=False, indent=2))
    else:
        for one in fine:
            print(f"{one.path}: fine, {len(one.code):,} rows, sha256 {one.sha256[:16]}")
    if faults:
        raise BadInputError(*faults)
    return FINE


def _add_ledger(commands: Any) -> None:
    """Add the command on the books of a run."""
    again = _command(
        commands, "reconcile", reconcile_books, "add up every balance of a run's ledger again from its journal"
    )
    again.add_argument("folder", type=Path, metavar="RUN_DIR", help="folder of a run, such as .out/NAME")


def reconcile_books(options: argparse.Namespace) -> int:
    """Say that the books of a run agree, or where not."""
    from simlib.fund import reconcile

    agreed = reconcile.check(options.folder)
    if options.json:
        print(json.dumps([one._asdict() for one in agreed], ensure_ascii=False, indent=2))
        return FINE
    for one in agreed:
        counted = f"{one.entries:,} entries, {one.balances:,} balances of accounts and months"
        print(f"{one.scenario}, {one.side}: agrees to the fen ({counted})")
    return FINE


def compare_catalogues(options: argparse.Namespace) -> int:
    """Compare two item lists."""
    from simlib.catalogue import agreement, itemlists

    a, b = itemlists.read(options.a), itemlists.read(options.b)
    spend = itemlists.read_spending(options.spend) if options.spend else None
    found = agreement.compare(a, b, options.date, spend)
    if options.json:
        sources = {name: {"path": one.path, "sha256": one.sha256} for name, one in (("a", a), ("b", b))}
        day = options.date.isoformat() if options.date else None
        said = {"date": day, "assumed": found.assumed, "weights": found.weights}
        content = {**sources, **said, "rows": found.rows, "items": found.items}
        print(json.dumps(content, ensure_ascii=False, indent=2))
        return FINE
    print(agreement.text(a, b, options.date, found, options.items))
    return FINE


def _add_report(commands: Any) -> None:
    """Add the commands on finished runs: the report, and what verifies it."""
    made = _command(commands, "report", write_report, "write the report of a finished run for those who decide")
    made.add_argument("run", type=Path, metavar="RUN_DIR", help="folder that `simlib run` has written")
    made.add_argument("--lang", choices=("zh", "en"), required=True, help="language of the report")
    made.add_argument("--scenario", metavar="NAME", help="which scenario, if the run holds several")
    made.add_argument("--out", type=Path, help="folder for the report (default RUN_DIR/report_LANG)")
    made.add_argument("--pdf", action="store_true", help="print it to PDF too, by the machine's Chromium")
    check = _command(commands, "verify", verify, "say whether a report or a run folder is as it was written")
    check.add_argument("path", type=Path, metavar="REPORT_OR_RUN_DIR", help="report.html, or the folder of a run")
    check.add_argument("--run", type=Path, metavar="RUN_DIR", help="the report's run (default: the folder around it)")


def _reports(folder: Path, names: Iterable[str]) -> list[Path]:
    """Write the reports of every scenario of a run in both languages; return the HTML files."""
    from simlib.files.texts import LANGS
    from simlib.report import pack

    every = [pack.write(folder, lang, scenario=name) for name in names for lang in LANGS]
    return [path for written in every for path in written if path.name == pack.HTML]


def write_report(options: argparse.Namespace) -> int:
    """Write the report of a finished run."""
    from simlib.report import pack

    written = pack.write(options.run, options.lang, scenario=options.scenario, folder=options.out, pdf=options.pdf)
    if options.json:
        print(json.dumps({"files": [str(path) for path in written]}, ensure_ascii=False, indent=2))
    else:
        print(*written, sep="\n")
    return FINE


def verify(options: argparse.Namespace) -> int:
    """Say what of a report or a run folder was checked; what was altered is bad input."""
    from simlib.report import pack

    found = pack.verify(options.path, options.run)
    print(json.dumps({"checked": found}, ensure_ascii=False, indent=2) if options.json else "\n".join(found))
    return FINE


if __name__ == "__main__":
    sys.exit(main())
