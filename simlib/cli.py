"""The command line: one function a command, all of them in one table, `COMMANDS`, which `simlib --help` lists."""

from __future__ import annotations

import argparse
import codecs
import datetime
import errno
import gc
import io
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from simlib.errors import BadInputError, Fault, InputNote
from simlib.terms import KINDS, SCHEMES

FINE, OUR_FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""What a machine may refuse where no command foresees it, such as to keep compiled rules: no space, no right."""


class Printed(NamedTuple):
    """What a command prints, as data with `--json` and else as text; only the one asked for is made.

    faults : of the files that were not fine, raised once the rest is printed. code : how the command ends.
    """

    data: Callable[[], Any]
    text: Callable[[], str]
    faults: Sequence[Fault | str] = ()
    code: int = FINE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 if fine, 2 for bad input (one clear message), 1 for a fault of ours."""
    codecs.register_error("readable", _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="readable")
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill cleans up as Ctrl-C does
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", InputNote)
            warnings.showwarning = _show
            return emit(options.command(options), options.json)
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


PLAIN = {"\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "x", "\N{EN DASH}": "-", "\N{EM DASH}": "-"}
"""Signs of our texts that a console may not have, and what stands for them there."""


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Return what is printed for signs that a console does not have: a like sign, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in lacking), error.end


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning as its words alone, not where in the code it comes from."""
    print(message, file=sys.stderr)


def emit(printed: Printed, as_json: bool) -> int:
    """Print what a command says, then its faults; return how it ends."""
    text = json.dumps(printed.data(), ensure_ascii=False, indent=2) if as_json else printed.text()
    if text:
        print(text)
    if printed.faults:
        raise BadInputError(*printed.faults)
    return printed.code


def run_scenarios(options: argparse.Namespace) -> Printed:
    """Simulate, print the headlines, write the results whole, the manifest last."""
    from simlib.fund import openings
    from simlib.patients import areas
    from simlib.report import study, terminal
    from simlib.scenario import scenario
    from simlib.study import attribution, experiment, folders

    scenarios, how = [scenario.load(path) for path in options.scenarios], _how(options)
    pin, pools, few = _pins(options.pin), None, min(options.people, attribution.PEOPLE)
    _warn(scenarios, pin)
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
    if options.books:
        folders.write_books(folder, made.runs)
    reports = _reports(folder, made.names) if options.report else []
    return Printed(
        lambda: {"headlines": made.tables[folders.RUN], "folder": str(folder)},
        lambda: "\n".join(
            [terminal.text(made), "", f"Written to {folder}: {', '.join(folders.NAMES)}", *map(str, reports)]
        ),
    )


def _reports(folder: Path, names: Iterable[str]) -> list[Path]:
    """Write the reports of every scenario of a run in both languages; return the HTML files."""
    from simlib.files.texts import LANGS
    from simlib.report import pack

    every = [pack.write(folder, lang, scenario=name) for name in names for lang in LANGS]
    return [path for written in every for path in written if path.name == pack.HTML]


def check_files(options: argparse.Namespace) -> Printed:
    """Check each file, all faults at once."""
    from simlib.files import documents
    from simlib.scenario import checks, scenario

    odd: list[Any] = []

    def check(path: Path) -> str:
        data = documents.read(path).data if len(scenario.parts(str(path))) == 1 else None
        if isinstance(data, dict) and "cases" in data:
            from simlib.benefits import cases

            cases.load(path)
        else:
            loaded = scenario.load(path)
            odd.extend((*checks.warnings(loaded), *checks.lists(loaded)))
            if checks.one_policy(loaded):
                from simlib.simulation import policies  # slow to import

                policies.check(loaded)
        return str(path)

    fine, faults = _each(check, options.files)
    if not options.json:
        print(*odd, sep="\n", end="\n" * bool(odd), file=sys.stderr)
    return Printed(
        lambda: {"fine": fine, "warnings": list(map(str, odd)), "faults": list(map(str, faults))},
        lambda: "\n".join(f"{name}: fine" for name in fine),
        faults,
    )


def _each(action: Callable[[Path], Any], files: Iterable[Path]) -> tuple[list[Any], list[Any]]:
    """Return what an action makes of each file that is fine, and the faults of the others."""
    fine: list[Any] = []
    faults: list[Any] = []
    for path in files:
        try:
            fine.append(action(path))
        except BadInputError as error:
            faults += error.faults
    return fine, faults


def settle_cases(options: argparse.Namespace) -> Printed:
    """Price every case both ways; exit 1 if an expectation written in a file is not met."""
    from simlib.benefits import cases, pricing, sheet
    from simlib.files.texts import worded

    with _uncollected():
        every = [case for path in options.files for case in cases.load(path)]
        settled = [(case, pricing.settle(case)) for case in every]
    names = [worded(case.name, options.lang or "en") for case in every]
    unusual = [f"{name}: {line}" for name, case in zip(names, every, strict=True) for line in cases.warnings(case)]
    checked = zip(names, settled, strict=True)
    unmet = [f"{name}: {what}" for name, (case, done) in checked for what in pricing.check(case, done)]
    print(*unusual, *unmet, sep="\n", end="\n" * bool(unusual or unmet), file=sys.stderr)
    return Printed(
        lambda: sheet.as_json(settled, options.explain, options.lang),
        lambda: sheet.text(settled, options.explain, options.lang),
        code=OUR_FAULT if unmet else FINE,
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold back the garbage collector, which takes a third of the time of thousands of small objects that all stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def fit_draws(options: argparse.Namespace) -> Printed:
    """Calibrate the uncertain parameters and write the draws whole; a fit that was stopped goes on where it was."""
    from simlib.calibration import fit, targets
    from simlib.scenario import scenario
    from simlib.study import experiment, folders, match

    jobs = _jobs(options)
    experiment.limits(seed=options.seed, jobs=jobs)
    root = scenario.load(options.root).lineage()[0]
    known = targets.read(options.targets or targets.published())
    to = max(target.year for target in known) if options.to is None else options.to
    targets.until(known, to)
    folders.prepare(options.out, "candidates.csv")
    options.out.mkdir(parents=True, exist_ok=True)
    how: Any = {"seed": options.seed, "path": options.targets, "jobs": jobs, "progress": _bar}
    fitted = fit.run(root, options.out, to=to, **how)
    folders.write_fit(options.out, fitted)
    written = (
        f"Written to {options.out}: {', '.join(folders.FITTED)}. To use it, put {folders.ENSEMBLE} beside a root\n"
        f"scenario and write in that: ensemble: {folders.ENSEMBLE}"
    )
    return Printed(lambda: match.fit_data(fitted), lambda: f"{match.fit_text(fitted)}\n{written}")


def hindcast(options: argparse.Namespace) -> Printed:
    """Print forecasts of known years from rows up to one year, their errors and scores."""
    from simlib.study import experiment, foretell

    experiment.limits(seed=options.seed)
    table = foretell.hindcast(options.fit_to, options.seed)
    overall, moved = foretell.verdict(table), foretell.learned(options.fit_to, options.seed)
    return Printed(
        lambda: {"forecasts": _records(table), "overall": _records(overall), "learned": _records(moved)},
        lambda: foretell.hindcast_text(options.fit_to, table, overall, moved),
    )


def score(options: argparse.Namespace) -> Printed:
    """Print figures entered in a file beside the frozen predictions of them."""
    from simlib.study import foretell

    table = foretell.score(options.file)
    return Printed(lambda: _records(table), lambda: foretell.score_text(table))


def _records(table: Any) -> Any:
    """Return the rows of a table as JSON has them: null for no number."""
    return json.loads(table.to_json(orient="records", double_precision=12))


def list_parameters(options: argparse.Namespace) -> Printed:
    """Print every declared number, the levers as a table in Markdown, or the policy of one area."""
    from simlib import quantities

    if options.markdown and (options.json or options.area is not None):
        raise BadInputError("--markdown: a table of all levers. Leave out --json and --area.")
    if options.area is not None:
        return _list_area(options)
    for name in ("scheme", "kind", "month"):
        if getattr(options, name) is not None:
            raise BadInputError(f"--{name}: only an area's own policy has it. Add --area, such as --area hangzhou.")
    return Printed(quantities.rows, quantities.markdown if options.markdown else quantities.text)


def _list_area(options: argparse.Namespace) -> Printed:
    """Print an area's policy: each field in use, from which level, since when, grade and source."""
    from simlib.benefits import area_rules, area_sheet

    month = options.month or "2025-12"
    try:
        area = area_rules.pool(options.area)
    except LookupError as error:
        raise BadInputError(f"--area {error.args[0]}") from None
    schemes = (options.scheme,) if options.scheme else SCHEMES
    rows = area_sheet.listing(area.code, month, schemes, (options.kind,) if options.kind else KINDS)
    return Printed(lambda: rows, lambda: area_sheet.text(area, month, rows))


