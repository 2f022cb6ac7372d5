"""Provincial pooling 省级统筹: the pools of a province's cities under one policy, with one purse, without a cut.

Three levers for its three parts, so that each can be had alone. The adjustment fund 调剂金, its half-way form, is the
purse alone. Only geographies of cities have pools to merge.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simlib.benefits.layers import MOST_BANDS, NO_LIMIT_FEN, PER_VISIT
from simlib.quantities import Params, Quantity
from simlib.terms import PPM

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Pooling(Params, prefix="pooling"):
    """What provincial pooling may consist of."""

    policy: Quantity
    cut_ends: Quantity
    shared: Quantity


OWN, MEAN, MEAN_OR_CAPITAL, BEST = range(4)
"""Choices of `Pooling.policy`."""

FIELDS: dict[str, tuple[str, ...]] = {
    "deductible": (
        "deductible_period",
        "deductible_any_kind",
        "deductible_share_ppm",
        "deductible_low",
        "deductible_high",
    ),
    "ratio": ("bands", "band_to_fen", "ratio_ppm", "bands_gross", "bands_yearly", "first_share_ppm"),
    "floor ratio": ("floor_ratio_ppm",),
    "year's cap": ("cap_fen", "cap_kinds"),
    "other caps": (
        "limits",
        *("kind_cap_fen", "kind_cap_kinds", "month_cap_fen", "month_cap_kinds"),
        *("disease_cap_fen", "disease_month_cap_fen"),
    ),
    "large-sum": ("above_cap_ratio_ppm",),
    "catastrophic": (
        "catastrophic_bands",
        *("catastrophic_threshold_fen", "catastrophic_to_fen", "catastrophic_ratio_ppm", "catastrophic_cap_fen"),
        *("catastrophic_counts_class_b", "catastrophic_counts_away", "catastrophic_leaves_out_over_limit"),
    ),
    "assistance": ("assistance_threshold_fen", "assistance_ratio_ppm", "assistance_cap_fen"),
    "tilt": ("tilt_threshold_fen", "tilt_ratio_ppm", "tilt_cap_fen"),
    "account": ("account_in_scope",),
}
"""Fields of a policy and their columns in `benefits.POLICY`: each is merged as a whole, or taken as a whole.

