"""What many draws say beyond the table of effects: who stands out, what drives it, the curve, a thousand patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from simlib.amounts import BILLS, FUND, VISITS
from simlib.errors import BadInputError, did_you_mean, shown
from simlib.files.facts import read
from simlib.files.texts import Lang, said
from simlib.patients import areas
from simlib.quantities import register
from simlib.scenario import checks, scenario
from simlib.scenario.scenario import Scenario
from simlib.simulation import draws, simulate, solve
from simlib.study import metrics
from simlib.study.experiment import (
    BOOKED,
    DRAWS,
    HEADLINE,
    Pairing,
    Progress,
    Runs,
    check,
    finite,
    pair,
    relative,
    repeat,
    rules_of,
    scalar_unknowns,
    spread,
    summary,
)
from simlib.study.metrics import Group
from simlib.terms import CHANNELS, FEN, INPATIENT, PURPOSES

Ints = npt.NDArray[np.int64]

ATTENTION = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of attentive patients at which the curve of the rate is drawn; 1 is its upper bound."""

CURVE_PEOPLE = 20_000
"""People per draw for each point of the curve: only the changed pairs matter there."""

FEWEST_TO_NAME = 20
"""Draws from which places and unknowns are named: below, anything can look distinguishable."""


def homes(runs: Runs, pairing: Pairing, lang: Lang = "en") -> pd.DataFrame:
    """Return the change of each home fund's inpatient payment on the changed pairs, percent, largest first.

    Columns: label (name of the area, zh or en), change, low, high. Empty if the scenario changes no pair.
    """
    names = runs.place.names(lang)
    rows = []
    for i, group in enumerate(pairing.groups):
        if group.changed and group.home is not None:
            found = spread(finite(relative(pairing, "fund_payment", i)), float("nan"))
            rows.append((names[group.home], found["change"], found["low"], found["high"]))
    table = pd.DataFrame(rows, columns=["label", "change", "low", "high"])
    return table.sort_values("change", ascending=False, ignore_index=True)


def distinguishable(runs: Runs, pairing: Pairing) -> pd.DataFrame:
    """Return the homes whose fund gains or loses more than the changed pairs together, beyond doubt.

    A home is named only if the 95 % interval of its relative change minus that of all changed pairs leaves out 0, and
    none in fewer than `FEWEST_TO_NAME` draws.

    Columns
    -------
    home, name_zh, name_en, low, high (percentage points against the changed pairs together).
    """
    mean = relative(pairing, "fund_payment", HEADLINE)
    rows = []
    for i, group in enumerate(pairing.groups):
        if not group.changed or group.home is None:
            continue
        apart = spread(finite(relative(pairing, "fund_payment", i) - mean), float("nan"))
        low, high = apart["low"], apart["high"]
        if runs.draws >= FEWEST_TO_NAME and (low > 0 or high < 0):
            h = group.home
            rows.append((runs.place.codes[h], runs.place.names_zh[h], runs.place.names_en[h], low, high))
    return pd.DataFrame(rows, columns=["home", "name_zh", "name_en", "low", "high"])


def drivers(runs: Runs, pairing: Pairing, name: str = "fund_payment") -> pd.DataFrame:
    """Return the unknowns that go with the headline change, strongest first, of those that can: not `checks.unused`.

    Columns: id, rank_correlation (Spearman, over draws), beyond_luck (whether so strong a correlation would be rare
    among as many unknowns that have no effect: 5 % for the family, by Bonferroni), grade, meaning. Empty if nothing
    changes or in fewer than `FEWEST_TO_NAME` draws.
    """
    group = HEADLINE
    before, after = pairing.both(name, group)
    change = relative(pairing, name, group) if metrics.additive(name) else after - before
    return ranked(runs.unknowns.drop(columns=list(checks.unused(pairing.scenario, runs.pin))), change)


