"""What each lever of a package did: Shapley values over the coalitions of its changes, on the same luck in every draw.

A lever is one entry under `changes` of a file that the package is made of: what its author wrote as one step, be it
several settings. A coalition is the package without the other entries. Every coalition of a draw shares its parameters
and its people, so that the Shapley value has a value in every draw, and an interval; runs of coalitions are kept by
content so that none is done twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from simlib.amounts import AMOUNTS
from simlib.compiled import rules_sha
from simlib.errors import BadInputError
from simlib.files import facts
from simlib.files.shapes import Text
from simlib.files.texts import LANGS, Lang, said
from simlib.patients import areas
from simlib.scenario.scenario import Scenario, reference
from simlib.simulation import kept, simulate
from simlib.simulation.draws import Pin
from simlib.study import experiment, metrics
from simlib.study.effects import finite, spread
from simlib.study.experiment import DRAWS, Progress
from simlib.study.findings import FEWEST_TO_NAME, spread_key
from simlib.study.metrics import Group
from simlib.study.shapley import Order, Shares, alone, every_order, given, shares, some_orders

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_LEVERS = 8
"""Levers of which every coalition is run: 256 runs a draw; beyond, orders are sampled."""
MOST_SAMPLED_LEVERS, LEAST_ORDERS, MOST_ORDERS = 62, 4, 10_000
"""Two pairs of orders, one the other backwards, are the fewest that say how far their mean may be off."""
PEOPLE = 20_000
"""People drawn for a coalition; only what the package changes is lived."""
COLUMNS = [
    "metric", "group", "lever", "title_zh", "title_en", "shapley", "low", "high", "alone", "alone_low", "alone_high",
    "interaction", "interaction_low", "interaction_high", "stacked", "stacked_low", "stacked_high", "sampling_error",
    "unit",
]  # fmt: skip
"""Columns of `attribution.csv`."""


@dataclass(frozen=True)
class Lever:
    """One change of a package: its file and position there, a name, and what it is called in both languages."""

    step: int
    number: int
    name: str
    title: Text


ALL = Lever(0, 0, "total", Text(**{lang: said("split.all", lang) for lang in LANGS}))
"""Stands for all levers of a package together."""


@dataclass(frozen=True)
class Attribution:
    """Every coalition of a package in every draw: from it any metric is split.

    Attributes
    ----------
    sample : orders drawn in place of all of them, or None. orders : the orders of joining that are averaged.
    coalitions : sets of levers as bits. amounts : of each, integers, (coalition, draw, group, amount). groups : what
    amounts are summed over.
    """

    package: Scenario
    draws: int
    seed: int
    people: int
    pin: Pin
    sample: int | None
    orders: Sequence[Order]
    coalitions: tuple[int, ...]
    groups: tuple[Group, ...]
    amounts: Ints

    def table(self, metric: str = "fund_payment") -> pd.DataFrame:
        """Return what each lever did to a metric, a row per group and lever, then the total of the group.

        Columns
        -------
        metric, group; lever (or total), its titles; then each with its 95 % interval over draws: shapley; alone, what
        the lever does without the others; interaction, the first less the second; stacked, what it adds to those
        written before it. sampling_error : standard error from sampling orders, 0 where every order counts. unit.
        """
        which = [i for i, group in enumerate(self.groups) if group.kind is not None or metrics.additive(metric)]
        return pd.DataFrame([row for i in which for row in self._rows(metric, i)])[COLUMNS]

    def _given(self, metric: str, group: int, parts: Shares) -> Array:
        """Return what each lever is given in each draw, (lever, draw)."""
        at = [self.coalitions.index(c) for c in parts.coalitions]
        return split(self.amounts[at, :, group], metric, parts)

    def _rows(self, metric: str, group: int) -> list[dict[str, Any]]:
        """Return the rows of a group: each lever, then the total."""
        found = levers(self.package)
        mean = self._given(metric, group, shares(self.orders))
        single = np.concatenate([self._given(metric, group, alone(i)) for i in range(len(found))])
        stacked = self._given(metric, group, shares([tuple(range(len(found)))]))
        ways = {"shapley": mean, "alone": single, "interaction": mean - single, "stacked": stacked}
        errors = [*self._sampling_errors(metric, group), 0.0]
        label = self.groups[group].label(areas.load(self.package.geography))
        rows = []
        for i, lever in enumerate((*found, ALL)):
            row: dict[str, Any] = {"metric": metric, "group": label, "lever": lever.name}
            row |= {"title_zh": lever.title.zh, "title_en": lever.title.en}
            row |= {"unit": metrics.UNITS[metric], "sampling_error": errors[i]}
            for way, values in ways.items():
                one = values.sum(axis=0) if lever is ALL else values[i]
                ends = spread(finite(one))
                low, high = ("low", "high") if way == "shapley" else (f"{way}_low", f"{way}_high")
                row |= {way: ends["change"], low: ends["low"], high: ends["high"]}
            rows.append(row)
        return rows

    def _sampling_errors(self, metric: str, group: int) -> Array:
        """Return the standard error of each Shapley value from sampling orders in pairs, 0 where every order counts."""
        if self.sample is None:
            return np.zeros(len(self.orders[0]))
        pairs = [self.orders[i : i + 2] for i in range(0, len(self.orders), 2)]
        means = [np.nanmean(self._given(metric, group, shares(pair)), axis=1) for pair in pairs]
        return np.asarray(np.std(means, axis=0, ddof=1) / np.sqrt(len(pairs)))


def split(worth: Ints, metric: str, parts: Shares) -> Array:
    """Return what each lever is given of a metric, (lever, ...), from amounts (coalition, ..., amount).

    Amounts are split whole and divided once; of a rate, each coalition's is divided before.
    """
    if metrics.additive(metric):
        return metrics.metric(metric, given(worth, parts)) / parts.orders
    return np.asarray(given(metrics.metric(metric, worth), parts) / parts.orders)


def attribute(
    package: Scenario,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    people: int = PEOPLE,
    jobs: int = 1,
    pin: Pin | None = None,
    sample: int | None = None,
    folder: Path | None = None,
    progress: Progress = iter,
) -> Attribution:
    """Return every coalition of a package's levers in every draw, on the cells that the package changes.

    Parameters
    ----------
    draws, seed, people, jobs, pin, progress : see `experiment.repeat`. sample : orders to draw in place of all of them.
    folder : where runs of coalitions are kept, to be taken up again.

    Raises
    ------
    BadInputError : no lever, more than 8 without `sample`, nothing changed between provinces, a number out of range.
    """
    check(package, draws=draws, seed=seed, people=people, jobs=jobs, sample=sample)
    number, groups, pin = len(levers(package)), groups_of(package), dict(pin or {})
    orders = every_order(number) if sample is None else some_orders(number, sample, seed)
    stacked = shares([*orders, tuple(range(number))]).coalitions
    needed = tuple(dict.fromkeys((*stacked, *(1 << i for i in range(number)))))
    common = shared(package, groups, seed, people, pin)
    tasks = (delayed(_one_draw)(package, needed, groups, common, seed, d, people, pin, folder) for d in range(draws))
    with threadpool_limits(1, "blas"):
        pool = Parallel(n_jobs=jobs, prefer="threads", return_as="generator", pre_dispatch=2 * jobs)
        amounts = np.stack(list(progress(pool(tasks))), axis=1)
    return Attribution(package, draws, seed, people, pin, sample, orders, needed, groups, amounts)


def check(
    package: Scenario,
    *,
    draws: int,
    seed: int,
    people: int,
    jobs: int,
    sample: int | None,
) -> None:
    """Refuse what cannot be split with a `BadInputError`."""
    experiment.check([package], draws=draws, seed=seed, people=people, jobs=jobs)
    found, touched = levers(package), simulate.touched_by(package)
    if not found or not touched.any():
        raise BadInputError(f"{package.path}: changes nothing between provinces: nothing to split. Write `changes`.")
    if sample is None and len(found) > MOST_LEVERS:
        every = 2 ** len(found)
        runs = f"{len(found)} levers are {every:,} coalitions, times {draws} draws {draws * every:,} runs"
        most = f"at most {MOST_LEVERS} levers are split over all of them"
        offer = f"Write --sample 50 to draw 50 orders of joining, at most {50 * (len(found) - 1) + 2:,} coalitions"
        raise BadInputError(f"{package.path}: {runs}; {most}. {offer}, or a smaller package.")
    if len(found) > MOST_SAMPLED_LEVERS:
        raise BadInputError(f"{package.path}: {len(found)} levers; at most {MOST_SAMPLED_LEVERS}.")
    if sample is not None and not LEAST_ORDERS <= sample <= MOST_ORDERS:
        raise BadInputError(f"--sample {sample}: a whole number from {LEAST_ORDERS} to {MOST_ORDERS:,} is needed")


def bars(table: pd.DataFrame, group: str | None = None, lang: Lang = "en") -> pd.DataFrame:
    """Return one group of an attribution as `plots.waterfall` takes it, the first unless named, in `unit`.

    Columns: label, change, low, high, alone.
    """
    of = table[table["group"] == (group or table["group"].iloc[0])]
    factor = DISPLAY[str(of["unit"].iloc[0])]
    numbers = of[["shapley", "low", "high", "alone"]].set_axis(["change", "low", "high", "alone"], axis=1) * factor
    return numbers.assign(label=of[f"title_{lang}"]).reset_index(drop=True)


def unit(table: pd.DataFrame, lang: Lang = "en") -> str:
    """Return the unit in which an attribution is shown: percentage points for rates, 100 million yuan for amounts.

    >>> unit(pd.DataFrame({"unit": ["share"]}), "zh")
    '百分点'
    """
    return said(f"split.unit.{table['unit'].iloc[0]}", lang)


DISPLAY = {"share": 100.0, "yuan": 1e-8, "yuan per visit": 1.0}
"""What a metric is multiplied by to be shown in `unit`, by its own unit."""


def text(attribution: Attribution, table: pd.DataFrame) -> str:
    """Return the table of an attribution as text, a block per group."""
    factor = DISPLAY[str(table["unit"].iloc[0])]
    how = "every order of joining" if attribution.sample is None else f"{attribution.sample} random orders of joining"
    named, draws = levers(attribution.package), f"{attribution.draws} draws, seed {attribution.seed}"
    lines = [
        *(f"{lever.name}: {lever.title.en}  {lever.title.zh}" for lever in named),
        "",
        f"{table['metric'].iloc[0]}, {unit(table)}, on the pairs and months the package changes;",
        f"Shapley values over {how}; {draws}, means over draws.",
        "Alone: what a lever does by itself; interaction: share less that; stacked: what it adds in the order written.",
    ]
    span = said(spread_key(attribution.draws), "en")
    for label, of in table.groupby("group", sort=False):
        kind = str(label).rpartition("kind=")[2] if "kind=" in str(label) else "all kinds of care"
        lines += ["", f"{kind:<44}{'Shapley':>9}   {span:<20}{'alone':>9}{'interaction':>13}{'stacked':>9}"]
        for row in of.to_dict("records"):
            mid, low, high, single, inter, stacked = (
                f"{factor * row[key]:+z.2f}" for key in ("shapley", "low", "high", "alone", "interaction", "stacked")
            )
            lines.append(
                f"  {row['lever'][:42]:<42}{mid:>9}   {low + ' to ' + high:<20}{single:>9}{inter:>13}{stacked:>9}"
            )
    few = f"Fewer than {FEWEST_TO_NAME} draws: intervals are rough. " if attribution.draws < FEWEST_TO_NAME else ""
    lines += ["", f"{few}Why cases fail is a prior: no figure is published after 2020. What opens a condition, such as"]
    return "\n".join(
        [*lines, "filing, and every rate hang on it. Item catalogues are synthetic unless a root names real lists."]
    )


def levers(package: Scenario) -> tuple[Lever, ...]:
    """Return the levers of a package: the entries under `changes` of its files but the root, in their order."""
    out = []
    for s, step in enumerate(package.lineage()[1:], 1):
        for number, change in enumerate(step.changes):
            single = len(step.changes) == 1
            what = f"{', '.join(name for name, _ in change.set)}; {change.start}"
            zh, en = ("", "") if single else (f"（{what}）", f" ({what})")
            title = Text.model_construct(zh=step.title.zh + zh, en=step.title.en + en)
            out.append(Lever(s, number, step.name if single else f"{step.name}#{number + 1}", title))
    return tuple(out)


def coalition(package: Scenario, every: Sequence[Lever], chosen: int) -> Scenario:
    """Return the package with only the chosen levers, bits; without any it sets what its root does."""
    kept = {(lever.step, lever.number) for i, lever in enumerate(every) if chosen >> i & 1}
    root, *steps = package.lineage()
    last = root
    for s, step in enumerate(steps, 1):
        changes = tuple(change for i, change in enumerate(step.changes) if (s, i) in kept)
        last = step.model_copy(update={"changes": changes, "parent": last})
    return last


def groups_of(package: Scenario) -> tuple[Group, ...]:
    """Return what amounts are summed over: the cells that the package changes, all and each kind of several."""
    touched = simulate.touched_by(package)
    kinds = np.flatnonzero(touched.any(axis=(0, 1, 2, 4)))
    every = [Group(changed=True)] if len(kinds) > 1 else []
    return (*every, *(Group(changed=True, kind=int(k)) for k in kinds))


def _one_draw(
    package: Scenario,
    coalitions: Sequence[int],
    groups: tuple[Group, ...],
    common: str,
    seed: int,
    draw: int,
    people: int,
    pin: Pin,
    folder: Path | None,
) -> Ints:
    """Return the amounts of each coalition in one draw, (coalition, group, amount), save for those kept."""
    found = levers(package)
    members = {c: coalition(package, found, c) for c in coalitions}
    keys = {c: content(of) for c, of in members.items()}
    touched, place = simulate.touched_by(package), areas.load(package.geography)
    file = folder and folder / f"{common}-{draw:04}.json"
    known = _kept(file, len(groups))
    missing = [c for c in coalitions if keys[c] not in known]
    if missing:
        parameters = kept.solved(reference(package), seed, draw, pin)
        for c in missing:
            run = simulate.live(parameters, members[c], touched=touched, people=people, whole=False)
            known[keys[c]] = metrics.amounts(run.totals, place, groups).sum(axis=1)
        if file:
            _keep(file, known)
    return np.stack([known[keys[c]] for c in coalitions])


def content(package: Scenario) -> str:
    """Return a hash of what a coalition sets, where and when, whatever file says so."""
    said = [change.model_dump(mode="json") for step in package.lineage()[1:] for change in step.changes]
    return _sha(said)[:32]


def shared(package: Scenario, groups: tuple[Group, ...], seed: int, people: int, pin: Pin) -> str:
    """Return a hash of all that coalitions have in common: rules, tables, root, people looked at, luck."""
    root = reference(package)
    touched = simulate.touched_by(package)
    said = {
        "rules": rules_sha(),
        "tables": facts.hashes(),
        "root": [sha256 for _, sha256 in root.files()],
        "place": [root.year, root.geography],
        "touched": hashlib.sha256(np.packbits(touched).tobytes()).hexdigest(),
        "groups": [str(group) for group in groups],
        "luck": [seed, people, sorted(pin.items())],
    }
    return _sha(said)[:32]


def _sha(value: Any) -> str:
    """Return the SHA-256 of a plain value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _keep(file: Path, known: dict[str, Ints]) -> None:
    """Write the coalitions of a draw, whole."""
    said = {key: value.tolist() for key, value in sorted(known.items())}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        facts.write_whole(file, json.dumps({"amounts": list(AMOUNTS), "coalitions": said}).encode())
    except OSError as error:
        raise BadInputError(
            f"{file}: cannot be written ({error.strerror}). Free space, or name another folder."
        ) from None


def _kept(file: Path | None, groups: int) -> dict[str, Ints]:
    """Return the coalitions that a file keeps, none if it is missing or not what this module writes."""
    if file is None or not file.exists():
        return {}
    try:
        said = json.loads(file.read_bytes())
        arrays = {str(key): np.array(value, dtype=np.int64) for key, value in said["coalitions"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return {}
    right = said.get("amounts") == list(AMOUNTS) and all(a.shape == (groups, len(AMOUNTS)) for a in arrays.values())
    return arrays if right else {}
