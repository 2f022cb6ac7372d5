"""How field files write one value: a word, number, share, day or code, and what it means. One reader for all files."""

from __future__ import annotations

import csv
import datetime
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from simlib.errors import did_you_mean, hidden, kind_of, shown

MAX_CELL = 500

UNITS = {"元": 1, "万元": 10**4, "亿元": 10**8}
"""Units of money that a header may state in brackets, in yuan."""

_NUMBER = re.compile(r"([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})?(?:\.([0-9]{1,15}))?", re.ASCII)
_MONEY = re.compile(r"^(?:¥|rmb|cny)\s*|\s*(?:元|yuan)$", re.IGNORECASE)
_DAY = re.compile(r"([0-9]{4})(?:[-/.年]([0-9]{1,2})(?:[-/.月]([0-9]{1,2})日?|月)?|([0-9]{2})([0-9]{2}))", re.ASCII)
_MIDNIGHT = re.compile(r"[ T]0{1,2}:00(?::00(?:\.0+)?)?$")
_SERIAL = re.compile(r"[1-9][0-9]{4}", re.ASCII)
_CUT = re.compile(r"[0-9](?:\.[0-9]+)?E\+[0-9]+", re.ASCII)
_FLOAT = re.compile(r"([0-9]+)\.0+", re.ASCII)
_FORMULA = re.compile(r'="(.*)"')
EXACT_DIGITS = 15
"""Digits of a number that a spreadsheet keeps."""


@cache
def _words() -> dict[tuple[str, str], str]:
    """Return what a word means, by what it is of and the word."""
    rows = csv.DictReader((files("simlib.files") / "words.csv").read_text(encoding="utf-8").splitlines(), strict=True)
    return {(row["what"], row["word"]): row["means"] for row in rows}


def plain(cell: str) -> str:
    r"""Return a cell as it is meant: full-width signs made plain, blanks and invisible signs around it gone.

    >>> plain("　１２\u200b"), plain("\ufeffcode ")
    ('12', 'code')
    """
    return bare(unicodedata.normalize("NFKC", cell))


def bare(text: str) -> str:
    """Return a text without blanks and invisible signs around it."""
    start, stop = 0, len(text)
    while start < stop and _unseen(text[start]):
        start += 1
    while stop > start and _unseen(text[stop - 1]):
        stop -= 1
    return text[start:stop]


def _unseen(character: str) -> bool:
    """Return whether a character is a blank, a control or a format sign."""
    return unicodedata.category(character) in ("Cf", "Cc", "Zs", "Zl", "Zp")


def meaning(what: str, cell: str) -> str:
    """Return the word that a cell stands for, the plain cell itself if it is none of `words.csv`.

    >>> meaning("class", "丙类"), meaning("column", "医保目录编码"), meaning("scheme", "employee")
    ('unlisted', 'code', 'employee')
    """
    word = plain(cell)
    return _words().get((what, word.casefold()), word)


def choice(what: str, cell: str, known: Sequence[str]) -> int:
    """Return the index of a word that is known, in English or as field files say it; ValueError with the likely fix."""
    word = meaning(what, cell)
    word = next((one for one in known if one.casefold() == word.casefold()), word)
    if word not in known:
        raise ValueError(f"{f'found {kind_of(cell)}' if cell else 'is empty'}. {did_you_mean(cell, known)}")
    return list(known).index(word)


def column(cell: str) -> tuple[str, int]:
    """Return the column that a cell of a header names, and the yuan of its unit, 1 where it states none.

    >>> column("基金收入（万元）"), column("Code "), column("先行自付比例")
    (('income', 10000), ('code', 1), ('share', 1))
    """
    head, bracket, unit = plain(cell).partition("(")
    unit = unit.rstrip(")").removeprefix("单位:")
    if not bracket or unit not in UNITS:
        return meaning("column", plain(cell).casefold()), 1
    return meaning("column", head.casefold()), UNITS[unit]


def text(cell: str) -> int:
    """Return 0 for a text fit to print; ValueError otherwise."""
    if not cell:
        raise ValueError("is empty. Fill it in.")
    if len(cell) > MAX_CELL:
        raise ValueError(f"{len(cell)} characters. At most {MAX_CELL}: shorten it.")
    if not cell.isprintable() and (character := hidden(cell)):
        raise ValueError(f"a line break or hidden character (U+{ord(character):04X}). Delete it.")
    return 0


def code(cell: str) -> str:
    r"""Return the code that a cell holds: one form of what is the same code; ValueError where digits were lost.

    Full-width signs, case, blanks, invisible signs, kinds of dashes, a leading quote, `="…"` and a ".0" behind a whole
    number make no other code.

    >>> code("c14 010\u00a0"), code('="0011"'), code("'0011"), code("１１０２．０"), code("0011–22")
    ('C14010', '0011', '0011', '1102', '0011-22')
    """
    folded = unicodedata.normalize("NFKC", cell)
    folded = "".join(
        "-" if unicodedata.category(sign) == "Pd" or sign == "\u2212" else sign for sign in folded if not _unseen(sign)
    )
    folded = folded.upper()
    if formula := _FORMULA.fullmatch(folded):
        folded = formula[1]
    folded = folded.lstrip("'`‘’")
    number = _FLOAT.fullmatch(folded)
    if _CUT.fullmatch(folded) or (number and len(number[1]) > EXACT_DIGITS):
        raise ValueError(
            f"{shown(cell)}: a spreadsheet has cut this code to {EXACT_DIGITS} digits, which no format brings back. "
            "Take the codes from the original file, read in as text."
        )
    return number[1] if number else folded