def print_schema(options: argparse.Namespace) -> Printed:
    """Print a JSON Schema."""
    if options.format == "scenario":
        from simlib.scenario.scenario import json_schema
    else:
        from simlib.benefits.cases import json_schema
    schema = json_schema()
    return Printed(lambda: schema, lambda: json.dumps(schema, ensure_ascii=False, indent=2))


def print_glossary(options: argparse.Namespace) -> Printed:
    """Print the official terms in Chinese and English, and what they are called in files and code."""
    from simlib.files import facts

    terms = facts.read("glossary")
    return Printed(
        lambda: terms,
        lambda: "\n".join(f"{term['zh']}\n    {term['en']}  [{term['code']}]" for term in terms),
    )


def show_cache(options: argparse.Namespace) -> Printed:
    """Print what is kept from before in the user's cache, or empty it: nothing but time is lost."""
    import shutil

    from simlib import compiled
    from simlib.simulation import kept

    found = compiled.folders()
    sizes = [sum(path.stat().st_size for path in base.rglob("*") if path.is_file()) for base in found]
    draws = sum(1 for base in found for _ in (base / kept.FOLDER).glob(f"*{kept.ENDING}"))
    for base in found if options.clear else ():
        shutil.rmtree(base, ignore_errors=True)
    where = str(compiled.folder().parent) if found else ""  # type: ignore[union-attr]
    what = f"{len(found)} versions of the sources, {draws:,} solved draws, {sum(sizes) / 1e6:.0f} MB"
    return Printed(
        lambda: {"folder": where, "versions": len(found), "draws": draws, "bytes": sum(sizes), "clear": options.clear},
        lambda: f"{where}: {'emptied: ' if options.clear else ''}{what}" if found else "nothing is kept",
    )