def ranked(unknowns: pd.DataFrame, change: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Return the unknowns (a row a draw) that go with a change in each draw, strongest first; see `drivers`."""
    known = {q.id: q for q in scalar_unknowns()}
    moving = [str(column) for column in unknowns if unknowns[column].nunique() > 1]
    columns = ["id", "rank_correlation", "beyond_luck", "grade", "meaning"]
    if len(change) < FEWEST_TO_NAME or np.isnan(change).any() or np.ptp(change) == 0 or not moving:
        return pd.DataFrame(columns=columns)
    found = [spearmanr(unknowns[i], change) for i in moving]
    rows = [
        (i, float(rank.statistic), bool(rank.pvalue < 0.05 / len(moving)), known[i].grade, known[i].meaning)
        for i, rank in zip(moving, found, strict=True)
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("rank_correlation", key=lambda r: -r.abs(), kind="stable").reset_index(drop=True)


def streams(runs: Runs, lang: Lang = "en", *, most: int = 8) -> pd.DataFrame:
    """Return inpatient cases of 2023, settled or not, between the homes and hosts that have most; the rest is merged.

    Columns: home, host (names, largest first, the rest last), value (mean over draws, cases), host_low, host_high
    (95 % interval of the host's total).
    """
    names = _names(lang)
    cases = runs.cases.sum(axis=1)
    mean, merged = cases.mean(axis=0), said("stream.elsewhere", lang)
    big = [np.argsort(-mean.sum(axis=1 - axis))[:most] for axis in (0, 1)]
    homes, hosts = (np.where(np.isin(np.arange(len(names)), top), names, merged) for top in big)
    totals = pd.DataFrame(cases.sum(axis=1).T).groupby(hosts).sum()
    low, high = (totals.quantile(q, axis=1) for q in (0.025, 0.975))
    table = pd.DataFrame(mean, homes, hosts).groupby(level=0).sum().T.groupby(level=0).sum().T
    order = [[*names[top], merged] for top in big]
    table = table.loc[order[0], order[1]].rename_axis("home").reset_index()
    table = table.melt("home", var_name="host", value_name="value")
    return table.assign(host_low=table["host"].map(low), host_high=table["host"].map(high))


def leaving(runs: Runs, lang: Lang = "en") -> pd.DataFrame:
    """Return inpatient cases in other provinces per thousand insured in 2023, by home province, most first.

    Columns: code, label, value (mean over draws), low, high (95 % interval). XPCC is counted with Xinjiang, as the
    insured are published.
    """
    place, cases = areas.provinces(), runs.cases.sum(axis=(1, 3))
    own = place.insured > 0
    cases[:, place.index(areas.XINJIANG)] += cases[:, place.index(areas.XPCC)]
    rate = 1000 * cases[:, own] / place.insured[own]
    names = _names(lang)[own]
    low, high = np.quantile(rate, (0.025, 0.975), axis=0)
    columns = {"code": np.array(place.codes)[own], "label": names, "value": rate.mean(axis=0), "low": low, "high": high}
    return pd.DataFrame(columns).sort_values("value", ascending=False, ignore_index=True)


def purposes(runs: Runs, hosts: Sequence[str]) -> pd.DataFrame:
    """Return why inpatients from elsewhere are in a host province, share of its cases of 2023.

    Columns: host, purpose, median, low, high (95 % interval over draws). The split of travellers into referred,
    emergency and temporary is a prior; how many live there is what flows make of it.

    Parameters
    ----------
    hosts : names or codes of provinces. Raises LookupError for an unknown one.
    """
    place, rows = areas.provinces(), []
    for name in hosts:
        (t,) = place.resolve(name)
        there = runs.cases[:, :, :, t].sum(axis=2)
        share = there / there.sum(axis=1, keepdims=True)
        for p, purpose in enumerate(PURPOSES):
            low, median, high = np.quantile(share[:, p], (0.025, 0.5, 0.975))
            rows.append((place.names_en[t], purpose, float(median), float(low), float(high)))
    return pd.DataFrame(rows, columns=["host", "purpose", "median", "low", "high"])


def diseases(runs: Runs) -> pd.DataFrame:
    """Return which diseases cross-province chronic visits of 2023 are for, share of visits, listed or not.

    Columns: disease, name_zh, name_en, median, low, high (95 % interval over draws). Not published: what ranges of
    single diseases and the published visits and fund payment of all together leave possible.
    """
    low, median, high = np.quantile([check.diseases for check in runs.checks], (0.025, 0.5, 0.975), axis=0)
    names = pd.DataFrame(read("diseases"))[["disease", "name_zh", "name_en"]]
    return names.assign(median=median, low=low, high=high)


def _names(lang: Lang) -> npt.NDArray[np.object_]:
    """Return the names of the provinces as they are said."""
    return np.array([areas.short(name) for name in areas.provinces().names(lang)], dtype=object)


def attention_curve(
    scenarios: Sequence[Scenario],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    jobs: int = 1,
    pin: draws.Pin | None = None,
    progress: Progress = iter,
) -> pd.DataFrame:
    """Return the change of the direct settlement rate of the headline group over the share of attentive patients.

    The split of failures is a prior and the rate hangs on it, so the rate is a curve: every draw is solved again with
    attention held at each of `ATTENTION`. Attention is lowered in draws where it would explain more failures than there
    are, so the end of a rising curve is an upper bound given catalogues, hassle, waiting and the 2023 rate.

    Columns: scenario, attention, baseline, value, change, low, high (shares).
    """
    check(scenarios, draws=draws, seed=seed, people=CURVE_PEOPLE, jobs=jobs)
    place = areas.load(scenarios[0].geography)
    groups = [metrics.groups(scenario.compile(of, place).touched)[: HEADLINE + 1] for of in scenarios]
    tasks = (delayed(curve_draw)(scenarios, groups, seed, d, dict(pin or {})) for d in range(draws))
    with threadpool_limits(1, "blas"):
        found = np.stack(list(progress(Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(tasks))))
    rows = []
    for a, share in enumerate(ATTENTION):
        for i, of in enumerate(scenarios):
            pairing = Pairing(of, groups[i], found[:, a, i, 0], found[:, a, i, 1])
            row = summary(pairing, "direct_settlement_rate", HEADLINE)
            kept = {key: row[key] for key in ("baseline", "value", "change", "low", "high")}
            rows.append({"scenario": of.name, "attention": share} | kept)
    return pd.DataFrame(rows)


def curve_draw(
    scenarios: Sequence[Scenario], groups: Sequence[tuple[Group, ...]], seed: int, draw: int, pin: draws.Pin
) -> Ints:
    """Return the headline amounts of one draw at each attention, (attention, scenario, side, group, half, amount)."""
    root, both = scenario.reference(scenarios[0]), list(zip(scenarios, groups, strict=True))
    fixed, trial = solve.prepare(root, draws.values_of(root, seed, draw, pin), seed, draw)
    rows, rules = [], None
    for share in ATTENTION:
        world, trial = solve.converge(solve.with_attention(fixed, share), trial)
        rules = rules or rules_of(world, scenarios)
        rows.append(
            [
                pair(world, of, group, its, CURVE_PEOPLE, whole=False)[0]
                for (of, group), its in zip(both, rules, strict=True)
            ]
        )
    return np.array(rows)


def by_form(
    of: Scenario,
    variant: str,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    people: int = simulate.PEOPLE_PER_DRAW,
    jobs: int = 1,
    progress: Progress = iter,
) -> pd.DataFrame:
    """Return what a scenario changes by the form of a part of the model, the forms side by side on the same luck.

    A row per form, group (the headline, each kind of care, all) and what changes: cases, bills and fund payment in
    percent, rate in points, each with its mean and 95 % interval over draws.

    Columns: form, group, what, change, low, high, unit.

    Raises
    ------
    BadInputError : no such variant.
    """
    choices = {name: q.choices for name, q in register().items() if q.role == "variant"}
    if variant not in choices:
        raise BadInputError(f"{shown(variant)}: no such variant. {did_you_mean(variant, choices)}")
    rows: list[dict[str, object]] = []
    for form in choices[variant]:
        how = {"draws": draws, "seed": seed, "people": people, "jobs": jobs, "pin": {variant: form}}
        runs = repeat([of], progress=progress, **how)  # type: ignore[arg-type]
        for i, group in enumerate(runs.pairings[0].groups):
            if group.home is group.host is None:
                named = {"form": form, "group": group.label(runs.place)}
                rows += [named | row for row in _what_changes(runs.pairings[0], i)]
    return pd.DataFrame(rows)


def _what_changes(pairing: Pairing, group: int) -> Iterator[dict[str, object]]:
    """Yield what changes in a group: volume and money in percent, rate in points."""
    before, after = (side[:, group].sum(axis=1).astype(np.float64) for side in (pairing.before, pairing.after))
    for what, start, number in (("cases", VISITS, 3), ("bills", BILLS, 3), ("fund_payment", FUND, 2)):
        old, new = (side[:, start : start + number].sum(axis=1) for side in (before, after))
        yield _interval(what, 100 * (new / np.where(old > 0, old, np.nan) - 1), "percent")
    rates = [metrics.metric("direct_settlement_rate", side) for side in (before, after)]
    yield _interval("direct_settlement_rate", 100 * (rates[1] - rates[0]), "points")


def _interval(what: str, change: npt.NDArray[np.float64], unit: str) -> dict[str, object]:
    """Return a change over draws as a row."""
    found = spread(finite(change), float("nan"))
    return {"what": what, **{key: found[key] for key in ("change", "low", "high")}, "unit": unit}


def gaps(runs: Runs, pairing: Pairing) -> pd.DataFrame:
    """Return some thousand inpatients of the changed pair that has most, in December, before and after, in one draw.

    Columns: home, host (codes), side (reference or scenario), then those of `patients`. Empty if no inpatients are
    changed.
    """
    of, place = pairing.scenario, runs.place
    pairs = scenario.compile(of, place).touched[:, :, :, INPATIENT].any(axis=(2, 3))
    cases = runs.cases.sum(axis=(0, 1))[np.ix_(place.province, place.province)]
    likely = np.where(pairs, cases * np.outer(place.share, place.share), 0.0)
    if not likely.any():
        return pd.DataFrame(columns=["home", "host", "side", "channel", "bill_yuan", "fund_yuan", "gap_yuan"])
    home, host = (place.codes[i] for i in np.unravel_index(int(likely.argmax()), likely.shape))
    how = {"seed": runs.seed, "draw": BOOKED, "pin": runs.pin}
    sides = {"reference": scenario.reference(of), "scenario": of}
    tables = [patients(one, home, host, **how).assign(side=side) for side, one in sides.items()]  # type: ignore[arg-type]
    table = pd.concat(tables, ignore_index=True).assign(home=home, host=host)
    return table[["home", "host", "side", "channel", "bill_yuan", "fund_yuan", "gap_yuan"]]


def patients(
    of: Scenario,
    home: str,
    host: str,
    *,
    number: int = 1000,
    seed: int = 0,
    draw: int = 0,
    pin: draws.Pin | None = None,
) -> pd.DataFrame:
    """Return about so many simulated inpatients of one pair in December of the scenario's year, a row each.

    Columns: channel, bill_yuan, fund_yuan (paid), gap_yuan (owed in direct settlement less owed by claim).

    Parameters
    ----------
    home, host : names or codes of areas, as in a scenario's `where`.

    Raises
    ------
    LookupError : no such area, with the likely fix.
    """
    place = areas.load(of.geography)
    (h,), (t,) = place.resolve(home), place.resolve(host)
    world = solve.solve(scenario.reference(of), seed, draw, pin)
    cases = simulate.patients(world, of, h, t, number=number)
    columns = {name: cases[:, simulate.FIRST_VISIT.index(name)] for name in ("channel", "bill", "fund", "gap")}
    yuan = {f"{name}_yuan": columns[name] / FEN for name in ("bill", "fund", "gap")}
    return pd.DataFrame({"channel": np.array(CHANNELS)[columns["channel"]], **yuan})