def absent(cell: str) -> bool:
    """Return whether a cell says that there is nothing: empty, or a word such as 无 or a stroke."""
    return not cell or ("none", plain(cell)) in _words()


def number(cell: str) -> str:
    """Return a number as digits and a point; ValueError if it is none.

    >>> number("￥1,200.50元"), number("０.１"), number(".5")
    ('1200.50', '0.1', '0.5')
    """
    digits = _MONEY.sub("", plain(cell)).replace(" ", "")
    found = _NUMBER.fullmatch(digits)
    if found is None or not (found[1] or found[2]):
        if digits.startswith("-") and _NUMBER.fullmatch(digits[1:]):
            raise ValueError(f"{shown(cell)} is below 0, the least allowed.")
        raise ValueError(f"{f'found {kind_of(cell)}' if cell else 'is empty'}. Write a plain number, 0.15 or 1200.")
    whole = (found[1] or "0").replace(",", "")
    return f"{whole}.{found[2]}" if found[2] else whole


def amount(cell: str, places: int, most: int, times: int = 1) -> int:
    """Return a decimal number of at most so many places, times ten to that power and times a unit.

    >>> amount("12.50", 2, 100), amount("0.1", 6, 1), amount("5,605.4", 2, 10**9, 10**4)
    (1250, 100000, 5605400000)
    """
    whole, _, part = number(cell).partition(".")
    part = part.rstrip("0")
    places_left = places + len(str(times)) - 1
    if len(part) > places_left:
        raise ValueError(f"{shown(cell)} has {len(part)} decimals. At most {places_left}: round it.")
    value = int(whole + part.ljust(places_left, "0"))
    if value > most * 10**places:
        raise ValueError(f"{shown(cell)} is above {most}, the most allowed.")
    return value


def percents(cells: Sequence[str]) -> bool:
    """Return whether shares are written as percentages without a sign: some above 1, none between 0 and 1.

    >>> percents(["10", "0", "100"]), percents(["0.1", "10"]), percents(["10%", "0.1"])
    (True, False, False)
    """
    values = []
    for cell in dict.fromkeys(cells):
        try:
            values.append(float(number(cell)))
        except ValueError:
            continue
    return any(value > 1 for value in values) and not any(0 < value < 1 for value in values)


def share(cell: str, percent: bool) -> int:
    """Return a share in ppm; `percent` if the column is in percent, which a cell may also say itself.

    >>> share("10%", False), share("0.1", False), share("15", True)
    (100000, 100000, 150000)
    """
    said = plain(cell)
    if percent or said.endswith("%"):
        return amount(said.removesuffix("%").rstrip(), 4, 100)
    found = amount(cell, 6, 10**9)
    if found > 10**6:
        raise ValueError(f"{shown(cell)} is above 1, and others are shares. Write {shown(cell)}% or a share.")
    return found


def day(cell: str, empty: datetime.date, last: bool = False) -> int:
    """Return a day as its number in the calendar; nothing is the day given, a month its first day or its last.

    >>> days = "2024-03-01", "2024/3/1", "20240301", "2024年3月1日", "45352", "2024-03-01 00:00:00", "2024-03"
    >>> {day(one, datetime.date.min) for one in days} == {datetime.date(2024, 3, 1).toordinal()}
    True
    >>> datetime.date.fromordinal(day("2024-02", datetime.date.max, last=True)).isoformat()
    '2024-02-29'
    """
    if absent(cell):
        return empty.toordinal()
    said = _MIDNIGHT.sub("", plain(cell))
    if _SERIAL.fullmatch(said):
        return datetime.date(1899, 12, 30).toordinal() + int(said)
    if (found := _DAY.fullmatch(said)) is None or not (found[2] or found[4]):
        raise ValueError(f"found {kind_of(cell)}. Write a day as YYYY-MM-DD, such as 2024-07-01, or leave it empty.")
    year, month, of_month = int(found[1]), int(found[2] or found[4]), found[3] or found[5]
    try:
        if of_month:
            return datetime.date(year, month, int(of_month)).toordinal()
        first = datetime.date(year, month, 1)
        return ((first + datetime.timedelta(days=31)).replace(day=1).toordinal() - 1) if last else first.toordinal()
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(cell)}: no such day. Check month and day.") from None


def period(start: str, stop: str) -> tuple[str, str]:
    """Return the two ends of a period of which the first cell may hold both, as in 2024-01-01到2025-12-31.

    >>> period("2024-01-01到2025-12-31", ""), period("2024-01-01", "")
    (('2024-01-01', '2025-12-31'), ('2024-01-01', ''))
    """
    first, sign, second = next((parts for s in "到至~" if (parts := plain(start).partition(s))[1]), (start, "", ""))
    return (first, second) if sign and second and not stop else (start, stop)
