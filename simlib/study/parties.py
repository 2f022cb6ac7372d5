"""What changes for each party: the insured by group, home funds and how long they last, hosts and their tiers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.patients import areas
from simlib.study import metrics
from simlib.study.effects import around, difference, relative
from simlib.study.results import Results
from simlib.terms import CHANNELS, MONTHS

Array = npt.NDArray[np.float64]

RESERVES = (
    ("months_payable", "scheme=employee"),
    ("months_payable", "scheme=resident"),
    ("pools_below_limit", "all"),
    ("receivable_days", "all"),
    ("use_cleared", "all"),
    ("advanced_yuan_days", "all"),
)
"""What is told of the ledger: indicator and group."""


def who(study: Results) -> pd.DataFrame:
    """Return what changes for groups of insured on the changed pairs, of the headline's kind of care.

    Columns: group (`whom.GROUPS`), fund_base (yuan), fund and own (changes, yuan), rate_base, rate (shares), changes
    with _low and _high.
    """
    table = study.table("who.csv")
    rows = []
    for group, of in table.groupby("group", sort=False) if len(table) else ():
        known = of.set_index("metric").reindex(["fund_payment", "own_payment", metrics.RATE])
        row: dict[str, Any] = {"group": group}
        for name, metric in (("fund", "fund_payment"), ("own", "own_payment"), ("rate", metrics.RATE)):
            found = known.loc[metric]
            row |= {f"{name}_base": found["baseline"], name: found["change"]}
            row |= {f"{name}_low": found["low"], f"{name}_high": found["high"]}
        rows.append(row)
    return pd.DataFrame(rows)


def homes(study: Results) -> pd.DataFrame:
    """Return the change of each home fund's payment on the changed pairs, largest first.

    Columns: code, name_zh, name_en, base_yuan (what the fund pays on these pairs in the reference), yuan, fund (percent
    of that), elsewhere (percent of what it pays for all inpatients elsewhere in the year), whole (percent of all that
    the area's pools spend in the year, at home too: the ledger's, synthetic unless pools were given), each (yuan per
    insured of the area), each change with _low and _high. Insured are those of 2023; a city has its province's by
    residents.
    """
    insured, spending, rows = _insured(study.place), _spending(study), []
    for i, label in study.amounts.areas_of("home"):
        payment, _ = study.amounts.both("fund_payment", label)
        change = difference(study.amounts, "fund_payment", label)
        whole, _ = study.amounts.both("fund_payment", f"home={study.place.codes[i]};kind=inpatient")
        row = _named(study.place, i) | {"base_yuan": float(payment.mean())}
        row |= around(change, "yuan") | around(relative(study.amounts, "fund_payment", label), "fund")
        row |= around(100 * change / np.where(whole > 0, whole, np.nan), "elsewhere")
        row |= around(100 * change / spending.get(f"home={study.place.codes[i]}", np.nan), "whole")
        row |= around(change / insured[i], "each") if insured[i] > 0 else around(np.array([]), "each")
        rows.append(row)
    return _largest(rows, "yuan")


def _spending(study: Results) -> dict[str, float]:
    """Return what pools spend in the year without the scenario by group of the ledger, yuan: 12 x balance / months."""
    table = _december(study)
    first = table[table["month"] == table["month"].min()].pivot(index="group", columns="indicator", values="baseline")
    if "months_payable" not in first:
        return {}
    return {str(k): float(v) for k, v in (MONTHS * first["pool_balance"] / first["months_payable"]).dropna().items()}


def _insured(place: areas.Place) -> Array:
    """Return people insured in 2023 by area: published by province, shared out by residents among its cities."""
    return np.asarray(areas.provinces().insured[place.province] * place.share)


def hosts(study: Results) -> pd.DataFrame:
    """Return what changes for the hosts of the changed pairs, largest first.

    Columns: code, name_zh, name_en, bill_yuan (of patients from the changed homes: the hosts' revenue), bill (its
    change, yuan), direct (change of the bills that are settled directly, yuan), fund (change of what home funds pay for
    care there, percent), rate_base, rate (shares), siphon_base, siphon (the ledger's index in December: direct payment
    received less paid, over both), tier3_base (share of tier 3 in these bills, with its interval), tier3, each change
    with _low and _high.
    """
    rows, siphon = [], _siphon(study)
    none = dict.fromkeys(("siphon_base", "siphon", "siphon_low", "siphon_high"), float("nan"))
    for i, label in study.amounts.areas_of("host"):
        bills = np.sum([study.amounts.counted(f"bill_{way}", label) for way in CHANNELS], axis=0)
        before, after = study.amounts.counted("bill_direct", label)
        rate, _ = study.amounts.both(metrics.RATE, label)
        row = _named(study.place, i) | {"bill_yuan": float(bills[0].mean()), "rate_base": float(np.nanmean(rate))}
        row |= around(bills[1] - bills[0], "bill") | around(after - before, "direct")
        row |= around(relative(study.amounts, "fund_payment", label), "fund")
        row |= siphon.get(f"host={study.place.codes[i]}", none)
        third = tiers(study, study.place.codes[i]).query("tier == 3").filter(like="bills")
        row |= (
            {str(name).replace("bills", "tier3"): value for name, value in third.iloc[0].items()} if len(third) else {}
        )
        rows.append(row | around(difference(study.amounts, metrics.RATE, label), "rate"))
    return _largest(rows, "bill_yuan")


def _siphon(study: Results) -> dict[str, dict[str, float]]:
    """Return the siphon index of each host province in December of the scenario's year, by group of the ledger."""
    table = _december(study)
    table = table[(table["indicator"] == "siphon_index") & (table["month"] == table["month"].min())]
    named = {"baseline": "siphon_base", "change": "siphon", "low": "siphon_low", "high": "siphon_high"}
    rows = table.set_index("group")[list(named)].rename(columns=named)
    return {
        str(group): dict(zip(rows.columns.astype(str), row, strict=True))
        for group, row in zip(rows.index, rows.to_numpy(), strict=True)
    }


