"""How many visits go from each home to each host in a year, before any random number.

Three mechanisms (kept apart because migrants alone would send a quarter of all patients to Guangdong):

(a) people who live away use care where they live;
(b) people at home decide to leave, then choose a host: a logit nested in a gravity model;
(c) people insured where they work go back to where they are registered, and where their families are, to be admitted.

Every rule takes the values of one parameter draw, or of several at once: a first axis of values is one of what comes
back, written (...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from simlib.files.facts import value
from simlib.patients.areas import People, Place, Provinces, constant_of_odds, distances
from simlib.quantities import Params, Quantity
from simlib.terms import INPATIENT, KINDS, LONG_STAY, PHARMACY, PURPOSES, SCHEMES

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]


class Flow(Params, prefix="flow"):
    """What moves patients, and how much of it is known."""

    beta: Quantity
    decay: Quantity
    e_km: Quantity
    c_km: Quantity
    theta: Quantity
    gamma: Quantity
    region: Quantity
    nest: Quantity
    psi: Quantity
    leave_hebei: Quantity
    leave_shanxi: Quantity
    leave_inner_mongolia: Quantity
    a1: Quantity
    a2: Quantity
    eps: Quantity
    eps_shanghai: Quantity
    eps_beijing: Quantity
    eps_sichuan: Quantity
    eps_jiangsu: Quantity
    eps_guangdong: Quantity
    eps_zhejiang: Quantity
    eps_tianjin: Quantity
    across_border: Quantity
    insured_home_employee: Quantity
    insured_home_resident: Quantity
    migrant_employee: Quantity
    vigour: Quantity
    stay_inpatient: Quantity
    stay_outpatient: Quantity
    back_inpatient: Quantity
    back_region: Quantity
    purpose_referral: Quantity
    purpose_emergency: Quantity
    purpose_referral_outpatient: Quantity
    purpose_emergency_outpatient: Quantity
    employee_outpatient: Quantity
    employee_chronic: Quantity
    employee_pharmacy: Quantity
    away_most: Quantity
    capital: Quantity


NAMED_HOSTS = (
    ("310000", Flow.eps_shanghai),
    ("110000", Flow.eps_beijing),
    ("510000", Flow.eps_sichuan),
    ("320000", Flow.eps_jiangsu),
    ("440000", Flow.eps_guangdong),
    ("330000", Flow.eps_zhejiang),
    ("120000", Flow.eps_tianjin),
)
NAMED_HOMES = (
    ("130000", Flow.leave_hebei),
    ("140000", Flow.leave_shanxi),
    ("150000", Flow.leave_inner_mongolia),
)
CORES = ("110000", "120000", "310000")
"""Beijing, Tianjin, Shanghai: municipalities to which people commute from a neighbouring province."""
TEMPORARY = PURPOSES.index("temporary")
EVERY_KIND = tuple(range(len(KINDS)))


@dataclass(frozen=True)
class Pull:
    """What draws people away, per parameter draw (...) and free of the solved constants; kinds as asked for.

    Attributes
    ----------
    living_away : visits a year of people living away, (..., kind, scheme, home, host).
    going_back : visits a year of people who are insured where they work and go back to where they are registered,
        (..., kind, scheme, home, host): the home is where they are insured.
    at_home : visits a year that people present at home make anywhere but by going back, (..., kind, scheme, home).
    leave : log odds of leaving home for care, up to the constant c, (..., home).
    choice : probability of each host for those who leave, (..., home, host).
    purpose : share of each purpose among those who travel, (..., kind, purpose).
    """

    living_away: Array
    going_back: Array
    at_home: Array
    leave: Array
    choice: Array
    purpose: Array


def rates() -> Array:
    """Return visits per insured person and year in 2023, (kind, scheme), anywhere in the country.

    Pharmacy visits of residents are published for 2024 only and taken for 2023.
    """
    out = np.zeros((len(KINDS), len(SCHEMES)))
    for s, scheme in enumerate(SCHEMES):
        insured = value("national", metric="insured", scheme=scheme, year="2023", unit="10 thousand persons")
        for k, metric in enumerate(("discharges", "ordinary_outpatient_visits", "chronic_visits")):
            out[k, s] = value("national", metric=metric, scheme=scheme, year="2023") / insured
        year = "2023" if scheme == "employee" else "2024"
        out[PHARMACY, s] = value("national", metric="pharmacy_visits", scheme=scheme, year=year) * 1e4 / insured
    return out


def attractiveness(place: Provinces, people: People, values: Values) -> Array:
    """Return ln A of each host: a1 ln(beds) + a2 ln(GDP per head) + eps, centred, (..., host)."""
    log_a = values[Flow.a1] * np.log(people.beds) + values[Flow.a2] * np.log(people.gdp_per_head) + values[Flow.eps]
    for code, deviation in NAMED_HOSTS:
        log_a[..., place.index(code)] += values[deviation][..., 0]
    centred: Array = log_a - log_a.mean(axis=-1, keepdims=True)
    return centred


def reach(place: Provinces, log_a: Array, values: Values) -> Array:
    """Return how attractiveness reaches from host to home, log, (..., home, host), in the chosen form of decay.

    log-logistic: ln A[t] - ln(1 + (D/c_km)^beta). exponential: ln A[t] - D/e_km. radiation, which has no scale:
    ln A[t] - ln(A[h] + s) - ln(A[h] + A[t] + s), s = attractiveness of all areas nearer to the home than the host.
    The form is one for all draws.
    """
    form, km = Flow.decay.choices[int(values[Flow.decay].flat[0])], place.distance_km
    of_host = log_a[..., None, :]
    if form == "exponential":
        return np.asarray(of_host - km / values[Flow.e_km][..., None])
    if form == "radiation":
        a = np.exp(log_a)
        of_home = a[..., None]
        nearer = (a[..., None, None, :] * (km[:, None, :] < km[:, :, None])).sum(axis=-1)  # the home itself included
        nearer = np.maximum(nearer, of_home)
        return np.asarray(of_host - np.log(nearer) - np.log(nearer + a[..., None, :]))
    return np.asarray(of_host - np.log1p((km / values[Flow.c_km][..., None]) ** values[Flow.beta][..., None]))


def pull(place: Provinces, people: People, values: Values, kinds: Sequence[int] = EVERY_KIND) -> Pull:
    """Return what draws people away for some kinds of care.

    v[h,t] = ln A[t] - ln(1 + (D/c_km)^beta) + theta ln(1 + migrants) + gamma adjacent + region (both in one region),
    its first two terms by the chosen form of `reach`;
    P(t | leave) = softmax_t v;  leave[h] = lambda IV[h] - psi ln A[h] + that of a named home, IV = ln sum_t e^v.
    """
    log_a = attractiveness(place, people, values)
    utility = (
        reach(place, log_a, values)
        + values[Flow.theta][..., None] * np.log1p(people.migrants)
        + values[Flow.gamma][..., None] * place.adjacent
        + values[Flow.region][..., None] * place.one_region
    )
    utility[..., np.eye(len(place.codes), dtype=bool)] = -np.inf
    inclusive = scipy.special.logsumexp(utility, axis=-1)
    leave = values[Flow.nest] * (inclusive - inclusive.mean(axis=-1, keepdims=True)) - values[Flow.psi] * log_a
    for code, deviation in NAMED_HOMES:
        leave[..., place.index(code)] += values[deviation][..., 0]
    living_away, going_back, present = _movers(place, people, values)
    rate, stay = rates()[list(kinds)], _stay(values, kinds)[..., None, None, None]
    vigorous = rate[:, :, None, None] * values[Flow.vigour][..., None, None, None]
    back = going_back[..., None, :, :, :] * vigorous * _back(place, values, kinds)[..., None, :, :]
    at_home = present[..., None, :, :] * rate[:, :, None] - back.sum(axis=-1)
    return Pull(
        living_away=living_away[..., None, :, :, :] * vigorous * stay,
        going_back=back,
        at_home=np.maximum(at_home, 0.0),
        leave=leave,
        choice=np.exp(utility - inclusive[..., None]),
        purpose=_purposes(values)[..., list(kinds), :],
    )


def _movers(place: Provinces, people: People, values: Values) -> tuple[Array, Array, Array]:
    """Return who lives away from where they are insured, who from where they are registered, who where insured.

    The first two by (..., scheme, home, host), persons; of those who live away from where they are registered a share
    is insured there, the first, and the rest where they live, the second (home: insured, host: registered). To the
    first come those who are insured in a core and live across its border. The third by (..., scheme, home): all
    insured less the first.
    """
    employee = values[Flow.migrant_employee]
    scheme = np.concatenate([employee, 1 - employee], axis=-1)[..., None, None]
    at_home = np.concatenate([values[Flow.insured_home_employee], values[Flow.insured_home_resident]], axis=-1)
    registered = people.migrants[..., None, :, :] * scheme
    away = registered * at_home[..., None, None]
    insured = people.insured.swapaxes(-1, -2)
    border = (place.adjacent & place.one_region) * np.isin(place.codes, CORES)[:, None]
    border = border / np.maximum(border.sum(axis=1, keepdims=True), 1)
    living = away + insured[..., None] * values[Flow.across_border][..., None, None] * border
    return living, (registered - away).swapaxes(-1, -2), np.maximum(insured - living.sum(axis=-1), 0.0)


def _stay(values: Values, kinds: Sequence[int]) -> Array:
    """Return the share of the care of people living away that takes place there, (..., kind)."""
    of = [values[Flow.stay_inpatient if kind == INPATIENT else Flow.stay_outpatient] for kind in kinds]
    return np.concatenate(of, axis=-1)


def _back(place: Provinces, values: Values, kinds: Sequence[int]) -> Array:
    """Return the share of care for which people go back to where they are registered, (..., kind, home, host).

    Admissions only, and more of them where that is in the same region.
    """
    far, near = values[Flow.back_inpatient][..., None], values[Flow.back_region][..., None]
    admitted = np.array([kind == INPATIENT for kind in kinds])[:, None, None]
    return np.asarray(admitted * np.where(place.one_region, near, far)[..., None, :, :])


def _purposes(values: Values) -> Array:
    """Return the purpose mix of those who travel, (..., kind, purpose); nobody of them is long-stay.

    Chronic patients travel as other outpatients do; who buys in a pharmacy is there for another reason: temporary.
    """
    outpatient = (values[Flow.purpose_referral_outpatient], values[Flow.purpose_emergency_outpatient])
    none = np.zeros_like(outpatient[0])
    inpatient = (values[Flow.purpose_referral], values[Flow.purpose_emergency])
    mixed = [np.stack(pair, axis=-1) for pair in (inpatient, outpatient, outpatient, (none, none))]
    referral, emergency = np.moveaxis(np.concatenate(mixed, axis=-2), -1, 0)
    return np.stack([np.zeros_like(referral), referral, emergency, 1 - referral - emergency], axis=-1)


def solve_leaving(pull: Pull, cases: Array, away_most: Array | float) -> tuple[Array, Array]:
    """Return (c, stayed): the constants of leaving and the factor on living away and going back that give `cases`.

    Parameters
    ----------
    cases : all cross-province cases of the year, settled or not, (..., kind, scheme).
    away_most : most of them that people living away, or going back, may make up, share, one a draw.

    Returns
    -------
    c : log odds, (..., kind, scheme). stayed : factor <= 1 on the visits of people living away and going back,
    (..., kind, scheme); below 1 where they alone would exceed `away_most` of the cases.
    """
    away = (pull.living_away + pull.going_back).sum(axis=(-1, -2))
    stayed = np.minimum(1.0, np.asarray(away_most)[..., None, None] * cases / away)
    c = constant_of_odds(pull.at_home, pull.leave[..., None, None, :], cases - away * stayed)
    return c, stayed


def expect(pull: Pull, c: Array, stayed: Array) -> Array:
    """Return expected visits of a year by (..., kind, scheme, purpose, home, host).

    Who goes back is a temporary patient, not long-stay: they live, are insured and use care where they go away from,
    so that their year at home counts towards deductibles and ceilings, and they file as travellers do.
    """
    leaving = pull.at_home * scipy.special.expit(c[..., None] + pull.leave[..., None, None, :])
    travel = leaving[..., None] * pull.choice[..., None, None, :, :]
    visits: Array = pull.purpose[..., None, :, None, None] * travel[..., None, :, :]
    visits[..., LONG_STAY, :, :] += pull.living_away * stayed[..., None, None]
    visits[..., TEMPORARY, :, :] += pull.going_back * stayed[..., None, None]
    return visits


def pull_of_cities(place: Place, values: Values) -> Array:
    """Return what draws patients from one area to another, (home, host): residents e^capital / (1 + (D / c_km)^beta).

    The factor e^capital only where the host is the capital of its province. Residents stand for hospitals: beds of
    cities are not in the tables, and no published figure checks what comes of it.
    """
    km = distances(place.lon, place.lat)
    return np.asarray(
        place.share
        * np.exp(values[Flow.capital][0] * place.capital)
        / (1 + (km / values[Flow.c_km][0]) ** values[Flow.beta][0])
    )


def among_cities(visits: Array, place: Place, values: Values) -> Array:
    """Return visits between provinces, (..., purpose, home, host), as visits between the areas of a geography.

    V[c,d] = V[h,t] a[c] b[d|c]: a = share of the home province's residents. b of the long-stay = share of those who
    live in the host province and are registered in another; of others in proportion to residents, to
    1 / (1 + (D / c_km)^beta) and, in the capital, to e^capital. Both derived: neither is published. They sum back to
    the provinces.
    """
    draw = pull_of_cities(place, values)
    of_province = np.eye(visits.shape[-1])[place.province]
    among = np.repeat((draw / (draw @ of_province)[:, place.province])[None], len(PURPOSES), axis=0)
    among[LONG_STAY] = place.newcomers
    return np.asarray(visits[..., place.province[:, None], place.province] * place.share[:, None] * among)
