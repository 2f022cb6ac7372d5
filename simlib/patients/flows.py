"""How many visits go from each home to each host in a year, before any random number.

Two mechanisms (kept apart because migrants alone would send a quarter of all patients to Guangdong):

(a) people who live away use care where they live;
(b) people at home decide to leave, then choose a host: a logit nested in a gravity model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logsumexp

from simlib.files.facts import value
from simlib.patients.areas import People, Place, Provinces, distances
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
    nest: Quantity
    psi: Quantity
    a1: Quantity
    a2: Quantity
    eps: Quantity
    eps_shanghai: Quantity
    eps_beijing: Quantity
    eps_sichuan: Quantity
    eps_jiangsu: Quantity
    eps_guangdong: Quantity
    insured_home_employee: Quantity
    insured_home_resident: Quantity
    migrant_employee: Quantity
    vigour: Quantity
    stay_inpatient: Quantity
    stay_outpatient: Quantity
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
)


@dataclass(frozen=True)
class Pull:
    """What draws people away, per parameter draw and free of the solved constants.

    Attributes
    ----------
    living_away : visits a year of people living away, (kind, scheme, home, host).
    at_home : visits a year that people present at home make anywhere, (kind, scheme, home).
    leave : log odds of leaving home for care, up to the constant c, (home,).
    choice : probability of each host for those who leave, (home, host).
    purpose : share of each purpose among those who travel, (kind, purpose).
    """

    living_away: Array
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
    """Return ln A of each host: a1 ln(beds) + a2 ln(GDP per head) + eps, centred, (host,)."""
    log_a = (
        values[Flow.a1][0] * np.log(people.beds) + values[Flow.a2][0] * np.log(people.gdp_per_head) + values[Flow.eps]
    )
    for code, deviation in NAMED_HOSTS:
        log_a[place.index(code)] += values[deviation][0]
    centred: Array = log_a - log_a.mean()
    return centred


def reach(place: Provinces, log_a: Array, values: Values) -> Array:
    """Return how attractiveness reaches from host to home, log, (home, host), in the chosen form of decay.

    log-logistic: ln A[t] - ln(1 + (D/c_km)^beta). exponential: ln A[t] - D/e_km. radiation, which has no scale:
    ln A[t] - ln(A[h] + s) - ln(A[h] + A[t] + s), s = attractiveness of all areas nearer to the home than the host.
    """
    form, km = Flow.decay.choices[int(values[Flow.decay][0])], place.distance_km
    if form == "exponential":
        return np.asarray(log_a - km / values[Flow.e_km][0])
    if form == "radiation":
        a = np.exp(log_a)
        nearer = (a * (km[:, None, :] < km[:, :, None])).sum(axis=2)  # the home itself included
        nearer = np.maximum(nearer, a[:, None])
        return np.asarray(log_a - np.log(nearer) - np.log(nearer + a))
    return np.asarray(log_a - np.log1p((km / values[Flow.c_km][0]) ** values[Flow.beta][0]))


def pull(place: Provinces, people: People, values: Values) -> Pull:
    """Return what draws people away in one parameter draw.

    v[h,t] = ln A[t] - ln(1 + (D/c_km)^beta) + theta ln(1 + migrants) + gamma adjacent, its first two terms by the
    chosen form of `reach`;
    P(t | leave) = softmax_t v;  leave[h] = lambda IV[h] - psi ln A[h], IV = ln sum_t e^v.
    """
    log_a = attractiveness(place, people, values)
    utility = (
        reach(place, log_a, values)
        + values[Flow.theta][0] * np.log1p(people.migrants)
        + values[Flow.gamma][0] * place.adjacent
    )
    np.fill_diagonal(utility, -np.inf)
    inclusive = logsumexp(utility, axis=1)
    employee = values[Flow.migrant_employee][0]
    at_home_share = np.array([values[Flow.insured_home_employee][0], values[Flow.insured_home_resident][0]])
    away = people.migrants[None] * (np.array([employee, 1 - employee]) * at_home_share)[:, None, None]
    present = np.maximum(people.insured.T - away.sum(axis=2), 0.0)
    rate = rates()
    stay = np.full(len(KINDS), values[Flow.stay_outpatient][0])
    stay[INPATIENT] = values[Flow.stay_inpatient][0]
    return Pull(
        living_away=away[None] * (rate * values[Flow.vigour][0] * stay[:, None])[:, :, None, None],
        at_home=present[None] * rate[:, :, None],
        leave=values[Flow.nest][0] * (inclusive - inclusive.mean()) - values[Flow.psi][0] * log_a,
        choice=np.exp(utility - inclusive[:, None]),
        purpose=_purposes(values),
    )


def _purposes(values: Values) -> Array:
    """Return the purpose mix of those who travel, (kind, purpose); nobody of them is long-stay.

    Chronic patients travel as other outpatients do; who buys in a pharmacy is there for another reason: temporary.
    """
    outpatient = (values[Flow.purpose_referral_outpatient][0], values[Flow.purpose_emergency_outpatient][0])
    inpatient = (values[Flow.purpose_referral][0], values[Flow.purpose_emergency][0])
    referral, emergency = np.array([inpatient, outpatient, outpatient, (0.0, 0.0)]).T
    return np.stack([np.zeros(len(KINDS)), referral, emergency, 1 - referral - emergency], axis=1)


def solve_leaving(pull: Pull, cases: Array, away_most: float) -> tuple[Array, Array]:
    """Return (c, stayed): the constants of leaving and the factor on living away that give `cases`.

    Parameters
    ----------
    cases : all cross-province cases of the year, settled or not, (kind, scheme).
    away_most : most of them that people living away may make up, share.

    Returns
    -------
    c : log odds, (kind, scheme). stayed : factor <= 1 on the visits of people living away, (kind, scheme);
    below 1 where they alone would exceed `away_most` of the cases.
    """
    c, stayed = np.zeros_like(cases), np.ones_like(cases)
    for k, s in np.ndindex(*cases.shape):
        away = float(pull.living_away[k, s].sum())
        stayed[k, s] = np.minimum(1.0, away_most * cases[k, s] / away)
        wanted = float(cases[k, s] - away * stayed[k, s])

        def excess(x: float, k: int = k, s: int = s, wanted: float = wanted) -> float:
            return float((pull.at_home[k, s] * expit(x + pull.leave)).sum() - wanted)

        c[k, s] = brentq(excess, -30.0, 10.0, xtol=1e-13, rtol=1e-14)
    return c, stayed


def expect(pull: Pull, c: Array, stayed: Array) -> Array:
    """Return expected visits of a year by (kind, scheme, purpose, home, host)."""
    leaving = pull.at_home * expit(c[:, :, None] + pull.leave)
    travel = leaving[:, :, :, None] * pull.choice
    visits: Array = pull.purpose[:, None, :, None, None] * travel[:, :, None]
    visits[:, :, PURPOSES.index("long_stay")] += pull.living_away * stayed[:, :, None, None]
    return visits


def pull_of_cities(place: Place, values: Values) -> Array:
    """Return what draws patients from one area to another, (home, host): residents e^capital / (1 + (D / c_km)^beta).

    The factor e^capital only where the host is the capital of its province.
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