def _named(place: areas.Place, i: int) -> dict[str, Any]:
    """Return code and names of an area."""
    return {"code": place.codes[i], "name_zh": areas.short(place.names_zh[i]), "name_en": place.names_en[i]}


def _largest(rows: list[dict[str, Any]], column: str) -> pd.DataFrame:
    """Return rows as a table, largest first in a column."""
    table = pd.DataFrame(rows)
    return table.sort_values(column, ascending=False, key=abs, ignore_index=True) if rows else table


def tiers(study: Results, host: str = "all") -> pd.DataFrame:
    """Return the share of each hospital tier in the care of the changed pairs, at one host or all.

    Columns: tier, then of visits, bills and direct (bills settled directly): *_base (the share before), * (its change),
    each with _low and _high.
    """
    table = study.table("tiers.csv")
    rows = []
    for tier, by in table[table["host"].astype(str) == host].groupby("tier"):
        row: dict[str, Any] = {"tier": tier}
        for of in by.to_dict("records"):
            before = {f"{of['of']}_base{end}": of[f"baseline{end}"] for end in ("", "_low", "_high")}
            row |= before | dict(zip((of["of"], f"{of['of']}_low", f"{of['of']}_high"),
                                     (of["change"], of["low"], of["high"]), strict=True))  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def reserves(study: Results) -> pd.DataFrame:
    """Return what the ledger says of the pools in December of each of its years.

    Columns: month, indicator, group, base, change with _low and _high, in the units of `indicators.INDICATORS`.
    """
    table = _december(study)
    keys = pd.MultiIndex.from_frame(table[["indicator", "group"]])
    order = {key: i for i, key in enumerate(RESERVES)}
    kept = table[keys.isin(list(RESERVES))]
    at = [order[key] for key in zip(kept["indicator"], kept["group"], strict=True)]
    kept = kept.assign(at=at).sort_values(["at", "month"], kind="stable", ignore_index=True)
    named = {"baseline": "base", "low": "change_low", "high": "change_high"}
    return kept.rename(columns=named)[["month", "indicator", "group", "base", "change", "change_low", "change_high"]]


def payable(study: Results) -> pd.DataFrame:
    """Return the months payable of employee and resident pools by month, as `plots.fan` draws them, label by scheme."""
    table = study.table("ledger.parquet")
    of = table[(table["indicator"] == "months_payable") & table["group"].str.startswith("scheme=")]
    return of.assign(label=of["group"].str.removeprefix("scheme="))


def _december(study: Results) -> pd.DataFrame:
    """Return the rows of the ledger of each December."""
    table = study.table("ledger.parquet")
    return table[table["month"].astype(str).str.endswith("-12")]
