"""Whose money is where: tables of the books, for pictures and notebooks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simlib.benefits import area_rules
from simlib.files.texts import Lang, said
from simlib.fund import indicators, ledger
from simlib.fund.books import Books, months
from simlib.fund.openings import UNIT
from simlib.patients import areas
from simlib.study.results import Results
from simlib.terms import FEN, MONTHS, SCHEMES


def pair_money(books: Books, home: str, host: str) -> pd.DataFrame:
    """Return the money of one pair of home and host through the books, a row a month, million yuan.

    Columns: month; settled (directly), hospitals_paid, cleared (paid by home), prepaid (moved, less
    returned); at the end of the month prepayment, host_cash (the home's sub-ledger), owed_to_hospitals, due (settled
    and not cleared), overdue.
    """
    pair = books.homes.index(area_rules.pool(home).code), books.hosts.index(area_rules.pool(host).code)
    at = (slice(1, None), slice(None), *pair)
    moves, balance = books.moves, ledger.balances(books.moves)
    amounts = {
        "settled": moves["direct"],
        "hospitals_paid": moves["hospital_paid"],
        "cleared": moves["cleared"],
        "prepaid": moves["prepaid"] + moves["increased"] - moves["returned"],
        "prepayment": ledger.held(moves),
        "host_cash": balance["host"],
        "owed_to_hospitals": -balance["hospital"],
        "due": balance["due"],
        "overdue": np.concatenate([np.zeros_like(moves["direct"][:1]), indicators.overdue(books)]),
    }
    yuan = {name: amount[at].sum(axis=1) / FEN / 1e6 for name, amount in amounts.items()}
    return pd.DataFrame({"month": months(books)[1:], **yuan})


def prepayment_use(books: Books, definition: str, month: str, lang: Lang = "en", *, most: int = 12) -> pd.DataFrame:
    """Return the use of prepayments at the end of a month between the homes and hosts that have most, shares.

    Homes are rows, hosts columns, largest first; NaN where there is no prepayment. definition : cleared or outstanding,
    see `indicators.uses`.
    """
    at = months(books)[1:].index(month)
    used = indicators.uses(books)[definition][at, 0]
    held = ledger.held(books.moves)[1 + at].sum(axis=0)
    names = [np.array([_name(code, lang) for code in codes]) for codes in (books.homes, books.hosts)]
    big = [np.argsort(-held.sum(axis=1 - axis), kind="stable")[:most] for axis in (0, 1)]
    share = used / np.where(held > 0, held, np.nan)
    return pd.DataFrame(share[np.ix_(*big)], names[0][big[0]], names[1][big[1]])


def money_streams(books: Books, lang: Lang = "en", *, most: int = 5) -> pd.DataFrame:
    """Return who paid whom for care elsewhere in the first year of the books, for `maps.streams`, 100 million yuan.

    Columns: home (who pays: the pools of each scheme, or prepayments drawn on), host (who is paid: hospitals of the
    largest hosts through clearing, those in other cities of the own province, patients on claims, prepayments added
    to), value.
    """
    year = slice(1, 1 + MONTHS)
    cleared, claims, prepaid, more, returned, within = (
        books.moves[cause][year].sum(axis=0)
        for cause in ("cleared", "claim_paid", "prepaid", "increased", "returned", "within_paid")
    )
    big = np.argsort(-cleared.sum(axis=(0, 1)), kind="stable")[:most]
    rows = []
    for s, scheme in enumerate(SCHEMES):
        payer = said(f"stream.{scheme}", lang)
        named = [(_name(books.hosts[t], lang), cleared[s, :, t].sum()) for t in big]
        rest = cleared[s].sum() - sum(amount for _, amount in named)
        other = [(said("stream.others", lang), rest)]
        other += [(said("stream.within", lang), within[s].sum())] if within.any() else []
        other += [(said("stream.patients", lang), claims[s].sum())]
        other += [(said("stream.prepayments", lang), (prepaid + more - returned)[s].sum())]
        rows += [(payer, payee, amount / FEN / UNIT) for payee, amount in (*named, *other)]
    return pd.DataFrame(rows, columns=["home", "host", "value"])


def _name(code: str, lang: Lang) -> str:
    """Return the name of an area, short in Chinese."""
    return areas.short(area_rules.pool(code).name(lang))


def costs(study: Results) -> pd.DataFrame:
    """Return what each scenario of a geography of cities costs the pools in the first year of the books, yuan.

    Columns: scenario; home (code, or all); part (elsewhere: care in other areas; at_home: see `carried`; together);
    change, low and high, mean and 95 % interval over the draws.
    """
    runs = study.runs
    rows, homes = [], ("all", *runs.place.codes)
    local_care = list(indicators.INDICATORS).index("local_care")
    for scenario, simulated in zip(runs.scenarios, runs.simulated, strict=True):
        at = [0, *range(1 + len(SCHEMES), len(SCHEMES) + len(homes))]
        year = simulated.cash[:, :, local_care, at, :MONTHS].sum(axis=-1)
        elsewhere = simulated.parts[
            :, [indicators.EFFECTS.index(name) for name in ("newly_paid", "richer_price", "volume")]
        ]
        found = {"elsewhere": elsewhere.sum(axis=1), "at_home": year[:, 1] - year[:, 0]}
        for part, change in (found | {"together": found["elsewhere"] + found["at_home"]}).items():
            low, high = np.quantile(change, (0.025, 0.975), axis=0)
            rows += [
                (scenario.name, home, part, *numbers)
                for home, *numbers in zip(homes, change.mean(axis=0), low, high, strict=True)
            ]
    return pd.DataFrame(rows, columns=["scenario", "home", "part", "change", "low", "high"])


def purses(study: Results, month: str) -> pd.DataFrame:
    """Return for how many months the pools of each split province can pay, mean over the draws, at the end of a month.

    Columns: scenario, province (code); fewest and most among its cities under the reference, then under the scenario.
    """
    runs = study.runs
    rows, place = [], runs.place
    payable = list(indicators.INDICATORS).index("months_payable")
    for scenario, simulated in zip(runs.scenarios, runs.simulated, strict=True):
        cash, ((books, _),) = simulated.cash, simulated.books
        when = months(books)[1:].index(month)
        found = cash[:, :, payable, 1 + len(SCHEMES) : 1 + len(SCHEMES) + len(place.codes), when]
        for p in np.unique(place.province[place.inside.any(axis=1)]):
            of = found[:, :, place.province == p]
            ends = [end.mean() for side in (0, 1) for end in (of[:, side].min(axis=1), of[:, side].max(axis=1))]
            rows.append((scenario.name, areas.provinces().codes[p], *ends))
    columns = ["scenario", "province", "fewest", "most", "fewest_after", "most_after"]
    return pd.DataFrame(rows, columns=columns)
