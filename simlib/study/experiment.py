"""Many draws of several scenarios on the same luck, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from simlib.amounts import AMOUNTS
from simlib.calibration import fit
from simlib.errors import BadInputError
from simlib.fund import indicators
from simlib.fund.books import Books, follow, months
from simlib.fund.ledger import Ledger
from simlib.fund.openings import Pools, StatedPools
from simlib.patients import areas, flows, response
from simlib.patients.within import Within
from simlib.quantities import Quantity, register
from simlib.scenario import scenario
from simlib.scenario.scenario import Scenario
from simlib.settlement.network import Network
from simlib.simulation import policies, simulate, solve
from simlib.simulation.draws import Pin
from simlib.simulation.policies import Rules
from simlib.study import metrics
from simlib.study.metrics import UNITS, Group
from simlib.terms import INPATIENT, KINDS

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DRAWS = 64
BOOKED = 0
"""The draw of which every entry is kept; all would be millions."""
LIMITS = {"draws": (2, 10_000), "people": (1000, 10**8), "seed": (0, 2**32 - 1), "jobs": (1, 1000)}
"""Least and most of each number that says how a run is done: 40 million people were patients elsewhere in 2023."""

APART = frozenset(q.id for q in (*Ledger.quantities(), *Within.quantities(), Network.pace_ahead))
"""Numbers that no cross-province payment hangs on."""

HEADLINE = 0
"""Position of the group that the headline is about, see `metrics.groups`."""

CONTRACT = ["scenario", "metric", "group", "baseline", "value", "change", "low", "high", "unit"]
"""Columns of `effects.csv`."""

Progress = Callable[[Iterable[Any]], Iterable[Any]]
Solver = Callable[[Scenario, int, int, Pin | None], solve.World]
"""Returns the world of a reference, seed and draw, as `solve.solve` does."""


@dataclass(frozen=True)
class Pairing:
    """One scenario and its reference, draw by draw.

    Attributes
    ----------
    groups : what the amounts are summed over, the headline first. before, after : amounts of the
    reference and of the scenario, (draw, group, half, amount), integers.
    """

    scenario: Scenario
    groups: tuple[Group, ...]
    before: Ints
    after: Ints

    def both(self, metric: str, group: int, half: int | None = None) -> tuple[Array, Array]:
        """Return a metric in each draw before and after, (draw,); of one half of the people if asked."""
        pick = (slice(None), group, slice(None) if half is None else [half])
        before, after = (metrics.metric(metric, a[pick].sum(axis=1)) for a in (self.before, self.after))
        return before, after


@dataclass(frozen=True)
class Outcome:
    """What one draw leaves behind: amounts by scenario, people drawn, unknowns, and what the draw says of 2023.

    fresh : amounts of the headline group if nobody had used up anything at home, by scenario. cash : what the ledger
    says of the reference and of each scenario, (side, indicator, group, month). parts : see `indicators.effects`.
    who : amounts of the headline's kind by group of insured, (side, group, amount), see `metrics.WHO`.
    seen : what hosts saw of the headline's kind, (side, scheme, member, touched, host, tier, `loop.SEEN`), by scenario.
    books : reference and scenario, of draw `BOOKED` only.
    """

    amounts: tuple[Ints, ...]
    fresh: tuple[Ints, ...]
    people: int
    unknowns: Array
    expected: Array
    check: solve.Check
    cases: Array
    cash: tuple[Array, ...]
    parts: tuple[Array, ...]
    who: tuple[Ints, ...]
    seen: tuple[Ints, ...]
    books: tuple[tuple[Books, Books], ...]


@dataclass(frozen=True)
class Runs:
    """Many draws of several scenarios.

    Attributes
    ----------
    fresh : the headline group of each pairing if care at home had used up nothing of the year.
    people, drawn : people asked for and most drawn in a run: every cell keeps its chance, so that few become more.
    unknowns : value of each scalar unknown, a row a draw, columns by id. expected : direct visits and fund payment of
    2023 on expected values, (draw, kind, 2). checks : see `solve.Check`. cases : inpatient cases of 2023 between
    provinces in any geography, (draw, purpose, home, host).
    pin : what was held fixed.
    cash : what the ledger says by scenario, (draw, side, indicator, group, month), see `indicators`; none where only
    what changes was drawn. parts : of what each scenario takes out of the pools, (draw, part, all and each home). who :
    amounts by group of insured, (draw, side, group, amount). seen : what hosts saw of the headline's kind,
    (draw, side, scheme, member, touched, host, tier, `loop.SEEN`), see `simulate.Run`. books : reference and scenario
    in draw `BOOKED`, by scenario. pools : what they were said to have, if a table was given.
    """

    place: areas.Place
    pairings: tuple[Pairing, ...]
    fresh: tuple[Pairing, ...]
    seed: int
    draws: int
    people: int
    drawn: int
    unknowns: pd.DataFrame
    expected: Array
    checks: tuple[solve.Check, ...]
    cases: Array
    pin: Pin
    cash: tuple[Array, ...]
    parts: tuple[Array, ...]
    who: tuple[Ints, ...]
    seen: tuple[Ints, ...]
    books: tuple[tuple[Books, Books], ...]
    pools: StatedPools | None


def repeat(
    scenarios: Sequence[Scenario],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    people: int = simulate.PEOPLE_PER_DRAW,
    jobs: int = 1,
    pin: Pin | None = None,
    whole: bool = True,
    progress: Progress = iter,
    pools: StatedPools | None = None,
    solved: Solver = solve.solve,
) -> Runs:
    """Return the draws of several scenarios, each beside its reference on the same luck.

    Parameters
    ----------
    draws : parameter draws, at least 2. people : people drawn per run. jobs : threads; any number gives
    the same result. pin : unknowns held at a value and variants at a form, by id. whole : whether to draw the
    country, not only the kinds and pairs that the scenario changes.
    progress : wraps the draws as they are done, for a bar. pools : what the pools have, else drawn and synthetic.
    solved : what solves a draw, for who keeps worlds and asks again.

    Raises
    ------
    BadInputError : fewer than 2 draws or 1,000 people, a negative seed, no scenario, two of the same name.
    """
    check(scenarios, draws=draws, seed=seed, people=people, jobs=jobs)
    place = areas.load(scenarios[0].geography)
    groups = [metrics.groups(scenario.compile(of, place).touched) for of in scenarios]
    tasks = (
        delayed(one_draw)(scenarios, groups, seed, d, people, dict(pin or {}), whole, pools and pools.pools, solved)
        for d in range(draws)
    )
    pool = Parallel(n_jobs=jobs, prefer="threads", return_as="generator", pre_dispatch=2 * jobs)
    with threadpool_limits(1, "blas"):  # draws are the threads; more inside each only get in their way
        outcomes = list(progress(pool(tasks)))
    pairings, fresh = (
        tuple(
            Pairing(of, groups[i][:most], *(np.stack([getattr(o, name)[i][side] for o in outcomes]) for side in (0, 1)))
            for i, of in enumerate(scenarios)
        )
        for name, most in (("amounts", None), ("fresh", HEADLINE + 1))
    )
    unknowns = pd.DataFrame([o.unknowns for o in outcomes], columns=[q.id for q in scalar_unknowns()])
    return Runs(
        place,
        pairings,
        fresh,
        seed,
        draws,
        people,
        max(o.people for o in outcomes),
        unknowns,
        np.stack([o.expected for o in outcomes]),
        tuple(o.check for o in outcomes),
        np.stack([o.cases for o in outcomes]),
        dict(pin or {}),
        tuple(np.stack(every) for every in zip(*(o.cash for o in outcomes), strict=True)),
        tuple(np.stack(every) for every in zip(*(o.parts for o in outcomes), strict=True)),
        tuple(np.stack(every) for every in zip(*(o.who for o in outcomes), strict=True)),
        tuple(np.stack(every) for every in zip(*(o.seen for o in outcomes), strict=True)),
        outcomes[BOOKED].books,
        pools,
    )


def check(scenarios: Sequence[Scenario], *, draws: int, seed: int, people: int, jobs: int) -> None:
    """Refuse what cannot be run with a `BadInputError`."""
    names = [of.name for of in scenarios]
    if not names:
        raise BadInputError("no scenario: name at least one scenario file")
    if len(set(names)) < len(names):
        raise BadInputError(f"two scenarios are both called {max(names, key=names.count)}: rename one of the files")
    references = [scenario.reference(of) for of in scenarios]
    roots = {tuple(sha256 for _, sha256 in one.files()): one.path for one in references}
    if len(roots) > 1:
        raise BadInputError(f"scenarios of different roots ({', '.join(sorted(roots.values()))}): run them apart")
    if min(of.year for of in scenarios) < solve.FIT_YEAR:
        why = f"pools and what hospitals wait for are known from {solve.FIT_YEAR} on"
        raise BadInputError(f"year {min(of.year for of in scenarios)}: {why}. `match.history` tells of earlier years.")
    if len({of.geography for of in scenarios}) > 1:
        raise BadInputError("scenarios of different geographies: run them apart")
    if len({of.year for of in scenarios}) > 1 and any(one.catalogues for one in references):
        raise BadInputError("scenarios of different years whose root names item lists: lists are dated, run them apart")
    for of in scenarios:
        policies.check(of)
    limits(draws=draws, people=people, seed=seed, jobs=jobs)
    fitted = references[0].ensemble
    if fitted:
        fitted.member(seed, draws - 1)
        fit.verify(references[0].lineage()[0])


def limits(**asked: int) -> None:
    """Refuse a number beyond `LIMITS` with a `BadInputError`.

    >>> limits(jobs=0)
    Traceback (most recent call last):
    simlib.errors.BadInputError: --jobs 0: at least 1 is needed
    """
    for what, found in asked.items():
        least, most = LIMITS[what]
        if found < least:
            raise BadInputError(f"--{what} {found}: at least {least} is needed")
        if found > most:
            raise BadInputError(f"--{what} {found}: at most {most:,}")


def one_draw(
    scenarios: Sequence[Scenario],
    groups: Sequence[tuple[Group, ...]],
    seed: int,
    draw: int,
    people: int,
    pin: Pin,
    whole: bool,
    pools: Pools | None = None,
    solved: Solver = solve.solve,
) -> Outcome:
    """Return one draw of every scenario and its reference; they share a world."""
    world = solved(scenario.reference(scenarios[0]), seed, draw, pin)
    both = zip(scenarios, groups, rules_of(world, scenarios), strict=True)
    found = [_one_scenario(world, of, group, rules, people, whole, pools) for of, group, rules in both]
    amounts, fresh, drawn, cash, parts, who, seen, books = zip(*found, strict=True)
    values = np.array([float(world.values[q][0]) for q in scalar_unknowns()])
    cases = flows.expect(world.pull, world.c, world.stayed)[INPATIENT].sum(axis=0)
    said = values, world.expected, world.check, cases
    followed = (cash, parts, who, seen, books if draw == BOOKED else ()) if whole else ((), (), (), (), ())
    return Outcome(amounts, fresh, max(drawn), *said, *followed)


def _one_scenario(
    world: solve.World,
    of: Scenario,
    groups: tuple[Group, ...],
    rules: tuple[Rules, Rules],
    people: int,
    whole: bool,
    pools: Pools | None,
) -> tuple[Ints, Ints, int, Any, Any, Any, Any, Any]:
    """Return what one draw of a scenario leaves behind, see `Outcome`; its totals, which are large, are let go."""
    answers = tuple(
        simulate.answered(world, one, its) for one, its in zip((scenario.reference(of), of), rules, strict=True)
    )
    amounts, runs = pair(world, of, groups, rules, people, whole=whole, answers=answers)
    cash, parts, who, seen, books = None, None, None, None, None
    if whole:
        kind = groups[HEADLINE].kind or 0
        who, seen = _by_insured(of, kind, runs), np.stack([run.seen[kind] for run in runs])
        books = follow(world, *runs, pools)
        cash, parts = np.stack([indicators.monthly(side) for side in books]), indicators.effects(runs, books)
    drawn = max(run.people for run in runs)
    del runs
    home: Any = {"whole": False, "care_at_home": False, "answers": answers}
    fresh, _ = pair(world, of, groups[: HEADLINE + 1], rules, people // 2, **home)
    return amounts, fresh, drawn, cash, parts, who, seen, books


def _by_insured(of: Scenario, kind: int, runs: tuple[simulate.Run, simulate.Run]) -> Ints:
    """Return the amounts of a kind by group of insured, (side, group, amount), in the cells that the scenario sets."""
    west = np.isin(np.array(areas.provinces().codes)[areas.load(of.geography).province], areas.WEST)
    return np.stack([metrics.of_insured(run.totals, kind, west) for run in runs])


def scalar_unknowns() -> tuple[Quantity, ...]:
    """Return the unknowns that are one number per draw and that cross-province payments hang on: not of `APART`."""
    return tuple(q for q in register().values() if q.role == "unknown" and not q.axes and q.id not in APART)


def effect(runs: Runs) -> pd.DataFrame:
    """Return what each scenario changes, a row per scenario, group and metric.

    Columns
    -------
    The contract of `effects.csv`: baseline and value are means over draws, change their difference, low and high the
    2.5 and 97.5 % quantiles of the paired differences. Then sd_parameters and sd_monte_carlo of the change: the spread
    that more knowledge would narrow, and that which more people would. A change of exactly 0 has an interval of 0.
    """
    rows = [
        {"scenario": pairing.scenario.name, "metric": name, "group": group.label(runs.place)}
        | summary(pairing, name, i)
        for pairing in runs.pairings
        for i, group in enumerate(pairing.groups)
        for name in UNITS
    ]
    return pd.DataFrame(rows)[[*CONTRACT, "sd_parameters", "sd_monte_carlo"]]


def summary(pairing: Pairing, name: str, group: int) -> dict[str, object]:
    """Return one row of `effect`; draws in which a small group saw no visit are left out of its rates."""
    before, after = pairing.both(name, group)
    seen = np.isfinite(before) & np.isfinite(after)
    means = {"baseline": _mean(before[seen]), "value": _mean(after[seen])}
    return means | spread((after - before)[seen], monte_carlo(pairing, name, group)) | {"unit": UNITS[name]}


def spread(change: Array, noise: float) -> dict[str, float]:
    """Return mean, 95 % interval and the two standard deviations of a change over draws; NaN for fewer than two."""
    if change.size < 2:
        return dict.fromkeys(("change", "low", "high", "sd_parameters", "sd_monte_carlo"), float("nan"))
    low, high = interval(change)
    parameters = parameter_part(change, noise)
    return {"change": _mean(change), "low": low, "high": high, "sd_parameters": parameters, "sd_monte_carlo": noise}


def finite(values: Array) -> Array:
    """Return the draws that have a value."""
    return values[np.isfinite(values)]


def _mean(values: Array) -> float:
    """Return the mean, NaN of nothing."""
    return float(values.mean()) if values.size else float("nan")


def parameter_part(change: Array, noise: float) -> float:
    """Return the standard deviation of a change over draws that luck does not explain."""
    return float(np.sqrt(np.maximum(change.var(ddof=1) - noise**2, 0.0)))


def interval(change: Array) -> tuple[float, float]:
    """Return the 95 % interval of a change over draws."""
    low, high = np.quantile(change, (0.025, 0.975))
    return float(low), float(high)


def monte_carlo(pairing: Pairing, name: str, group: int, *, percent: bool = False) -> float:
    """Return the standard deviation of a change that luck causes: half the root mean square of the halves' difference.

    A sum over people is first doubled in each half, so that both estimate the whole; with `percent` the change is that
    of `relative`. NaN where no draw has both halves. Cells of one person make it too large for the
    whole country, never too small.
    """
    halves = [
        relative(pairing, name, group, half) if percent else np.subtract(*reversed(pairing.both(name, group, half)))
        for half in (0, 1)
    ]
    apart = finite((halves[0] - halves[1]) * (2.0 if metrics.additive(name) and not percent else 1.0))
    return float(np.sqrt((apart**2).mean()) / 2) if apart.size else float("nan")


def relative(pairing: Pairing, name: str, group: int, half: int | None = None) -> Array:
    """Return the change of an amount in percent of the reference, (draw,); NaN in draws where that is 0."""
    before, after = pairing.both(name, group, half)
    return np.asarray(100 * (after / np.where(before > 0, before, np.nan) - 1))


def rules_of(world: solve.World, scenarios: Sequence[Scenario]) -> list[tuple[Rules, Rules]]:
    """Return the rules of each scenario's reference and of itself in a draw; references of one year share theirs."""
    of_year = {of.year: scenario.reference(of) for of in scenarios}
    roots = {year: simulate.enacted_in(world, of) for year, of in of_year.items()}
    return [(roots[of.year], simulate.enacted_in(world, of)) for of in scenarios]