def list_scenarios(options: argparse.Namespace) -> Printed:
    """Print the scenarios of a folder, then the faults of those that are wrong."""
    from simlib.scenario import scenario

    if not options.folder.is_dir():
        what = "not a folder" if options.folder.exists() else "no such folder"
        raise BadInputError(f"{options.folder}: {what}. Name a folder of scenario files.")
    done: dict[Path, Any] = {}
    scenarios, faults = _each(lambda path: scenario.load(path, done), sorted(options.folder.glob("*.yaml")))
    if not scenarios and not faults:
        raise BadInputError(f"{options.folder}: no scenario file (*.yaml) in it. Name a folder of scenario files.")
    return Printed(
        lambda: [
            {"name": one.name, "file": one.path}
            | {key: value and value.model_dump() for key, value in _texts(one).items()}
            | {"geography": one.geography, "year": one.year, "extends": one.extends}
            for one in scenarios
        ],
        lambda: "\n\n".join(map(_listed, scenarios)),
        faults,
    )


def _texts(scenario: Any) -> dict[str, Any]:
    """Return what a scenario says in two languages."""
    return {"title": scenario.title, "question": scenario.question, "source": scenario.source}


def _listed(scenario: Any) -> str:
    """Return a scenario of a list: a line that names it, then its texts."""
    lines = [f"{scenario.path}  ({scenario.geography}, {scenario.year}{'' if scenario.extends else ', in force'})"]
    for name, text in _texts(scenario).items():
        if text is not None:
            lines += [f"  {name:9} {text.zh}", f"  {'':9} {text.en}"]
    return "\n".join(lines)