The away rule belongs to the ratio: what some areas cut off it, others let the patient bear first.
"""

NAMED = frozenset(
    ("deductible_period", "bands", "bands_gross", "bands_yearly", "limits", "catastrophic_bands", "account_in_scope")
) | frozenset(name for columns in FIELDS.values() for name in columns if name.endswith("_kinds") or "_counts_" in name)
"""Columns that say of what form a field is, and so must be the same; `catastrophic_leaves_out_over_limit` as well."""

TYPICAL_FEN = np.array([5_000_00, 15_000_00, 50_000_00, 150_000_00, 400_000_00])
"""Amounts at which fields of different forms are compared: most admissions, and the dear ones, an assumption."""

LOWEST = frozenset(
    name
    for columns in FIELDS.values()
    for name in columns
    if name.startswith("deductible_") or "threshold" in name or "_to_fen" in name or name == "first_share_ppm"
)
"""Numbers of which the lowest is the best for the patient; of all others it is the highest."""


class Merged(NamedTuple):
    """Rows of a table of policies that stand for several others.

    best : whether the best of the pools, else their mean. rows : (row,). members : the rows of the pools that each
    stands for, (row, pool). weight : of the pools, summing to 1, (pool,). capital : position of the pool whose fields
    stand in a mean of unlike forms.
    """

    best: bool
    rows: Ints
    members: Ints
    weight: Array
    capital: int


def on_common_forms(pools: Any) -> Any:
    """Return policies (row, pool) with the fields of a row written in the same form, where that is exact.

    No deductible is none in any period: it takes that of the first pool that has one. Ratios are written over all bands
    of the pools, what lies beyond a pool's last one being paid nothing: one band pays the same however it is counted,
    several only if all count alike, per visit or year, gross or net. A row of over `MOST_BANDS` is left as it is.
    """
    out, row = pools.copy(), np.arange(len(pools))
    none = np.logical_and.reduce([(pools[f"deductible_{of}"] == 0).all(axis=2) for of in ("share_ppm", "low", "high")])
    period = pools["deductible_period"]
    out["deductible_period"] = np.where(none, period[row, none.argmin(axis=1)][:, None], period)
    for i in np.flatnonzero((pools["bands"] != 1).any(axis=1)):
        of = pools[i]
        several = of[of["bands"] > 1]
        ends = np.unique(np.concatenate([one["band_to_fen"][: one["bands"]] for one in of]))
        if len(ends) > MOST_BANDS or len(np.unique(several[["bands_gross", "bands_yearly"]])) > 1:
            continue
        for pool, one in enumerate(of):
            band = np.searchsorted(one["band_to_fen"][: one["bands"]], ends)
            out["ratio_ppm"][i, pool] = 0
            out["ratio_ppm"][i, pool, : len(ends)] = np.append(one["ratio_ppm"][: one["bands"]], 0)[band]
        out["bands"][i], out["band_to_fen"][i] = len(ends), np.append(ends, np.zeros(MOST_BANDS - len(ends)))
        for how in ("bands_gross", "bands_yearly"):
            out[how][i] = several[how][0]
    return out


def alike(records: Any) -> dict[str, Bools]:
    """Return for each of `FIELDS` in which rows (row,) all pools have the same form; records are (row, pool).

    The form is what is named (period, number of bands, kinds covered), which amounts have no limit, and whether there
    is a share at all.
    """
    return {
        field: np.logical_and.reduce([_same(records, name) for name in columns]) for field, columns in FIELDS.items()
    }


def _same(records: Any, name: str) -> Bools:
    """Return in which rows a column has the same form in all pools."""
    values = records[name]
    if name == "bands_gross":  # one band counts the same either way
        values = values * ((records["bands"] > 1) | (records["bands_yearly"] > 0))
    if name.endswith("_ppm") and name not in ("ratio_ppm", "first_share_ppm", "catastrophic_ratio_ppm"):
        values = values > 0
    elif name not in NAMED and name != "catastrophic_leaves_out_over_limit":
        values = values >= NO_LIMIT_FEN
    equal = values == values[:, :1]
    return np.asarray(equal.reshape(*equal.shape[:2], -1).all(axis=(1, 2)))


def merged(records: Any, merge: Merged) -> Any:
    """Return the rows of the merged policies: each field its pools' mean or best.

    Where forms differ the field is the capital's, of the best policy that of the pool where `worth` is highest.
    The weakest grade of the pools is theirs, and they are local only if all pools are.
    """
    pools = on_common_forms(records[merge.members])
    out, like, row = pools[:, merge.capital].copy(), alike(pools), np.arange(len(pools))
    for field, columns in FIELDS.items():
        whole = pools[row, worth(pools, field).argmax(axis=1)] if merge.best else out.copy()
        for name in columns:
            values = pools[name]
            if not merge.best:
                common = np.rint(np.tensordot(values.astype(np.float64), merge.weight, axes=(1, 0))).astype(np.int64)
                common = np.where((values == values[:, :1]).all(axis=1), values[:, 0], common)  # no rounding of 10^17
            else:
                common = values.min(axis=1) if name in LOWEST else values.max(axis=1)
            where = like[field].reshape(-1, *[1] * (common.ndim - 1))
            out[name] = np.where(where, common, whole[name])
    out["grade"], out["local"] = pools["grade"].max(axis=1), pools["local"].min(axis=1)
    return out


def worth(pools: Any, field: str) -> Array:
    """Return what a field is worth to the patient, to be compared between pools, (row, pool), at `TYPICAL_FEN`.

    The deductible : less what it is on average, one a year better than one a visit. Ratio, catastrophic : mean share
    paid of the amounts. Others : the sum of their amounts and shares, each against the highest of the pools.
    """
    if field == "deductible":
        due = pools["deductible_share_ppm"][..., :1] * TYPICAL_FEN
        due = np.clip(due, pools["deductible_low"][..., :1], pools["deductible_high"][..., :1]) / PPM
        return np.asarray(-due.mean(axis=-1) * np.where(pools["deductible_period"] == PER_VISIT, 1.0, 0.999))
    if field in ("ratio", "catastrophic"):
        prefix, ends = ("", "band_to_fen") if field == "ratio" else ("catastrophic_", "catastrophic_to_fen")
        share = np.zeros(pools.shape)
        low = pools["catastrophic_threshold_fen"][..., None] * (field == "catastrophic")
        for band in range(pools[ends].shape[-1]):
            high = np.where(band < pools[f"{prefix}bands"], pools[ends][..., band], 0)[..., None]
            within = np.clip(TYPICAL_FEN - low, 0, np.maximum(high - low, 0))
            share += (within / TYPICAL_FEN).mean(axis=-1) * pools[f"{prefix}ratio_ppm"][..., band]
            low = np.maximum(low, high)
        return np.asarray(share * (PPM - pools["first_share_ppm"]) if field == "ratio" else share)
    out = np.zeros(pools.shape)
    for name in FIELDS[field]:
        highest = np.maximum(pools[name].max(axis=1, keepdims=True), 1)
        out += 0 if name in NAMED else pools[name] / highest
    return out