def pair(
    world: solve.World,
    of: Scenario,
    groups: tuple[Group, ...],
    rules: tuple[Rules, Rules],
    people: int,
    *,
    whole: bool,
    care_at_home: bool = True,
    answers: tuple[response.Answer | None, ...] = (None, None),
) -> tuple[Ints, tuple[simulate.Run, simulate.Run]]:
    """Return the amounts of a scenario's reference and of itself, (side, group, half, amount), and both runs.

    rules, answers : of both, see `rules_of` and `simulate.answered`; answers not given are solved.
    """
    place, touched = areas.load(of.geography), simulate.touched_by(of)
    if not whole:  # other kinds of care would be lived and left out
        wanted = {group.kind for group in groups}
        touched = touched & np.array([k in wanted or None in wanted for k in range(len(KINDS))])[:, None]
    how: Any = {"touched": touched, "people": people, "whole": whole, "care_at_home": care_at_home}
    sides = zip((scenario.reference(of), of), rules, answers, strict=True)
    before, after = (simulate.live(world, one, rules=its, answer=answer, **how) for one, its, answer in sides)
    return np.stack([metrics.amounts(run.totals, place, groups) for run in (before, after)]), (before, after)


def draws_table(runs: Runs) -> pd.DataFrame:
    """Return every amount of every draw, group and half, before and after: all that the effects are computed from.

    Columns: scenario, side (reference or scenario), draw, group, half, then `AMOUNTS` (visits and fen).
    """

    def blocks() -> Iterator[pd.DataFrame]:
        for pairing in runs.pairings:
            labels = [group.label(runs.place) for group in pairing.groups]
            for side, amounts in (("reference", pairing.before), ("scenario", pairing.after)):
                index = pd.MultiIndex.from_product([range(runs.draws), labels, (0, 1)], names=["draw", "group", "half"])
                table = pd.DataFrame(amounts.reshape(-1, amounts.shape[-1]), index, columns=list(AMOUNTS))
                table = table.reset_index()
                table.insert(0, "side", side)
                table.insert(0, "scenario", pairing.scenario.name)
                yield table

    return pd.concat(blocks(), ignore_index=True)