def attribute(options: argparse.Namespace) -> Printed:
    """Split a package among its levers, print the shares, write them whole, the manifest last."""
    from simlib import errors
    from simlib.scenario import scenario
    from simlib.study import attribution, folders, metrics

    if options.metric not in metrics.UNITS:
        known = errors.did_you_mean(options.metric, metrics.UNITS)
        raise BadInputError(f"--metric {errors.shown(options.metric)}: no such metric. {known}")
    package, sample = scenario.load(options.package), options.sample
    how: Any = {**_how(options), "people": options.people, "sample": sample}
    pin = _pins(options.pin)
    _warn([package], pin)
    attribution.check(package, **how)
    folder = options.out or Path(".out") / f"attribute_{package.name}"
    folders.prepare(folder, folders.ATTRIBUTION)
    kept, bar = folder / folders.COALITIONS, _bar("coalitions", options.draws)
    split = attribution.attribute(package, pin=pin, folder=kept, progress=bar, **how)
    table = split.table(options.metric)
    folders.write_attribution(folder, split, table)
    names = f"{folders.ATTRIBUTION}, {folders.MANIFEST}, {folders.COALITIONS}/"
    return Printed(
        lambda: {"attribution": _records(table), "folder": str(folder)},
        lambda: f"{attribution.text(split, table)}\n\nWritten to {folder}: {names}",
    )


def _warn(scenarios: Sequence[Any], pin: Mapping[str, float | str]) -> None:
    """Print lines of scenarios that have no effect, and pins outside their range: the run goes on."""
    from simlib.quantities import beyond
    from simlib.scenario import checks

    lines = [line for scenario in scenarios for line in (*checks.warnings(scenario), *checks.lists(scenario))]
    for line in dict.fromkeys([*map(str, lines), *beyond(pin)]):
        print(line, file=sys.stderr)


def check_catalogues(options: argparse.Namespace) -> Printed:
    """Check each item list, all faults at once."""
    from simlib.catalogue import itemlists

    fine, faults = _each(itemlists.read, options.files)
    return Printed(
        lambda: {
            "fine": [{"path": one.path, "sha256": one.sha256, "rows": len(one.code)} for one in fine],
            "faults": [str(one) for one in faults],
        },
        lambda: "\n".join(f"{one.path}: fine, {len(one.code):,} rows, sha256 {one.sha256[:16]}" for one in fine),
        faults,
    )


def compare_catalogues(options: argparse.Namespace) -> Printed:
    """Compare two item lists."""
    from simlib.catalogue import agreement, itemlists

    a, b = itemlists.read(options.a), itemlists.read(options.b)
    spend = itemlists.read_spending(options.spend) if options.spend else None
    compared = agreement.compare(a, b, options.date, spend)
    return Printed(
        lambda: (
            {name: {"path": one.path, "sha256": one.sha256} for name, one in (("a", a), ("b", b))}
            | {"date": options.date.isoformat() if options.date else None}
            | {name: getattr(compared, name) for name in ("assumed", "weights", "rows", "items")}
        ),
        lambda: agreement.text(a, b, options.date, compared, options.items),
    )


def write_books(options: argparse.Namespace) -> Printed:
    """Write the books of a finished run."""
    from simlib.fund import reconcile
    from simlib.study import folders

    folders.write_books(options.folder)
    where = options.folder / reconcile.FOLDER
    return Printed(lambda: {"folder": str(where)}, lambda: f"Written to {where}: {', '.join(reconcile.FILES)}")


