"""The books as tables: a journal of every entry, balances, a trial balance, and a workbook for accountants."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import numpy as np
import pandas as pd

from simlib import ledger
from simlib.cashflow import Books, months
from simlib.ledger import ACCOUNTS, ENTRIES
from simlib.terms import FEN, SCHEMES

COLUMNS = ["scenario", "side", "entry", "month", "debit", "credit", "fen", "cause", "home", "host", "scheme"]
"""Columns of the journal; an entry moves fen from the account credited to the account debited."""

SIDES = ("reference", "scenario")


def _names(books: Books, kind: str) -> Any:
    """Return the names of the accounts of a kind, (scheme, home, host): the kind, then what it is kept by."""
    kept = ACCOUNTS[kind]
    words = {"scheme": SCHEMES, "home": books.homes, "host": books.hosts}
    sizes = [len(words[axis]) if axis in kept else 1 for axis in ledger.AXES]
    out = np.empty(sizes, dtype=object)
    for at in np.ndindex(*sizes):
        of = {axis: words[axis][i] for axis, i in zip(ledger.AXES, at, strict=True) if axis in kept}
        out[at] = "/".join([kind, *(of[axis] for axis in ("home", "host", "scheme") if axis in of)])
    return out


def entries(books: Books) -> pd.DataFrame:
    """Return every entry, in the order of month and cause, numbered from 1: `COLUMNS` without scenario and side."""
    words = [np.array([*found, ""], dtype=object) for found in (SCHEMES, books.homes, books.hosts)]
    dates = np.array(months(books), dtype=object)
    tables = []
    for number, (cause, (debit, credit)) in enumerate(ENTRIES.items()):
        moved = books.moves[cause]
        at = np.nonzero(moved)
        place = [i if moved.shape[axis + 1] > 1 else np.full_like(i, -1) for axis, i in enumerate(at[1:])]

        def account(kind: str, place: list[Any] = place) -> Any:
            names = _names(books, kind)
            return names[tuple(np.where(names.shape[axis] > 1, i, 0) for axis, i in enumerate(place))]

        tables.append(
            pd.DataFrame(
                {
                    "order": at[0] * len(ENTRIES) + number,
                    "month": dates[at[0]],
                    "debit": account(debit),
                    "credit": account(credit),
                    "fen": moved[at],
                    "cause": cause,
                    "home": words[1][place[1]],
                    "host": words[2][place[2]],
                    "scheme": words[0][place[0]],
                }
            )
        )
    table = pd.concat(tables, ignore_index=True).sort_values("order", kind="stable", ignore_index=True)
    table.insert(0, "entry", np.arange(1, len(table) + 1))
    return table.drop(columns="order")


def account_balances(books: Books) -> pd.DataFrame:
    """Return the balance of every account at the end of each month: columns account, month, fen; debit positive."""
    dates = months(books)
    tables = []
    for kind, balance in ledger.balances(books.moves).items():
        names = _names(books, kind).ravel()
        by_account = balance.reshape(len(dates), -1)
        tables.append(
            pd.DataFrame(
                {"account": np.repeat(names, len(dates)), "month": dates * len(names), "fen": by_account.T.ravel()}
            )
        )
    return pd.concat(tables, ignore_index=True)


def trial_balance(books: Books, table: pd.DataFrame) -> pd.DataFrame:
    """Return each account's opening, debits, credits and closing of the whole span, fen; the closings sum to 0."""
    accounts = [name for kind in ACCOUNTS for name in _names(books, kind).ravel()]
    opens = table.month == months(books)[0]

    def total(rows: pd.DataFrame, side: str) -> Any:
        return rows.groupby(side).fen.sum().reindex(accounts, fill_value=0).to_numpy()

    opening = total(table[opens], "debit") - total(table[opens], "credit")
    debit, credit = (total(table[~opens], side) for side in ("debit", "credit"))
    columns = {"account": accounts, "opening": opening, "debit": debit, "credit": credit}
    return pd.DataFrame(columns | {"closing": opening + debit - credit})


CAUSES_ZH = {
    "opening_balance": "期初结余",
    "opening_prepayment": "期初预付金",
    "opening_due": "期初待清算",
    "opening_hospital": "期初应付医院",
    "opening_claims": "期初待报销",
    "income": "基金收入",
    "local_care": "本地医疗费用",
    "local_paid": "支付本地费用",
    "claim": "手工报销申请",
    "claim_paid": "手工报销支付",
    "direct": "直接结算",
    "collected": "省级归集",
    "cleared": "清算划拨",
    "borne": "清算列支",
    "prepaid": "拨付预付金",
    "hospital_paid": "支付医院",
    "returned": "退回预付金",
    "refunded": "退回统筹区",
    "interest": "利息",
}
"""Causes of entries in Chinese."""


def workbook(table: pd.DataFrame, trial: pd.DataFrame) -> bytes:
    """Return an XLSX workbook of the scenarios' own books that an accountant can check with its formulas.

    Sheets: the journal summed by month, cause and accounts per area, yuan; the trial balance per kind of account and
    area, each side a formula over that journal beside the stated amount, and their difference.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    own = table[table.side == SIDES[1]]
    areas = own.assign(
        debit=own.debit.str.split("/").str[0],
        credit=own.credit.str.split("/").str[0],
        area=own.home.where(own.home != "", own.host),
    )
    keys = ["scenario", "month", "cause", "debit", "credit", "area"]
    summed = areas.groupby(keys, sort=True).fen.sum().reset_index()
    sheet = book.create_sheet("journal 分录汇总")
    sheet.append(["scenario", "month", "cause", "摘要", "debit 借", "credit 贷", "area 地区", "yuan 元"])
    for of, month, cause, debit, credit, area, fen in summed.to_numpy().tolist():
        sheet.append([of, month, cause, CAUSES_ZH[cause], debit, credit, area, fen / FEN])
    last = len(summed) + 1
    stated = trial[trial.side == SIDES[1]]
    words = stated.account.str.split("/")
    stated = stated.assign(kind=words.str[0], area=words.str[1])
    stated = stated.groupby(["scenario", "kind", "area"], sort=True).closing.sum().reset_index()
    sheet = book.create_sheet("trial balance 试算平衡")
    heads = ["debits 借方", "credits 贷方", "closing 余额", "stated 账载余额", "difference 差额"]
    sheet.append(["scenario", "account 科目", "area 地区", *heads])
    name = "'journal 分录汇总'"
    for at, (of, kind, area, fen) in enumerate(stated.to_numpy().tolist(), 2):
        sides = [
            f"=SUMIFS({name}!$H$2:$H${last},{name}!$A$2:$A${last},A{at},{name}!${column}$2:${column}${last},B{at},"
            f"{name}!$G$2:$G${last},C{at})"
            for column in "EF"
        ]
        sheet.append([of, kind, area, *sides, f"=D{at}-E{at}", fen / FEN, f"=ROUND(F{at}-G{at},2)"])
    end = len(stated) + 1
    sheet.append(["", "sum 合计", "", *(f"=SUM({c}2:{c}{end})" for c in "DEFGH")])
    buffer = io.BytesIO()
    book.save(buffer)
    return _undated(buffer)


def _undated(buffer: io.BytesIO) -> bytes:
    """Return a workbook without the time at which it was made: the same run gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
