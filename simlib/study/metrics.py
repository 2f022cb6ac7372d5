"""What a run says, as amounts that add up; shares are divided last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simlib.amounts import AMOUNTS, SEEN
from simlib.patients.areas import Place
from simlib.terms import FEN, GRADES, INPATIENT, KINDS, SCHEMES

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RATE = "direct_settlement_rate_official"
"""The rate that an answer is about: direct / (direct + claimed), as published counts have it."""
UNITS = {
    RATE: "share",
    "direct_settlement_rate": "share",
    "direct_settlement_rate_value": "share",
    "fund_payment": "yuan",
    "own_payment": "yuan",
    "account_payment": "yuan",
    "cash_payment": "yuan",
    "advanced_by_patients": "yuan",
    "benefit_gap": "yuan per visit",
    "recovered": "yuan",
    "fines": "yuan",
    "network_cost": "yuan",
}
"""Metrics and their units, in the order in which they are reported."""


@dataclass(frozen=True)
class Group:
    """Cells that are summed before anything is divided; None means every one.

    `changed` takes only the cells (pair, kind, scheme and month) that the scenario sets something for.
    """

    changed: bool = False
    home: int | None = None
    host: int | None = None
    kind: int | None = None

    def label(self, place: Place) -> str:
        """Return `dimension=value` joined by `;`, or `all`.

        >>> from simlib.patients import areas
                >>> Group(changed=True, kind=0).label(areas.load("provinces"))
                'pairs=changed;kind=inpatient'
        """
        parts = ["pairs=changed"] if self.changed else []
        parts += [f"home={place.codes[self.home]}"] if self.home is not None else []
        parts += [f"host={place.codes[self.host]}"] if self.host is not None else []
        parts += [f"kind={KINDS[self.kind]}"] if self.kind is not None else []
        return ";".join(parts) or "all"


def at(side: str, place: int, kind: int, *, changed: bool = False) -> Group:
    """Return the group of one kind of care of one home or host."""
    home, host = (place, None) if side == "home" else (None, place)
    return Group(changed=changed, home=home, host=host, kind=kind)


def groups(touched: npt.NDArray[np.bool_]) -> tuple[Group, ...]:
    """Return the groups that are reported for a scenario that touches these cells (home, host, scheme, kind, month).

    The first group is the headline: inpatients on the changed pairs, the next kind where inpatients are not touched,
    all inpatients where nothing is. Homes and hosts follow, within those pairs and in all.
    """
    out = [Group(kind=k) for k in range(len(KINDS))] + [Group()]
    for side in ("home", "host"):
        out += [at(side, i, INPATIENT) for i in range(touched.shape[0])]
    kinds = [int(k) for k in np.flatnonzero(touched.any(axis=(0, 1, 2, 4)))]
    changed = [Group(changed=True, kind=k) for k in kinds]
    for axis, side in enumerate(("home", "host")):
        for i in np.flatnonzero(touched[:, :, :, kinds[:1]].any(axis=(1 - axis, 2, 3, 4))):
            changed.append(at(side, int(i), kinds[0], changed=True))
    return tuple(changed + out)


def amounts(totals: Ints, place: Place, wanted: tuple[Group, ...]) -> Ints:
    """Return the summed amounts of each group of cross-province care, (group, half, amount).

    Care in another city of the same province is no part of any group.

    Parameters
    ----------
    totals : (half, kind, scheme, home, host, touched, amount), see `simulate.Run`.
    """
    kinds = [k for group in wanted for k in (range(len(KINDS)) if group.kind is None else (group.kind,))]
    first = min(kinds)
    totals = totals[:, first : max(kinds) + 1]  # they are large: no sums of kinds that no group asks for
    touched = totals[..., 1, :].sum(axis=2)
    by_pair = {True: touched, False: totals[..., 0, :].sum(axis=2) + touched}  # (half, kind, home, host, amount)
    for pairs in by_pair.values():
        pairs[:, :, place.inside] = 0

    def one(group: Group) -> Ints:
        pairs = by_pair[group.changed]
        pairs = pairs if group.kind is None else pairs[:, [group.kind - first]]
        pairs = pairs if group.home is None else pairs[:, :, [group.home]]
        pairs = pairs if group.host is None else pairs[:, :, :, [group.host]]
        return np.asarray(pairs.sum(axis=(1, 2, 3)))

    return np.stack([one(group) for group in wanted])


def counted(seen: Ints) -> Array:
    """Return amounts as in `loop.AMOUNTS`, (..., amount), of which only `loop.SEEN` were counted; NaN the others."""
    out = np.full((*seen.shape[:-1], len(AMOUNTS)), np.nan)
    out[..., [AMOUNTS.index(name) for name in SEEN]] = seen
    return out


WHO = ("scheme=employee", "scheme=resident", "west;scheme=resident")
"""Groups of insured, by scheme, and the residents of the west."""


def of_insured(totals: Ints, kind: int, west: npt.NDArray[np.bool_]) -> Ints:
    """Return the summed amounts of each group of `WHO` in the touched cells of a kind, (group, amount).

    Parameters
    ----------
    totals : as in `amounts`. west : which homes are in the west, (home,).
    """
    cells = totals[:, kind, ..., 1, :].sum(axis=(0, 3))  # (scheme, home, amount)
    return np.stack([*cells.sum(axis=1), cells[SCHEMES.index("resident"), west].sum(axis=0)])


def metric(name: str, amount: npt.NDArray[np.generic]) -> Array:
    """Return a metric from amounts (..., amount); NaN where its denominator is 0.

    Formulas
    --------
    direct_settlement_rate = direct / (direct + claimed + abandoned) visits;
    direct_settlement_rate_official = direct / (direct + claimed) visits, the definition inferred from published counts;
    direct_settlement_rate_value = the first, by bill;
    fund_payment = direct + claimed, yuan; own_payment = bills - fund payment, yuan, an abandoned bill whole;
    account_payment, cash_payment = own payment from employees' personal accounts, and the rest, yuan;
    advanced_by_patients = what the fund owes on cases that patients prepaid: claimed and abandoned, but for care on
    credit, yuan;
    benefit_gap = mean of owed(direct) - owed(claim), yuan per visit;
    recovered = what supervision returns to home funds, not taken off fund_payment; fines = what hospitals pay to the
    authority that imposes them, yuan; network_cost = what the year's roll-out of the network costs hosts, told by home
    in proportion to visits, yuan: no fund pays it.

    >>> float(metric("direct_settlement_rate", np.array([6, 3, 1] + [0] * (len(AMOUNTS) - 3))))
    0.6
    """
    a = dict(zip(AMOUNTS, np.moveaxis(np.asarray(amount, dtype=np.float64), -1, 0), strict=True))
    direct, claimed, abandoned = a["visits_direct"], a["visits_claimed"], a["visits_abandoned"]
    bills = a["bill_direct"] + a["bill_claimed"] + a["bill_abandoned"]
    fund = a["fund_direct"] + a["fund_claimed"]
    with np.errstate(invalid="ignore", divide="ignore"):
        formulas = {
            "direct_settlement_rate": lambda: direct / (direct + claimed + abandoned),
            "direct_settlement_rate_official": lambda: direct / (direct + claimed),
            "direct_settlement_rate_value": lambda: a["bill_direct"] / bills,
            "fund_payment": lambda: fund / FEN,
            "own_payment": lambda: (bills - fund) / FEN,
            "account_payment": lambda: a["account"] / FEN,
            "cash_payment": lambda: (bills - fund - a["account"]) / FEN,
            "advanced_by_patients": lambda: (a["fund_claimed"] + a["owed_abandoned"] - a["owed_on_credit"]) / FEN,
            "benefit_gap": lambda: a["benefit_gap"] / FEN / (direct + claimed + abandoned),
            "recovered": lambda: a["recovered"] / FEN,
            "fines": lambda: a["fined"] / FEN,
            "network_cost": lambda: a["network_cost"] / FEN,
        }
        return np.asarray(formulas[name](), dtype=np.float64)


def resting(amount: npt.NDArray[np.generic]) -> dict[str, float]:
    """Return the share of fund payment (direct and claimed) by the weakest grade of the policies it rests on.

    The share "local" rests on a deductible, a ratio and an away rule that are all the area's own, of whatever grade.
    Empty if nothing is paid.
    """
    a = dict(zip(AMOUNTS, np.asarray(amount, dtype=np.float64), strict=True))
    fund = a["fund_direct"] + a["fund_claimed"]
    return {name: a[f"fund_{name}"] / fund for name in (*GRADES, "local")} if fund else {}


def additive(name: str) -> bool:
    """Return whether a metric is a sum over people, so that half the people carry half of it."""
    return UNITS[name] == "yuan"