def reconcile_books(options: argparse.Namespace) -> Printed:
    """Say that the books of a run agree, or where not."""
    from simlib.fund import reconcile

    agreed = reconcile.check(options.folder)
    return Printed(
        lambda: [one._asdict() for one in agreed],
        lambda: "\n".join(
            f"{one.scenario}, {one.side}: agrees to the fen "
            f"({one.entries:,} entries, {one.balances:,} balances of accounts and months)"
            for one in agreed
        ),
    )


def write_report(options: argparse.Namespace) -> Printed:
    """Write the report of a finished run."""
    from simlib.report import pack

    written = pack.write(options.run, options.lang, scenario=options.scenario, folder=options.out, pdf=options.pdf)
    return Printed(lambda: {"files": [str(path) for path in written]}, lambda: "\n".join(map(str, written)))


def verify(options: argparse.Namespace) -> Printed:
    """Say what of a report or a run folder was checked; what was altered is bad input."""
    from simlib.report import pack

    checked = pack.verify(options.path, options.run)
    return Printed(lambda: {"checked": checked}, lambda: "\n".join(checked))


def _how(options: argparse.Namespace) -> dict[str, Any]:
    """Return how often and on which random numbers a command is to run, all cores unless told otherwise."""
    from simlib import compiled

    if sys.stderr.isatty() and compiled.nothing_compiled():
        print("Compiling the rules, which is done once: some 20 seconds.", file=sys.stderr)
    return {"draws": options.draws, "seed": options.seed, "jobs": _jobs(options)}


def _jobs(options: argparse.Namespace) -> int:
    """Return the number of threads: all cores unless told otherwise."""
    return (os.cpu_count() or 1) if options.jobs is None else int(options.jobs)


def _pins(pinned: list[tuple[str, float | str]]) -> dict[str, float | str]:
    """Return what is held fixed; a number held at two values, such as two forms of response, is refused."""
    names = [name for name, _ in pinned]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInputError(f"--pin {twice[0]}: given {len(twice)} times. Hold it at one value.")
    return dict(pinned)


def _bar(what: str, total: int) -> Any:
    """Return a progress bar for a person at a terminal, and nothing for a log."""

    def wrap(parts: Iterable[Any]) -> Iterable[Any]:
        from tqdm import tqdm

        bar = tqdm(parts, desc=what, total=total, leave=False, disable=not sys.stderr.isatty())
        return bar if bar.disable or what != "draws" else _refined(bar)

    return wrap


def _refined(bar: Any) -> Iterator[Any]:
    """Yield the draws of a run, the headline of the first scenario so far beside their bar."""
    from simlib.study import experiment, headline

    seen = []
    for part in bar:
        _, simulated = part
        seen.append(simulated[0].amounts[:, experiment.HEADLINE])
        bar.set_postfix_str(headline.so_far(seen))
        yield part


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


