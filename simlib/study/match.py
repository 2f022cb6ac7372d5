"""Published figures beside what the draws say of them, misses included."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib import randomness
from simlib.amounts import VISITS
from simlib.calibration import fit, targets
from simlib.files.facts import value
from simlib.fund.ledger import Ledger
from simlib.patients import volumes
from simlib.patients.visits import season
from simlib.patients.volumes import PUBLISHED
from simlib.quantities import Quantity, register
from simlib.scenario.ensemble import Ensemble
from simlib.scenario.scenario import FIRST_YEAR, Scenario, reference
from simlib.settlement import gates
from simlib.simulation.simulate import live, touched_by
from simlib.simulation.solve import FIT_YEAR, ParameterDraw, solve
from simlib.simulation.years import AHEAD, HISTORY
from simlib.study import foretell
from simlib.study.experiment import Runs, check, scalar_parameters
from simlib.terms import CHRONIC, INPATIENT, KINDS, OUTPATIENT, PHARMACY

Array = npt.NDArray[np.float64]

EPIDEMIC = (2020, 2021, 2022)
"""Years in which the epidemic kept patients from travelling."""
Row = tuple[str, str, str, str, float, Array, str]

COLUMNS = ["target", "universe", "year", "role", "published", "low", "simulated", "high", "difference_percent", "unit"]
YEARS = ["draw", "year", "rate", "rate_value", "cost", "odds"]
PREPAYMENT = ["kind", "published", "simulated", "difference_percent"]
"""Columns of `fit.csv`, `years.csv` and `prepayment.csv`."""
DIRECT = (("direct visits", "person-times", "visits", 1.0), ("direct fund payment", "yuan", "fund_paid", 1e8))
"""What is published of direct settlement: name, unit, metric in the table, and the table's unit."""


def fit_table(runs: Runs) -> pd.DataFrame:
    """Return published figures beside the median and 95 % interval over draws.

    Columns: target, universe, year, role, published, low, simulated, high, difference_percent (of the median), unit.
    Roles: solved is met by every draw, on expected values (people drawn differ by luck and by the pilot's error,
    below one percent); level sets the cases of a year, and its bills, which deductibles blur; fit narrowed the draws if
    the root names an ensemble (see `fit`); test is published and not used; implied is not published. Ranks have no
    difference; of a least value the difference is above 0 where it is kept.
    """
    rows = []
    for name, universe, year, role, published, simulated, unit in (
        *_fitted(runs),
        *_targets_of(runs),
        *_admissions(runs),
        *_later(runs),
        *_implied(runs),
    ):
        low, middle, high = (float(q) for q in np.quantile(simulated, (0.025, 0.5, 0.975)))
        difference = np.nan if unit == "rank" else round(100 * (middle / published - 1), 4) + 0.0  # no noise, no -0
        rows.append((name, universe, year, role, published, low, middle, high, difference, unit))
    return pd.DataFrame(rows, columns=COLUMNS)


def fitted_table(fitted: fit.Fitted) -> pd.DataFrame:
    """Return the targets of a fit beside what the declared ranges and what the kept draws say of them.

    Columns: anchor, universe, year, unit, used (whether it weighed the draws), published, tolerance, prior_low,
    prior_median, prior_high, low, median, high (90 % intervals), miss (of the median, in tolerances), implausibility
    (distance of the published from the draws' mean over the root of tolerance and variance), met (whether a figure
    lies in the interval widened by its tolerance). Missed ones first, the most implausible at the top.
    """
    rows = []
    for target, used, says, prior in zip(fitted.targets, fitted.weighed, fitted.says.T, fitted.prior, strict=True):
        low, median, high = (float(q) for q in np.quantile(says, (0.05, 0.5, 0.95)))
        known = target.universe, target.year, target.unit, used, target.value, target.tolerance
        apart = target.miss(says.mean()) / np.hypot(1, says.std() / target.tolerance)
        met = bool((target.miss(np.array([low, high])) * (1, -1)).max() <= 1)
        misses = float(target.miss(np.array(median))), abs(float(apart)), met
        rows.append((target.label, *known, *prior, low, median, high, *misses))
    columns = ["anchor", "universe", "year", "unit", "used", "published", "tolerance"]
    columns += ["prior_low", "prior_median", "prior_high", "low", "median", "high", "miss", "implausibility", "met"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["met", "implausibility"], ascending=[True, False], kind="stable", ignore_index=True)