def harmed(runs: Runs, pairing: int) -> float:
    """Return the share of draws in which a scenario leaves more pools short of reserve in some month than today.

    A pool is short below `Ledger.reserve__least` months payable.
    """
    low = _short(runs, pairing)
    return float((low[:, 1] > low[:, 0]).any(axis=1).mean())


def unharmed(runs: Runs, pairing: int) -> tuple[float, float]:
    """Return the share of draws in which no pool is short of reserve in any month, without a scenario and with it."""
    without, with_ = (_short(runs, pairing) == 0).all(axis=2).mean(axis=0)
    return float(without), float(with_)


def _short(runs: Runs, pairing: int) -> Array:
    """Return the pools short of reserve, (draw, side, month)."""
    return np.asarray(runs.cash[pairing][:, :, list(indicators.INDICATORS).index("pools_below_limit"), 0])


def parts_table(runs: Runs) -> pd.DataFrame:
    """Return what each scenario takes out of the cash of each home's pools in its year, in parts: `indicators.effects`.

    Columns: scenario, home (code, or all), part, change (mean), low, high (95 % interval), unit.
    """

    def blocks() -> Iterator[pd.DataFrame]:
        for pairing, parts in zip(runs.pairings, runs.parts, strict=True):
            index = pd.MultiIndex.from_product([indicators.EFFECTS, ("all", *runs.place.codes)], names=["part", "home"])
            table = index.to_frame(index=False)[["home", "part"]]
            table.insert(0, "scenario", pairing.scenario.name)
            low, high = np.quantile(parts, (0.025, 0.975), axis=0)
            amounts = {"change": parts.mean(axis=0).ravel(), "low": low.ravel(), "high": high.ravel()}
            yield table.assign(**amounts, unit="yuan")

    return pd.concat(blocks(), ignore_index=True)