def _day(text: str) -> datetime.date:
    """Return a day written YYYY-MM-DD."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}. Write a day as YYYY-MM-DD, such as 2024-07-01.") from None


def _pinned(text: str) -> tuple[str, float | str]:
    """Return what a text ID=VALUE holds fixed."""
    from simlib.quantities import pinned

    try:
        return pinned(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class Option(NamedTuple):
    """One argument of a command, as argparse takes it."""

    flag: str
    how: dict[str, Any]


class Command(NamedTuple):
    """One command: what it is called (`catalogue check` is one of a group), what it does, in words, its arguments."""

    name: str
    action: Callable[[argparse.Namespace], Printed]
    about: str
    options: tuple[Option, ...] = ()


def option(flag: str, about: str = "", **how: Any) -> Option:
    """Return one argument; a path unless `type`, `choices` or `action` say otherwise."""
    plain = {"choices", "action", "type"} & how.keys()
    return Option(flag, {"help": about or None} | ({} if plain else {"type": Path}) | how)


def draws(people: int) -> tuple[Option, ...]:
    """Return the arguments that say how often and on which random numbers a command runs."""
    few = f"people to draw per run (default {people:,}); every group keeps one"
    return (
        option("--draws", "parameter draws (default 64)", type=_whole, default=64),
        option("--seed", "names the random numbers (default 0)", type=_whole, default=0),
        option("--people", few, type=_whole, default=people),
        option(
            "--pin",
            "hold an uncertain parameter or a variant fixed",
            action="append",
            type=_pinned,
            default=[],
            metavar="ID=VALUE",
        ),
        JOBS,
    )


JOBS = option("--jobs", "threads (default: all cores); never changes a result", type=_whole)
SEED = option("--seed", "names the random numbers (default 0)", type=_whole, default=0)
LANG = ("zh", "en")
PACKAGE = "scenario file, or several as one: a.yaml+b.yaml"
ROOT = "scenario whose rules were in force (default scenarios/baseline.yaml)"

COMMANDS = (
    Command(
        "run",
        run_scenarios,
        "simulate scenarios beside current policy, with common random numbers",
        (
            option("scenarios", PACKAGE, nargs="+", metavar="SCENARIO"),
            *draws(people=100_000),
            option("--pools", "what each pool has: CSV or XLSX (default: synthetic)", metavar="FILE"),
            option("--out", "folder for the results (default .out/NAME)"),
            option("--books", "write the books of one draw too: journal, balances, workbook", action="store_true"),
            option("--attribute", "split what a package does among its measures too", action="store_true"),
            option("--report", "write the reports of the run too, in Chinese and English", action="store_true"),
        ),
    ),
    Command("check", check_files, "check scenario and case files", (option("files", nargs="+", metavar="FILE"),)),
    Command(
        "settle",
        settle_cases,
        "price one patient's bill both ways, layer by layer",
        (
            option("files", nargs="+", metavar="CASE"),
            option("--explain", "print the sheet of each visit, rule by rule", action="store_true"),
            option("--lang", "one language (default English with Chinese terms)", choices=LANG),
        ),
    ),
    Command(
        "fit",
        fit_draws,
        "calibrate the uncertain parameters by published ranks, shares and sizes",
        (
            option("root", ROOT, nargs="?", default=Path("scenarios/baseline.yaml"), metavar="ROOT"),
            option("--to", "read no target of a later year (default: all)", type=_whole, metavar="YEAR"),
            option("--targets", "CSV or XLSX of your own published figures", metavar="FILE"),
            option("--seed", "names the candidates (default 0)", type=_whole, default=0),
            JOBS,
            option("--out", "folder for the results (default .out/fit)", default=Path(".out/fit")),
        ),
    ),
    Command(
        "hindcast",
        hindcast,
        "foretell national figures known by now from earlier ones, scored",
        (option("--fit-to", "read no row of a later year", type=_whole, required=True, metavar="YEAR"), SEED),
    ),
    Command(
        "score",
        score,
        "score the frozen predictions by figures published since",
        (option("file", "CSV or XLSX with the columns figure, year, value", metavar="FILE"),),
    ),
    Command(
        "parameters",
        list_parameters,
        "list every number of the model with unit, range, grade and source",
        (
            option("--markdown", "print the levers only, as a table in Markdown", action="store_true"),
            option("--area", "list an area's own policy instead, field by field: name or code", type=str),
            option("--scheme", "one scheme (default: both)", choices=SCHEMES),
            option("--kind", "one kind of care (default: all)", choices=KINDS),
            option("--month", "rules in force in this month (default 2025-12)", metavar="YYYY-MM", type=_month),
        ),
    ),
    Command(
        "schema",
        print_schema,
        "print the JSON Schema of a file format, for editors",
        (option("format", choices=("scenario", "case")),),
    ),
    Command("glossary", print_glossary, "print the official terms, in Chinese and English"),
    Command(
        "catalogue check",
        check_catalogues,
        "check item lists, all faults at once",
        (option("files", nargs="+", metavar="FILE"),),
    ),
    Command(
        "catalogue compare",
        compare_catalogues,
        "say in what two item lists differ, and how much it weighs",
        (
            option("a", metavar="A"),
            option("b", metavar="B"),
            option("--date", "day (default: the latest period of each item)", type=_day, metavar="YYYY-MM-DD"),
            option("--spend", "yuan by item: CSV or XLSX, columns code and yuan", metavar="FILE"),
            option("--items", "differing items to print (default 20)", type=_count, default=20, metavar="N"),
        ),
    ),
    Command(
        "cache",
        show_cache,
        "say what is kept from before to save time (compiled rules, solved draws), or empty it",
        (option("--clear", "empty it", action="store_true"),),
    ),
    Command(
        "list",
        list_scenarios,
        "list the scenarios of a folder: title, question, geography, document that proposes the measure",
        (option("folder", nargs="?", default=Path("scenarios"), metavar="FOLDER"),),
    ),
    Command(
        "attribute",
        attribute,
        "split what a package of measures does among its levers, by Shapley value",
        (
            option("package", PACKAGE, metavar="PACKAGE"),
            option(
                "--metric", "what is split (default fund_payment)", type=str, default="fund_payment", metavar="METRIC"
            ),
            option("--sample", "draw N orders of joining instead of taking all", type=_whole, metavar="N"),
            *draws(people=20_000),
            option("--out", "folder for results and kept runs (default .out/attribute_NAME)"),
        ),
    ),
    Command(
        "books",
        write_books,
        "write the books of a finished run: journal, balances, calendar, trial balance, workbook",
        (option("folder", "folder of a run, such as .out/NAME", metavar="RUN_DIR"),),
    ),
    Command(
        "reconcile",
        reconcile_books,
        "add up every balance of a run's ledger again from its journal",
        (option("folder", "folder of a run, such as .out/NAME", metavar="RUN_DIR"),),
    ),
    Command(
        "report",
        write_report,
        "write the report of a finished run for those who decide",
        (
            option("run", "folder that `simlib run` has written", metavar="RUN_DIR"),
            option("--lang", "language of the report", choices=LANG, required=True),
            option("--scenario", "which scenario, if the run holds several", type=str, metavar="NAME"),
            option("--out", "folder for the report (default RUN_DIR/report_LANG)"),
            option("--pdf", "print it to PDF too, by the machine's Chromium", action="store_true"),
        ),
    ),
    Command(
        "verify",
        verify,
        "say whether a report or a run folder is as it was written",
        (
            option("path", "report.html, or the folder of a run", metavar="REPORT_OR_RUN_DIR"),
            option("--run", "the report's run (default: the folder around it)", metavar="RUN_DIR"),
        ),
    ),
)
GROUPS = {"catalogue": "check and compare real item lists (CSV or XLSX)"}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one line, not under a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Print what was found, what was expected and where to look; exit with 2."""
        from simlib.errors import did_you_mean, shown

        line = message.removeprefix("argument ")
        if choice := re.fullmatch(r"(.+): invalid choice: (.+) \(choose from (.+)\)", line):
            given, known = (re.findall(r"[^\s,']+", choice[i]) for i in (2, 3))
            line = f"{choice[1]}: found {shown(' '.join(given))}. {did_you_mean(' '.join(given), known)}"
        help_ = "" if line.endswith((".", "?")) else f". See `{self.prog} --help`."
        self.exit(BAD_INPUT, f"{self.prog}: {line}{help_}\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each takes `--json`."""
    top = _Parser(prog="simlib", description="What if the rules of cross-province direct settlement changed?")
    groups = {"": top.add_subparsers(required=True, metavar="COMMAND")}
    for name, action, about, options in COMMANDS:
        group, _, last = name.rpartition(" ")
        if group not in groups:
            inner = groups[""].add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = inner.add_subparsers(required=True, metavar="ACTION")
        command = groups[group].add_parser(last, help=about, description=about)
        command.add_argument("--json", action="store_true", help="print JSON")
        command.set_defaults(command=action)
        for flag, how in options:
            command.add_argument(flag, **how)
    return top


if __name__ == "__main__":
    sys.exit(main())
