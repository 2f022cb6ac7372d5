"""Who goes where and why: cases of 2023 in other provinces, settled or not, as the draws have them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from simlib.files.facts import read
from simlib.files.texts import Lang, said
from simlib.patients import areas
from simlib.study.results import Results
from simlib.terms import PURPOSES


def streams(study: Results, lang: Lang = "en", *, most: int = 8) -> pd.DataFrame:
    """Return inpatient cases of 2023, settled or not, between the homes and hosts that have most; the rest is merged.

    Columns: home, host (names, largest first, the rest last), value (mean over draws, cases), host_low, host_high
    (95 % interval of the host's total).
    """
    names = _names(lang)
    cases = study.runs.common.cases.sum(axis=1)
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


def leaving(study: Results, lang: Lang = "en") -> pd.DataFrame:
    """Return inpatient cases in other provinces per thousand insured in 2023, by home province, most first.

    Columns: code, label, value (mean over draws), low, high (95 % interval). XPCC is counted with Xinjiang, as the
    insured are published.
    """
    place, cases = areas.provinces(), study.runs.common.cases.sum(axis=(1, 3))
    own = place.insured > 0
    cases[:, place.index(areas.XINJIANG)] += cases[:, place.index(areas.XPCC)]
    rate = 1000 * cases[:, own] / place.insured[own]
    names = _names(lang)[own]
    low, high = np.quantile(rate, (0.025, 0.975), axis=0)
    columns = {"code": np.array(place.codes)[own], "label": names, "value": rate.mean(axis=0), "low": low, "high": high}
    return pd.DataFrame(columns).sort_values("value", ascending=False, ignore_index=True)


def purposes(study: Results, hosts: Sequence[str]) -> pd.DataFrame:
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
        there = study.runs.common.cases[:, :, :, t].sum(axis=2)
        share = there / there.sum(axis=1, keepdims=True)
        for p, purpose in enumerate(PURPOSES):
            low, median, high = np.quantile(share[:, p], (0.025, 0.5, 0.975))
            rows.append((place.names_en[t], purpose, float(median), float(low), float(high)))
    return pd.DataFrame(rows, columns=["host", "purpose", "median", "low", "high"])


def diseases(study: Results) -> pd.DataFrame:
    """Return which diseases cross-province chronic visits of 2023 are for, share of visits, listed or not.

    Columns: disease, name_zh, name_en, median, low, high (95 % interval over draws). Not published: what ranges of
    single diseases and the published visits and fund payment of all together leave possible.
    """
    low, median, high = np.quantile([check.diseases for check in study.runs.common.checks], (0.025, 0.5, 0.975), axis=0)
    names = pd.DataFrame(read("diseases"))[["disease", "name_zh", "name_en"]]
    return names.assign(median=median, low=low, high=high)


def _names(lang: Lang) -> npt.NDArray[np.object_]:
    """Return the names of the provinces as they are said."""
    return np.array([areas.short(name) for name in areas.provinces().names(lang)], dtype=object)