def years_table(runs: Runs) -> pd.DataFrame:
    """Return the inpatient rate of the country in each draw with the institutions connected in each year.

    Columns: draw, year, rate (share of cases settled directly among those settled at all; all else as in 2023). Years
    after the last published count are extrapolated, see `solve.ahead`.
    """
    years = (*solve.HISTORY, *solve.AHEAD)
    rows = [(d, year, float(rate)) for d, check in enumerate(runs.checks)
            for year, rate in zip(years, (*check.direct, *check.ahead), strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["draw", "year", "rate"])


def cash_table(runs: Runs) -> pd.DataFrame:
    """Return what the ledger says, a row per scenario, indicator, group and month.

    Columns
    -------
    scenario, indicator, group, month; baseline and value are means over draws, change their difference, low and high
    the 2.5 and 97.5 % quantiles of the paired differences; value_low, value_low50, value_high50, value_high those of
    the value itself, 95 and 50 %; unit.
    """

    def blocks() -> Iterator[pd.DataFrame]:
        for pairing, cash, (books, _) in zip(runs.pairings, runs.cash, runs.books, strict=True):
            index = [list(indicators.INDICATORS), list(indicators.groups(books)), months(books)[1:]]
            table = pd.MultiIndex.from_product(index, names=["indicator", "group", "month"]).to_frame(index=False)
            told = np.isfinite(cash).all(axis=(0, 1)).ravel()
            before, after = (cash[:, side].reshape(len(cash), -1)[:, told] for side in (0, 1))
            table = table[told].reset_index(drop=True)
            table.insert(0, "scenario", pairing.scenario.name)
            table["baseline"], table["value"] = before.mean(axis=0), after.mean(axis=0)
            table["change"] = (after - before).mean(axis=0)
            table["low"], table["high"] = np.quantile(after - before, (0.025, 0.975), axis=0)
            bands = ("value_low", "value_low50", "value_high50", "value_high")
            table[list(bands)] = np.quantile(after, (0.025, 0.25, 0.75, 0.975), axis=0).T
            yield table.assign(unit=table.indicator.map(indicators.INDICATORS))

    return pd.concat(blocks(), ignore_index=True)