def fit_data(fitted: fit.Fitted) -> dict[str, Any]:
    """Return a fit as JSON has it: the kept draws, the targets and what moved."""
    tables = {"targets": fitted_table(fitted), "parameters": learned(fitted.ensemble)}
    return fitted.ensemble.model_dump(mode="json") | {name: t.to_dict("records") for name, t in tables.items()}


def fit_text(fitted: fit.Fitted) -> str:
    """Return a fit as lines of text: how many draws were kept, each target, and what moved from its range."""
    kept, moved = fitted.ensemble, learned(fitted.ensemble)
    number = f"{len(kept.members)} distinct candidates kept of {kept.candidates}, as good as {kept.effective:.0f} draws"
    number += f"; {100 * kept.cut:.0f} % of the weights cut, as none is kept twice"
    stayed = len(moved) - int(moved.moved.sum())
    return "\n".join(
        [
            f"Calibrated to targets of up to {kept.fitted_to}: {number}.\n",
            foretell.text(fitted_table(fitted).drop(columns=["universe", "unit"])),
            "\nWhat moved from its range:",
            foretell.text(moved[moved.moved].drop(columns=["meaning", "moved"])),
            f"\n{stayed} other parameters stay where they were: no target tells of them.",
        ]
    )


def learned(ensemble: Ensemble) -> pd.DataFrame:
    """Return what a fit says of each parameter that is one number, or one a kind of care: which moved, which not.

    Columns: id, grade, prior_low, prior_high, low, median, high (90 % intervals), narrowed (share of the width of the
    prior's interval that the fit took away), moved (whether the draws differ from the range by more than so few draws
    would by luck: Kolmogorov-Smirnov, 5 % for the family by Bonferroni, on the effective number of draws), meaning.
    Most narrowed first.
    """
    standing = dict(_standing(ensemble))
    rare, rows = np.sqrt(np.log(2 * len(standing) / 0.05) / 2 / ensemble.effective), []
    for (name, q), u in standing.items():
        apart = np.abs(np.sort(u) - (np.arange(u.size) + 0.5) / u.size).max()
        before, after = (randomness.quantile(q, p) for p in (np.array([0.05, 0.95]), np.quantile(u, (0.05, 0.5, 0.95))))
        narrowed = float(1 - (after[2] - after[0]) / (before[1] - before[0]))
        rows.append((name, q.grade, *before, *after, narrowed, bool(apart > rare), q.meaning))
    columns = ["id", "grade", "prior_low", "prior_high", "low", "median", "high", "narrowed", "moved", "meaning"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("narrowed", ascending=False, kind="stable", ignore_index=True)


def _standing(ensemble: Ensemble) -> Iterator[tuple[tuple[str, Quantity], Array]]:
    """Yield each parameter that is one number, or one for each kind of care, and where members stand in its range."""
    members, seed = list(ensemble.members), ensemble.seed
    for q in scalar_parameters():
        yield (q.id, q), randomness.hypercube(q, seed, ensemble.candidates)[members]
    for q in register().values():
        if q.role == "uncertain" and q.axes == ("kind",):
            drawn = np.stack([randomness.standing(q, seed, member, len(KINDS)) for member in members])
            for kind, u in zip(KINDS, drawn.T, strict=True):
                yield (f"{q.id}: {kind}", q), u


def prepayment_table(runs: Runs) -> pd.DataFrame:
    """Return the prepayment of 2024 by the rule, from published payments of the fourth quarter of 2023 and simulated.

    Columns: kind, published, simulated (median of the draws, expected values), difference_percent; yuan. The simulated
    year has a season and no growth inside it.
    """
    multiple, quarter = Ledger.prepayment__months.number / 3, float(season()[9:].sum())
    rows = []
    for label, names, parts in (
        ("inpatient", ("inpatient",), [INPATIENT]),
        ("all kinds", ("inpatient", "all_outpatient"), list(range(len(KINDS)))),
    ):
        paid = sum(value("direct_settlement", period="2023Q4", kind=name, metric="fund_paid") for name in names)
        simulated = float(np.median(multiple * quarter * runs.common.expected[:, parts, 1].sum(axis=1)))
        published = multiple * paid * 1e8
        rows.append((label, published, simulated, 100 * (simulated / published - 1)))
    return pd.DataFrame(rows, columns=PREPAYMENT)


def history(scenario: Scenario, *, draws: int = 16, seed: int = 0, people: int = 20_000) -> pd.DataFrame:
    """Return what a scenario's dated rules and the institutions connected in each year make of inpatients.

    A hindcast with true drivers: only 2023 is fitted (and 2024 set to what is published), no direct settlement of
    earlier years is used. Cross-province admissions, however settled, are those published, see `volumes.level`. Of
    2017, when direct settlement began in July, no count of institutions is published: nothing is simulated (NaN).

    Columns: year, epidemic (whether travel was held back), institutions (connected by its end), million direct visits:
    network_only (median; the root's rules in every year), low, median, high (95 % interval; with the scenario's rules),
    published; rate (median, share direct among those settled at all), rate_published (NaN but for 2020).

    Raises
    ------
    BadInputError : fewer than 2 draws or 1,000 people.
    """
    check([reference(scenario).model_copy(update={"year": FIT_YEAR})], draws=draws, seed=seed, people=people, jobs=1)
    parameter_draws = [solve(scenario.lineage()[0], seed, draw) for draw in range(draws)]
    rows = []
    for year in (FIRST_YEAR, *HISTORY):
        own, known_by = scenario.model_copy(update={"year": year}), int(gates.connected(year)[INPATIENT])
        root, ruled = (
            np.stack([_settled(parameters, one, people) for parameters in parameter_draws])
            for one in (reference(own), own)
        )
        if not known_by:
            root, ruled = np.full((2, *root.shape), np.nan)
        visits, rates = ruled[:, 0] / 1e6, ruled[:, 0] / ruled.sum(axis=1)
        low, median, high = (float(q) for q in np.quantile(visits, (0.025, 0.5, 0.975)))
        published = {"period": str(year), "kind": "inpatient"}
        known = value("direct_settlement", metric="visits", **published) / 1e6
        rate = value("direct_settlement", metric="direct_rate", **published) / 100 if year == 2020 else np.nan
        network = float(np.median(root[:, 0])) / 1e6
        said = (year, year in EPIDEMIC, known_by, network, low, median, high, known)
        rows.append((*said, float(np.median(rates)), rate))
    columns = ["year", "epidemic", "institutions", "network_only", "low", "median", "high", "published"]
    return pd.DataFrame(rows, columns=[*columns, "rate", "rate_published"])


def _settled(parameters: ParameterDraw, scenario: Scenario, people: int) -> Array:
    """Return inpatients settled directly and by claim in a scenario's year, persons, (2,)."""
    run = live(parameters, scenario, touched=np.zeros_like(touched_by(scenario)), people=people)
    return np.asarray(run.totals[:, INPATIENT].sum(axis=(0, 1, 2, 3, 4))[VISITS : VISITS + 2])


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return the amounts of a fit table as simulated over published, but for bounds: label, role, low, mid, high."""
    bound = table.target.str.contains(", at most")
    amounts = table[(table.unit != "rank") & (table.role != "implied") & ~bound]
    spread = {
        to: amounts[of] / amounts.published for of, to in (("low", "low"), ("simulated", "mid"), ("high", "high"))
    }
    label = amounts.target + " " + amounts.year
    return pd.DataFrame({"label": label, "role": amounts.role, **spread}).reset_index(drop=True)


def _fitted(runs: Runs) -> Iterator[Row]:
    """Yield what every draw is solved for: direct visits and fund payment of 2023, as far as they are published."""
    kinds = (
        ("inpatient", "inpatient", [INPATIENT]),
        ("all outpatient", "all_outpatient", [OUTPATIENT, CHRONIC, PHARMACY]),
        ("chronic", "chronic_outpatient", [CHRONIC]),
    )
    for (label, published_as, parts), (j, (what, unit, metric, scale)) in product(kinds, enumerate(DIRECT)):
        published = value("direct_settlement", period="2023", kind=published_as, metric=metric) * scale
        simulated = runs.common.expected[:, parts, j].sum(axis=1)
        yield f"{what}, {label}", "China, direct settlement", "2023", "solved", published, simulated, unit


def _targets_of(runs: Runs) -> Iterator[Row]:
    """Yield what draws are weighed by, or held against, beside what each draw says of it."""
    known = targets.read(targets.published())
    says = np.stack(
        [targets.simulated(known, *pair) for pair in zip(runs.common.cases, runs.common.checks, strict=True)]
    )
    for i, target in enumerate(known):
        yield target.label, target.universe, str(target.year), target.role, target.value, says[:, i], target.unit


def _admissions(runs: Runs) -> Iterator[Row]:
    """Yield all cross-province admissions: those published, which set their years, and what 2023 comes to."""
    what, cases = "cross-province admissions", runs.common.cases.sum(axis=(1, 2, 3))
    for year, universe in ((2019, "China, all payers"), (2020, "China, insured")):
        published = volumes.admissions(year)
        yield what, universe, str(year), "level", published, np.full(cases.shape, published), "person-times"
    yield what, "China", "2023", "implied", np.nan, cases, "person-times"


def _implied(runs: Runs) -> Iterator[Row]:
    """Yield what the draws imply and nobody published."""
    for what, name in (("outpatient visits kept of residents living away", "away_kept"),):
        values = np.array([getattr(check, name) for check in runs.common.checks])
        yield what, "China", "2023", "implied", np.nan, values, "share"


def _later(runs: Runs) -> Iterator[Row]:
    """Yield direct visits and fund payment of 2024, which set its level, where a reference of that year was run.

    As published: chronic care that is settled as ordinary outpatient care is counted there.
    """
    number = next((i for i, scenario in enumerate(runs.scenarios) if scenario.year == 2024), None)
    if number is None:
        return
    amounts = runs.amounts(number)
    for k, published_as in enumerate(PUBLISHED):
        group, chronic = f"kind={KINDS[k]}", f"kind={KINDS[CHRONIC]}"
        for (what, unit, metric, scale), column in zip(DIRECT, ("visits", "fund"), strict=True):
            published = value("direct_settlement", period="2024", kind=published_as, metric=metric) * scale
            moved = ((k == OUTPATIENT) - (k == CHRONIC)) * amounts.counted(f"{column}_as_ordinary", chronic)[0]
            simulated = amounts.counted(f"{column}_direct", group)[0] + moved
            yield f"{what}, {KINDS[k]}", "China, direct settlement", "2024", "level", published, simulated, unit


def years_table(runs: Runs) -> pd.DataFrame:
    """Return the inpatient rate of the country in each draw and year, see `years.Years`.

    Columns: draw, year, rate (share of cases settled directly among those settled at all), rate_value (of bills),
    cost (direct and counted claimed bills over the published cost), odds (of failing, against 2023). Years after the
    last published count are extrapolated.
    """
    years = (*HISTORY, *AHEAD)
    rows = [
        (d, year, *(check.years.of(name, year) for name in YEARS[2:]))
        for d, check in enumerate(runs.common.checks)
        for year in years
    ]
    return pd.DataFrame(rows, columns=YEARS)
