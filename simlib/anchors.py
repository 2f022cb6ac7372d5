"""Published figures beside what the draws say of them, misses included."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib import areas
from simlib.experiment import Pairing, Runs
from simlib.ledger import Ledger
from simlib.loop import AMOUNTS
from simlib.tables import read, value
from simlib.targets import PUBLISHED
from simlib.terms import CHRONIC, FEN, INPATIENT, KINDS, OUTPATIENT, PHARMACY
from simlib.visits import season

Array = npt.NDArray[np.float64]
Row = tuple[str, str, str, str, float, Array, str]

COLUMNS = ["target", "universe", "year", "role", "published", "low", "simulated", "high", "difference_percent", "unit"]
DIRECT = (("direct visits", "person-times", "visits", 1.0), ("direct fund payment", "yuan", "fund_paid", 1e8))
"""What is published of direct settlement: name, unit, metric in the table, and the table's unit."""
LIMITS = (10_000, 50_000, 100_000)


def fit_table(runs: Runs) -> pd.DataFrame:
    """Return published figures beside the median and 95 % interval over draws.

    Columns: target, universe, year, role, published, low, simulated, high, difference_percent (of the median), unit.
    Roles: fit is solved for in every draw, on expected values (people drawn differ by luck and by the pilot's error,
    below one percent); level sets the cases of a year, and its bills, which deductibles blur; test is published and not
    used; implied is not published. Ranks have no difference.
    """
    rows = []
    for name, universe, year, role, published, simulated, unit in (
        *_fitted(runs),
        *_tests(runs),
        *_ranks(runs),
        *_later(runs),
        *_implied(runs),
    ):
        low, middle, high = (float(q) for q in np.quantile(simulated, (0.025, 0.5, 0.975)))
        difference = np.nan if unit == "rank" else round(100 * (middle / published - 1), 4) + 0.0  # no noise, no -0
        rows.append((name, universe, year, role, published, low, middle, high, difference, unit))
    return pd.DataFrame(rows, columns=COLUMNS)


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
        simulated = float(np.median(multiple * quarter * runs.expected[:, parts, 1].sum(axis=1)))
        published = multiple * paid * 1e8
        rows.append((label, published, simulated, 100 * (simulated / published - 1)))
    return pd.DataFrame(rows, columns=["kind", "published", "simulated", "difference_percent"])


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return the amounts of a fit table as simulated over published: label, role, low, mid, high."""
    amounts = table[(table.unit != "rank") & (table.role != "implied")]
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
        simulated = runs.expected[:, parts, j].sum(axis=1)
        yield f"{what}, {label}", "China, direct settlement", "2023", "fit", published, simulated, unit


def _tests(runs: Runs) -> Iterator[Row]:
    """Yield what is published of inpatients and was not used."""
    universe = "China, direct inpatients"
    share = value("direct_settlement", period="2021", kind="inpatient", metric="fund_share_of_fee") / 100
    yield (
        "fund share of the bill",
        universe,
        "2021",
        "test",
        share,
        np.array([c.fund_share for c in runs.checks]),
        "share",
    )
    multiple = np.array([c.bill_multiple for c in runs.checks])
    yield "bill against the mean admission", "China, inpatients from elsewhere", "2024", "test", 2.1, multiple, "ratio"
    for i, limit in enumerate(LIMITS):
        published = value(
            "direct_settlement", period="cumulative to 2019-03", kind="inpatient", metric=f"share_fund_over_{limit}"
        )
        name = f"admissions paid above {limit:,} yuan"
        yield (
            name,
            f"{universe}, threshold scaled to 2023",
            "2017-19",
            "test",
            published / 100,
            np.array([c.dear[i] for c in runs.checks]),
            "share",
        )
    hosts = runs.cases.sum(axis=(1, 2))
    top = np.sort(hosts, axis=1)[:, -5:].sum(axis=1) / hosts.sum(axis=1)
    published = value("national", metric="top5_destination_share", year="2016") / 100
    yield (
        "five largest hosts' share",
        "tertiary hospitals, all payers",
        "2016",
        "test",
        published,
        top,
        "share",
    )


def _implied(runs: Runs) -> Iterator[Row]:
    """Yield what the draws imply and nobody published."""
    for what, name in (
        ("claims by hand counted in published cost", "claims_counted"),
        ("outpatient visits kept of residents living away", "away_kept"),
    ):
        values = np.array([getattr(check, name) for check in runs.checks])
        yield what, "China", "2023", "implied", np.nan, values, "share"


def _ranks(runs: Runs) -> Iterator[Row]:
    """Yield the published order of hosts and of origins."""
    provinces = areas.provinces()
    for name, axis, year in (("destination_rank", 1, "2016"), ("origin_rank", 2, "2016")):
        totals = runs.cases.sum(axis=(1, axis + 1))
        order = (-totals).argsort(axis=1).argsort(axis=1) + 1
        universe = "tertiary hospitals, all payers"
        for row in read("national"):
            if row["metric"] == name and row["year"] == year:
                place = provinces.index(row["place"])
                what = f"rank among {'hosts' if axis == 1 else 'origins'}: {provinces.names_en[place]}"
                yield what, universe, year, "test", float(row["value"]), order[:, place].astype(float), "rank"


def _later(runs: Runs) -> Iterator[Row]:
    """Yield direct visits and fund payment of 2024, which set its level, where a reference of that year was run."""
    pairing = next((p for p in runs.pairings if p.scenario.year == 2024), None)
    for kind, published_as in zip(KINDS, PUBLISHED, strict=True) if pairing else ():
        assert pairing is not None
        group = next(i for i, g in enumerate(pairing.groups) if g.label(runs.place) == f"kind={kind}")
        for (what, unit, metric, scale), column in zip(DIRECT, ("visits_direct", "fund_direct"), strict=True):
            published = value("direct_settlement", period="2024", kind=published_as, metric=metric) * scale
            simulated = _amount(pairing, group, column)
            yield f"{what}, {kind}", "China, direct settlement", "2024", "level", published, simulated, unit


def _amount(pairing: Pairing, group: int, column: str) -> Array:
    """Return one amount of the reference in each draw, visits or yuan, (draw,)."""
    amount = pairing.before[:, group].sum(axis=1)[:, AMOUNTS.index(column)]
    return np.asarray(amount / (1.0 if column.startswith("visits") else FEN))
