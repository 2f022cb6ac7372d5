"""What pools are spared at home where patients, answering a policy, now have their care elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from simlib.benefits.national import Benefits
from simlib.files.facts import value
from simlib.fund.ledger import Ledger
from simlib.patients import response, visits
from simlib.patients.response import Response
from simlib.quantities import Quantity
from simlib.terms import CHRONIC, INPATIENT, KINDS, OUTPATIENT, PHARMACY, SCHEMES

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Values = Mapping[Quantity, Array]


def share_of(form: str, drawn: float) -> float:
    """Return which share of the care that a response creates elsewhere would have been given at home.

    All by `eta`, which moves people out of home; by `price` what is drawn, the rest is new.

    >>> share_of("none", 0.4), share_of("price", 0.4), share_of("eta", 0.4)
    (0.0, 0.4, 1.0)
    """
    return {response.NONE: 0.0, response.PRICE: drawn, response.ETA: 1.0}[form]


def fund_shares(v: Values) -> Array:
    """Return what the fund pays of a bill at home, by the national default, (kind, scheme).

    The part of a bill that enters the ratio, times the published fund share of it (admissions) or the drawn ratio.
    """
    out = np.zeros((len(KINDS), len(SCHEMES)))
    out[INPATIENT] = [
        value("national", metric="in_catalogue_fund_share", scheme=scheme, tier="all", year="2023") / 100
        for scheme in SCHEMES
    ]
    out[OUTPATIENT] = out[PHARMACY] = [
        v[Benefits.ratio_outpatient_employee][0],
        v[Benefits.ratio_outpatient_resident][0],
    ]
    out[CHRONIC] = v[Benefits.ratio_chronic_employee][0], v[Benefits.ratio_chronic_resident][0]
    return out * float(v[Benefits.in_scope_home][0])


def spared(v: Values, cases: tuple[Ints, Ints], bills: Ints) -> Array:
    """Return what pools are spared in a scenario's year, fen, (kind, scheme, home); less than 0 if care comes back.

    cases more elsewhere x share of them that left home x bill elsewhere x bill at home against it x fund share at home.
    Admissions whose place outpatient visits took (`response.displaced`) are no care given at home: they are added back.

    Parameters
    ----------
    cases : elsewhere before and after, settled or not. bills : of those before, fen; all (kind, scheme, home).
    """
    share = share_of(response.form(v), float(v[Ledger.diverted][0]))
    more = (cases[1] - cases[0]).astype(np.float64)
    more[INPATIENT] += float(v[Response.displaced][0]) * (more[OUTPATIENT] + more[CHRONIC])
    each = bills / np.maximum(cases[0], 1)
    paid = each * float(v[Ledger.diverted_bill][0]) * fund_shares(v)[:, :, None]
    return np.asarray(share * more * paid)


def by_month(yearly: Array, touched: Sequence[npt.NDArray[np.bool_]], levels: Sequence[Array]) -> Ints:
    """Return what pools are spared in each month of several years, fen, (month, scheme, home).

    Of a year it is spared in the months in which the scenario holds for the kind of care and the home, by season; a
    later year repeats that, grown by kind.

    Parameters
    ----------
    yearly : of the first year, see `spared`. touched : where the scenario holds, by year, (kind, scheme, home, host,
    month). levels : of each year, (kind,).
    """
    holds = [visits.season() * np.asarray(year.any(axis=(1, 3)))[:, None] for year in touched]  # (kind, 1, home, month)
    whole = holds[0].sum(axis=-1)
    of_season = np.divide(yearly, whole, out=np.zeros_like(yearly), where=whole > 0)
    years = [
        np.einsum("ksh,k,kxhm->msh", of_season, level / levels[0], held)
        for held, level in zip(holds, levels, strict=True)
    ]
    return np.asarray(np.rint(np.concatenate(years)), dtype=np.int64)
