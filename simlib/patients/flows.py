"""How many visits go from each home to each host in a year, before any luck.

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
from simlib.quantities import CITIES, Params, Quantity, unknown, variant
from simlib.terms import INPATIENT, KINDS, LONG_STAY, PHARMACY, PURPOSES, SCHEMES

Array = npt.NDArray[np.float64]
Values = Mapping[Quantity, Array]


class Flow(Params, prefix="flow"):
    """What moves patients, and how much of it is known."""

    beta = unknown(
        "exponent of the log-logistic distance decay",
        0.85,
        1.89,
        default=1.4,
        dist="triangular",
        unit="exponent",
        source="IJERPH 17(7):2183 (2020): inpatients inside Shanghai; use between provinces is an assumption",
        grade="academic",
        only=("flow.decay=log-logistic", CITIES),
    )
    decay = variant(
        "form of the distance decay between provinces",
        "log-logistic",
        choices=("log-logistic", "exponential", "radiation"),
        source="IJERPH 19(6):3227 (2022): exponential fits best of five forms for patients coming to Beijing; "
        "radiation: Simini, Nature 484 (2012)",
        grade="academic",
    )
    e_km = unknown(
        "scale of the exponential decay, where that form is chosen",
        200,
        1000,
        dist="log-uniform",
        unit="km",
        only=("flow.decay=exponential",),
    )
    c_km = unknown(
        "scale of the distance decay",
        100,
        450,
        dist="log-uniform",
        default=250,
        unit="km",
        only=("flow.decay=log-logistic", CITIES),
    )
    theta = unknown("effect of the migrant stock on the choice of host", 0.0, 0.8, default=0.3, unit="elasticity")
    gamma = unknown("effect of adjacency on the choice of host", 0.5, 1.2, default=0.8, unit="log odds")
    nest = unknown(
        "weight of the inclusive value of hosts in the decision to leave (lambda)", 0.5, 1.0, unit="coefficient"
    )
    psi = unknown("effect of home attractiveness on staying", 0.0, 0.6, default=0.2, unit="elasticity")
    a1 = unknown("weight of log beds in the attractiveness of a host", 0.3, 0.9, unit="elasticity")
    a2 = unknown("weight of log GDP per head in the attractiveness of a host", 0.6, 2.7, default=1.5, unit="elasticity")
    eps = unknown(
        "deviation of a host's attractiveness from beds and GDP per head, beyond the named hosts' own",
        -0.5,
        0.5,
        dist="normal",
        default=0.0,
        unit="log",
        axes=("host",),
    )
    eps_shanghai = unknown("deviation of Shanghai's attractiveness", 1.0, 2.0, unit="log")
    eps_beijing = unknown("deviation of Beijing's attractiveness", 0.7, 1.7, unit="log")
    eps_sichuan = unknown("deviation of Sichuan's attractiveness", 0.8, 1.8, unit="log")
    eps_jiangsu = unknown("deviation of Jiangsu's attractiveness", -0.2, 0.8, unit="log")
    eps_guangdong = unknown("deviation of Guangdong's attractiveness", -0.9, 0.1, unit="log")
    insured_home_employee = unknown(
        "share of migrants in the employee scheme who are insured at home", 0.05, 0.4, unit="share"
    )
    insured_home_resident = unknown(
        "share of migrants in the resident scheme who are insured at home", 0.5, 0.95, unit="share"
    )
    migrant_employee = unknown("share of migrants covered by the employee scheme", 0.25, 0.45, unit="share")
    vigour = unknown(
        "use of care by migrants against people of the same scheme at home", 0.3, 0.8, default=0.5, unit="ratio"
    )
    stay_inpatient = unknown(
        "share of admissions of people living away that take place at the host", 0.3, 0.9, unit="share"
    )
    stay_outpatient = unknown(
        "share of outpatient visits of people living away that take place at the host", 0.7, 1.0, unit="share"
    )
    purpose_referral = unknown("share of travelling inpatients who were referred", 0.2, 0.7, unit="share")
    purpose_emergency = unknown("share of travelling inpatients who are emergencies", 0.05, 0.2, unit="share")
    purpose_referral_outpatient = unknown("share of travelling outpatients who were referred", 0.05, 0.4, unit="share")
    purpose_emergency_outpatient = unknown(
        "share of travelling outpatients who are emergencies", 0.02, 0.15, unit="share"
    )
    employee_outpatient = unknown(
        "employees' share of cross-province ordinary outpatient cases",
        0.6,
        0.75,
        unit="share",
        source="0.665 of visits without pharmacy, NHSA long series 2023",
        grade="derived",
    )
    employee_chronic = unknown("employees' share of cross-province chronic outpatient cases", 0.5, 0.8, unit="share")
    employee_pharmacy = unknown(
        "employees' share of cross-province pharmacy cases",
        0.85,
        0.99,
        unit="share",
        source="0.985 of all pharmacy visits, NHSA bulletin of 2024; range assumed",
        grade="assumed",
    )
    away_most = unknown(
        "most of a kind's cases that people living away may make up; above it their stay share is lowered",
        0.6,
        0.95,
        unit="share",
    )
    capital = unknown(
        "pull of the province's capital on patients from elsewhere, beyond its residents and distance",
        0.0,
        1.5,
        unit="log",
        only=(CITIES,),
    )


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


def attractiveness(place: Provinces, people: People, v: Values) -> Array:
    """Return ln A of each host: a1 ln(beds) + a2 ln(GDP per head) + eps, centred, (host,)."""
    log_a = v[Flow.a1][0] * np.log(people.beds) + v[Flow.a2][0] * np.log(people.gdp_per_head) + v[Flow.eps]
    for code, deviation in NAMED_HOSTS:
        log_a[place.index(code)] += v[deviation][0]
    centred: Array = log_a - log_a.mean()
    return centred


def reach(place: Provinces, log_a: Array, v: Values) -> Array:
    """Return how attractiveness reaches from host to home, log, (home, host), in the chosen form of decay.

    log-logistic: ln A[t] - ln(1 + (D/c_km)^beta). exponential: ln A[t] - D/e_km. radiation, which has no scale:
    ln A[t] - ln(A[h] + s) - ln(A[h] + A[t] + s), s = attractiveness of all areas nearer to the home than the host.
    """
    form, km = Flow.decay.choices[int(v[Flow.decay][0])], place.distance_km
    if form == "exponential":
        return np.asarray(log_a - km / v[Flow.e_km][0])
    if form == "radiation":
        a = np.exp(log_a)
        nearer = (a * (km[:, None, :] < km[:, :, None])).sum(axis=2)  # the home itself included
        nearer = np.maximum(nearer, a[:, None])
        return np.asarray(log_a - np.log(nearer) - np.log(nearer + a))
    return np.asarray(log_a - np.log1p((km / v[Flow.c_km][0]) ** v[Flow.beta][0]))


def pull(place: Provinces, people: People, v: Values) -> Pull:
    """Return what draws people away in one parameter draw.

    v[h,t] = ln A[t] - ln(1 + (D/c_km)^beta) + theta ln(1 + migrants) + gamma adjacent, its first two terms by the
    chosen form of `reach`;
    P(t | leave) = softmax_t v;  leave[h] = lambda IV[h] - psi ln A[h], IV = ln sum_t e^v.
    """
    log_a = attractiveness(place, people, v)
    utility = reach(place, log_a, v) + v[Flow.theta][0] * np.log1p(people.migrants) + v[Flow.gamma][0] * place.adjacent
    np.fill_diagonal(utility, -np.inf)
    inclusive = logsumexp(utility, axis=1)
    employee = v[Flow.migrant_employee][0]
    at_home_share = np.array([v[Flow.insured_home_employee][0], v[Flow.insured_home_resident][0]])
    away = people.migrants[None] * (np.array([employee, 1 - employee]) * at_home_share)[:, None, None]
    present = np.maximum(people.insured.T - away.sum(axis=2), 0.0)
    rate = rates()
    stay = np.full(len(KINDS), v[Flow.stay_outpatient][0])
    stay[INPATIENT] = v[Flow.stay_inpatient][0]
    return Pull(
        living_away=away[None] * (rate * v[Flow.vigour][0] * stay[:, None])[:, :, None, None],
        at_home=present[None] * rate[:, :, None],
        leave=v[Flow.nest][0] * (inclusive - inclusive.mean()) - v[Flow.psi][0] * log_a,
        choice=np.exp(utility - inclusive[:, None]),
        purpose=_purposes(v),
    )


def _purposes(v: Values) -> Array:
    """Return the purpose mix of those who travel, (kind, purpose); nobody of them is long-stay.

    Chronic patients travel as other outpatients do; who buys in a pharmacy is there for another reason: temporary.
    """
    outpatient = (v[Flow.purpose_referral_outpatient][0], v[Flow.purpose_emergency_outpatient][0])
    inpatient = (v[Flow.purpose_referral][0], v[Flow.purpose_emergency][0])
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


def pull_of_cities(place: Place, v: Values) -> Array:
    """Return what draws patients from one area to another, (home, host): residents e^capital / (1 + (D / c_km)^beta).

    The factor e^capital only where the host is the capital of its province.
    """
    km = distances(place.lon, place.lat)
    return np.asarray(
        place.share * np.exp(v[Flow.capital][0] * place.capital) / (1 + (km / v[Flow.c_km][0]) ** v[Flow.beta][0])
    )


def among_cities(visits: Array, place: Place, v: Values) -> Array:
    """Return visits between provinces, (..., purpose, home, host), as visits between the areas of a geography.

    V[c,d] = V[h,t] a[c] b[d|c]: a = share of the home province's residents. b of the long-stay = share of those who
    live in the host province and are registered in another; of others in proportion to residents, to
    1 / (1 + (D / c_km)^beta) and, in the capital, to e^capital. Both derived: neither is published. They sum back to
    the provinces.
    """
    draw = pull_of_cities(place, v)
    of_province = np.eye(visits.shape[-1])[place.province]
    among = np.repeat((draw / (draw @ of_province)[:, place.province])[None], len(PURPOSES), axis=0)
    among[LONG_STAY] = place.newcomers
    return np.asarray(visits[..., place.province[:, None], place.province] * place.share[:, None] * among)
