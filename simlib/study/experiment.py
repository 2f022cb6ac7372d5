"""Many draws of several scenarios on the same luck: what each draw leaves, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from simlib.calibration import fit
from simlib.errors import BadInputError
from simlib.fund import indicators
from simlib.fund.books import Books, follow
from simlib.fund.ledger import Ledger
from simlib.fund.openings import StatedPools
from simlib.patients import areas, flows, response
from simlib.patients.within import Within
from simlib.quantities import Quantity, register
from simlib.scenario.scenario import Scenario, reference
from simlib.settlement.network import Network
from simlib.simulation import kept, policies, simulate, solve
from simlib.simulation.draws import Pin
from simlib.simulation.policies import Rules
from simlib.study import metrics
from simlib.study.effects import Amounts
from simlib.study.metrics import Group
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

Progress = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Common:
    """What a draw says whatever the scenario; over many draws each array has the draws as its first axis.

    Attributes
    ----------
    uncertain : value of each of `scalar_parameters`. expected : direct visits and fund payment of 2023 on expected
    values, (kind, 2). cases : inpatient cases of 2023 between provinces in any geography, (purpose, home, host).
    checks : what the draw says of published figures, one a draw.
    """

    uncertain: Array
    expected: Array
    cases: Array
    checks: tuple[solve.Check, ...]


@dataclass(frozen=True)
class Simulated:
    """What a scenario leaves of a draw beside its reference; over many draws each array has the draws as first axis.

    Attributes
    ----------
    amounts : by group, (side, group, half, amount), integers; fresh : those of the headline if care at home had used
    up nothing of the year. people : people drawn, (side,).
    cash : what the ledger says, (side, indicator, group, month), see `indicators`. parts : of what the scenario takes
    out of the pools, (part, all and each home), see `indicators.effects`. who : amounts of the headline's kind by group
    of insured, (side, group, amount), see `metrics.WHO`. seen : what hosts saw of that kind, (side, scheme, member,
    touched, host, tier, `loop.SEEN`). These four are empty where only what changes was drawn. books : of the reference
    and the scenario, of draw `BOOKED` only.
    """

    amounts: Ints
    fresh: Ints
    people: Ints
    cash: Array
    parts: Array
    who: Ints
    seen: Ints
    books: tuple[tuple[Books, Books], ...]


Part = TypeVar("Part", Common, Simulated)


def together(parts: Sequence[Part]) -> Part:
    """Return what draws leave as one: arrays with the draws as a new first axis, tuples strung together."""
    every = {field.name: [getattr(part, field.name) for part in parts] for field in fields(parts[0])}
    joined: dict[str, Any] = {
        name: np.stack(values) if isinstance(values[0], np.ndarray) else tuple(chain.from_iterable(values))
        for name, values in every.items()
    }
    return replace(parts[0], **joined)


@dataclass(frozen=True)
class Runs:
    """Many draws of several scenarios: the arrays that all tables are made from.

    Attributes
    ----------
    groups : what the amounts of each scenario are summed over, the headline first. simulated : of each scenario.
    people : people asked for: every cell keeps its chance, so that few become more. pin : what was held fixed.
    pools : what they were said to have, if a table was given. whole : whether the country was drawn.
    """

    place: areas.Place
    scenarios: tuple[Scenario, ...]
    groups: tuple[tuple[Group, ...], ...]
    simulated: tuple[Simulated, ...]
    common: Common
    seed: int
    draws: int
    people: int
    pin: Pin
    pools: StatedPools | None
    whole: bool

    @property
    def drawn(self) -> int:
        """Most people drawn in a run."""
        return int(max(simulated.people.max() for simulated in self.simulated))

    @property
    def uncertain(self) -> pd.DataFrame:
        """Value of each scalar uncertain parameter, a row a draw, columns by id."""
        return pd.DataFrame(self.common.uncertain, columns=[q.id for q in scalar_parameters()])

    def amounts(self, number: int, *, fresh: bool = False) -> Amounts:
        """Return the amounts of a scenario; of its headline with a fresh year at home if asked, see `Simulated`."""
        simulated, groups = self.simulated[number], self.groups[number][: HEADLINE + 1 if fresh else None]
        labels = {group.label(self.place): at for at, group in enumerate(groups)}
        return Amounts(self.place, labels, *np.moveaxis(simulated.fresh if fresh else simulated.amounts, 1, 0))


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
) -> Runs:
    """Return the draws of several scenarios, each beside its reference on the same luck.

    Parameters
    ----------
    draws : parameter draws, at least 2. people : people drawn per run. jobs : threads; any number gives
    the same result. pin : uncertain parameters held at a value and variants at a form, by id. whole : whether to draw
    the country, not only the kinds and pairs that the scenario changes, of which alone amounts are then summed.
    progress : wraps the draws as they are done, for a bar. pools : what the pools have, else drawn and synthetic.

    Raises
    ------
    BadInputError : fewer than 2 draws or 1,000 people, a negative seed, no scenario, two of the same name.
    """
    check(scenarios, draws=draws, seed=seed, people=people, jobs=jobs)
    groups = tuple(_groups(scenario, whole) for scenario in scenarios)
    plan = _Plan(tuple(scenarios), groups, seed, people, dict(pin or {}), whole, pools)
    pool = Parallel(n_jobs=jobs, prefer="threads", return_as="generator", pre_dispatch=2 * jobs)
    with threadpool_limits(1, "blas"):  # draws are the threads; more inside each only get in their way
        found = list(progress(pool(delayed(_one_draw)(plan, draw) for draw in range(draws))))
    kept.trim()
    common, simulated = zip(*found, strict=True)
    place, every = areas.load(scenarios[0].geography), tuple(together(of) for of in zip(*simulated, strict=True))
    return Runs(place, plan.scenarios, groups, every, together(common), seed, draws, people, plan.pin, pools, whole)


def booked(
    scenarios: Sequence[Scenario], *, seed: int, people: int, pin: Pin, pools: StatedPools | None
) -> list[tuple[Books, Books]]:
    """Return the books that `repeat` keeps of draw `BOOKED`: of the reference and of each scenario."""
    check(scenarios, draws=LIMITS["draws"][0], seed=seed, people=people, jobs=1)
    groups = tuple(_groups(scenario, True) for scenario in scenarios)
    _, simulated = _one_draw(_Plan(tuple(scenarios), groups, seed, people, pin, True, pools), BOOKED)
    return [one.books[0] for one in simulated]


def _groups(scenario: Scenario, whole: bool) -> tuple[Group, ...]:
    """Return what the amounts of a scenario are summed over."""
    every = metrics.groups(simulate.touched_by(scenario))
    changed = tuple(group for group in every if group.changed)
    return every if whole or not changed else changed


def check(scenarios: Sequence[Scenario], *, draws: int, seed: int, people: int, jobs: int) -> None:
    """Refuse what cannot be run with a `BadInputError`."""
    names = [scenario.name for scenario in scenarios]
    if not names:
        raise BadInputError("no scenario: name at least one scenario file")
    if len(set(names)) < len(names):
        raise BadInputError(f"two scenarios are both called {max(names, key=names.count)}: rename one of the files")
    references = [reference(scenario) for scenario in scenarios]
    roots = {tuple(sha256 for _, sha256 in one.files()): one.path for one in references}
    if len(roots) > 1:
        raise BadInputError(f"scenarios of different roots ({', '.join(sorted(roots.values()))}): run them apart")
    years = {scenario.year for scenario in scenarios}
    if min(years) < solve.FIT_YEAR:
        why = f"pools and what hospitals wait for are known from {solve.FIT_YEAR} on"
        raise BadInputError(f"year {min(years)}: {why}. `match.history` tells of earlier years.")
    if len({scenario.geography for scenario in scenarios}) > 1:
        raise BadInputError("scenarios of different geographies: run them apart")
    if len(years) > 1 and any(one.catalogues for one in references):
        raise BadInputError("scenarios of different years whose root names item lists: lists are dated, run them apart")
    for scenario in scenarios:
        policies.check(scenario)
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
    for what, number in asked.items():
        least, most = LIMITS[what]
        if number < least:
            raise BadInputError(f"--{what} {number}: at least {least} is needed")
        if number > most:
            raise BadInputError(f"--{what} {number}: at most {most:,}")


class _Plan(NamedTuple):
    """What all draws have in common, see `repeat`."""

    scenarios: tuple[Scenario, ...]
    groups: tuple[tuple[Group, ...], ...]
    seed: int
    people: int
    pin: Pin
    whole: bool
    pools: StatedPools | None


def _one_draw(plan: _Plan, draw: int) -> tuple[Common, list[Simulated]]:
    """Return what one draw of every scenario and its reference leaves; they share its parameters."""
    parameters = kept.solved(reference(plan.scenarios[0]), plan.seed, draw, plan.pin)
    rules = rules_of(parameters, plan.scenarios)
    simulated = [_one_scenario(plan, parameters, number, its, draw) for number, its in enumerate(rules)]
    values = np.array([float(parameters.values[q][0]) for q in scalar_parameters()])
    cases = flows.expect(parameters.pull, parameters.c, parameters.stayed)[INPATIENT].sum(axis=0)
    return Common(values, parameters.expected, cases, (parameters.check,)), simulated


def _one_scenario(
    plan: _Plan, parameters: solve.ParameterDraw, number: int, rules: tuple[Rules, Rules], draw: int
) -> Simulated:
    """Return what one draw of a scenario leaves; its totals, which are large, are let go."""
    scenario, groups = plan.scenarios[number], plan.groups[number]
    sides = zip((reference(scenario), scenario), rules, strict=True)
    answers = tuple(simulate.answered(parameters, one, its) for one, its in sides)
    amounts, runs = pair(parameters, scenario, groups, rules, plan.people, whole=plan.whole, answers=answers)
    people, followed = np.array([run.people for run in runs]), _followed(plan, parameters, number, runs, draw)
    del runs
    home: Any = {"whole": False, "care_at_home": False, "answers": answers}
    fresh, _ = pair(parameters, scenario, groups[: HEADLINE + 1], rules, plan.people // 2, **home)
    return Simulated(amounts, fresh, people, **followed)


def _followed(
    plan: _Plan, parameters: solve.ParameterDraw, number: int, runs: tuple[simulate.Run, simulate.Run], draw: int
) -> dict[str, Any]:
    """Return what follows for the money, the insured and the hosts, see `Simulated`; nothing of a part of it."""
    if not plan.whole:
        return dict.fromkeys(("cash", "parts", "who", "seen"), np.empty(0)) | {"books": ()}
    kind = plan.groups[number][HEADLINE].kind or 0
    books = follow(parameters, *runs, plan.pools.pools if plan.pools else None)
    return {
        "cash": np.stack([indicators.monthly(side) for side in books]),
        "parts": indicators.effects(runs, books),
        "who": _by_insured(plan.scenarios[number], kind, runs),
        "seen": np.stack([run.seen[kind] for run in runs]),
        "books": (books,) if draw == BOOKED else (),
    }


def _by_insured(scenario: Scenario, kind: int, runs: tuple[simulate.Run, simulate.Run]) -> Ints:
    """Return the amounts of a kind by group of insured, (side, group, amount), in the cells that the scenario sets."""
    codes = np.array(areas.provinces().codes)
    west = np.isin(codes[areas.load(scenario.geography).province], areas.WEST)
    return np.stack([metrics.of_insured(run.totals, kind, west) for run in runs])


def scalar_parameters() -> tuple[Quantity, ...]:
    """Return the parameters that are one number per draw and that cross-province payments hang on: not of `APART`."""
    return tuple(q for q in register().values() if q.role == "uncertain" and not q.axes and q.id not in APART)


def rules_of(parameters: solve.ParameterDraw, scenarios: Sequence[Scenario]) -> list[tuple[Rules, Rules]]:
    """Return the rules of each scenario's reference and of itself in a draw; references of one year share theirs."""
    of_year = {scenario.year: reference(scenario) for scenario in scenarios}
    roots = {year: simulate.enacted_in(parameters, root) for year, root in of_year.items()}
    return [(roots[scenario.year], simulate.enacted_in(parameters, scenario)) for scenario in scenarios]


def pair(
    parameters: solve.ParameterDraw,
    scenario: Scenario,
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
    place, touched = areas.load(scenario.geography), simulate.touched_by(scenario)
    if not whole:  # other kinds of care would be lived and left out
        wanted = {group.kind for group in groups}
        touched = touched & np.array([k in wanted or None in wanted for k in range(len(KINDS))])[:, None]
    how: Any = {"touched": touched, "people": people, "whole": whole, "care_at_home": care_at_home}
    sides = zip((reference(scenario), scenario), rules, answers, strict=True)
    before, after = (simulate.live(parameters, one, rules=its, answer=answer, **how) for one, its, answer in sides)
    return np.stack([metrics.amounts(run.totals, place, groups) for run in (before, after)]), (before, after)
