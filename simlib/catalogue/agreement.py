"""Two or more item lists side by side on one day: where they differ, and how much of a bill that touches."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from simlib.catalogue.itemlists import NONE, UNLISTED, ItemList
from simlib.errors import BadInputError, Fault, shown
from simlib.files import texts
from simlib.files.texts import said
from simlib.files.words import plain
from simlib.terms import CATEGORIES, PPM

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Aligned:
    """Several item lists side by side on one day: a row each list, a column each code on any of them.

    The price of an item is taken to be the highest ceiling on any of the lists, one fen where none has one.

    Attributes
    ----------
    code, name, category : of the first list that has the code, (n,)
    present : whether a list has the code, (list, n); where not, class is unlisted, share 0 and ceiling none
    cls, share, ceiling, unit : as in `ItemList`, (list, n)
    price : fen, (n,)
    one_category, one_unit : whether the lists that have an item agree on its category, and those that cap it on the
        unit, (n,); what they do not agree on is not compared
    """

    code: Array
    name: Array
    category: Array
    present: Array
    cls: Array
    share: Array
    ceiling: Array
    unit: Array
    price: Array
    one_category: Array
    one_unit: Array

    @property
    def comparable(self) -> Array:
        """Return which items can be compared, (n,)."""
        return np.asarray(self.one_category & self.one_unit)

    def within(self) -> Array:
        """Return how much of an item's price is within the ceiling of each list, fen, (list, n)."""
        return np.where(self.ceiling == NONE, self.price, np.minimum(self.price, self.ceiling))

    def payable(self) -> Array:
        """Return what each list makes eligible of an item at its price, ppm of a fen, int64, (list, n)."""
        return np.where(self.cls == UNLISTED, 0, self.within() * (PPM - self.share))

    def eligible(self) -> npt.NDArray[np.float64]:
        """Return the eligible share of one yuan spent on each item on each list, (list, n)."""
        return np.asarray(self.payable() / (self.price * float(PPM)))

    def parts(self, items: Array) -> npt.NDArray[np.float64]:
        """Return what each list leaves of one yuan spent on some items, whole ppm summing to 1e6, (list, item, 4).

        Unlisted, over ceiling, self-pay, eligible; a part of a ppm over the ceiling counts as a whole one.
        """
        over = PPM - np.floor(self.within()[:, items] / self.price[items] * PPM)
        self_pay = np.rint((PPM - over) * (self.share[:, items] / PPM))
        parts = np.stack([np.zeros_like(over), over, self_pay, PPM - over - self_pay], axis=-1)
        parts[self.cls[:, items] == UNLISTED] = (PPM, 0, 0, 0)
        return parts


@lru_cache(maxsize=8)
def align(lists: tuple[ItemList, ...], on: datetime.date | None) -> Aligned:
    """Return item lists side by side as valid on a day, or in their latest periods; codes in alphabetical order."""
    rows = [one.rows(on) for one in lists]
    codes = sorted(set().union(*rows))
    at = np.array([[row.get(code, NONE) for code in codes] for row in rows], dtype=np.int64).reshape(len(lists), -1)
    present = at >= 0

    def side(name: str, missing: Any) -> Array:
        found = [np.where(row >= 0, getattr(one, name)[row], missing) for one, row in zip(lists, at, strict=True)]
        return np.array(found).reshape(at.shape)

    first = present.argmax(axis=0), np.arange(len(codes))
    ceiling, category = side("ceiling", NONE), side("category", NONE)
    units = np.vectorize(lambda unit: plain(unit).casefold(), otypes=[object])(side("unit", ""))
    capped = ceiling != NONE
    return Aligned(
        code=np.array(codes, dtype=object),
        name=side("name", "")[first],
        category=category[first],
        present=present,
        cls=side("cls", UNLISTED),
        share=side("share", 0),
        ceiling=ceiling,
        unit=side("unit", ""),
        price=np.maximum(ceiling.max(axis=0), 1),
        one_category=_alike(category, present),
        one_unit=_alike(units, capped),
    )


def _alike(values: Array, counted: Array) -> Array:
    """Return in which columns the values that count are all the same, (n,).

    >>> _alike(np.array([["box", "bag"], ["box", "box"]]), np.array([[True, True], [True, True]])).tolist()
    [True, False]
    """
    if not values.size:
        return np.ones(values.shape[1], dtype=bool)
    number = np.unique(values.astype(str), return_inverse=True)[1].reshape(values.shape)
    least, most = np.where(counted, number, number.max()), np.where(counted, number, 0)
    return np.asarray((most.max(axis=0) <= least.min(axis=0)) | ~counted.any(axis=0))


def check_zeros(lists: Sequence[ItemList]) -> None:
    """Refuse lists of which one has lost zeros in front of codes that another has.

    Raises
    ------
    BadInputError : with the number of such codes and one of them, for each list that has lost some.
    """
    every = {code for one in lists for code in one.code.tolist()}
    padded = {code.lstrip("0"): code for code in every if code.startswith("0")}
    faults = []
    for one in lists:
        lost = [code for code in dict.fromkeys(one.code.tolist()) if code in padded and not code.startswith("0")]
        if lost:
            line = 2 + int(np.flatnonzero(one.code == lost[0])[0])
            found = f"{len(lost):,} codes without the zeros in front that another list has, {shown(lost[0])} for"
            remedy = f"{shown(padded[lost[0]])}. Take the list from its original, the codes read in as text."
            faults.append(Fault(one.path, line, 1, f"code: {found} {remedy}"))
    if faults:
        raise BadInputError(*faults)


FEW = 0.5
"""Share of codes below which two lists hardly share any, and of a list's codes below which few are valid."""


def joined(lists: Sequence[ItemList], on: datetime.date) -> list[str]:
    """Return what is odd about lists that are read together on a day: for each list and category, with the numbers.

    Few codes valid, a category without any, few codes that another list has too, and items left out since the lists
    call them by another category or cap them by another unit.
    """
    found = [words for one in lists for words in _odd(one, [other for other in lists if other is not one], on)]
    both = align(tuple(lists), on)
    for out, what in ((~both.one_category, "stand in two categories"), (~both.one_unit, "are capped by two units")):
        if out.any():
            example = shown(both.code[out][0])
            found.append(f"{int(out.sum()):,} codes {what}, {example} for one: left out, as nothing can be compared.")
    return found


def _odd(one: ItemList, others: Sequence[ItemList], on: datetime.date) -> Iterator[str]:
    """Yield what is odd about one list beside others on a day, category by category."""
    rows = one.rows(on)
    valid = {name: {code for code, i in rows.items() if one.category[i] == c} for c, name in enumerate(CATEGORIES)}
    elsewhere = {code for other in others for code in other.rows(on)}
    for c, (name, codes) in enumerate(valid.items()):
        every, shared = len(set(one.code[one.category == c].tolist())), len(codes & elsewhere)
        if not codes:
            yield f"{one.path}: no {name} is valid on {on}: its list of them stays synthetic."
        elif len(codes) < FEW * every:
            yield f"{one.path}: {len(codes):,} of {every:,} {name} codes are valid on {on}; others count as unlisted."
        if codes and others and shared < FEW * len(codes):
            found = f"{shared:,} of {len(codes):,} {name} codes are on another list too; others count as unlisted there"
            yield f"{one.path}: {found}. Are the codes of one edition?"


@dataclass(frozen=True)
class Comparison:
    """Two item lists compared: `rows` by category and for all, `items` that differ, what is assumed and weighed.

    Items in two categories, or capped by two units, are counted and listed, and weigh nothing.

    Rows have category; codes on_a, on_b, both, only_a, only_b; among both class_differs, share_differs,
    ceiling_differs, unit_differs, category_differs, not_compared; and by weight eligible_a, eligible_b, mean_difference
    (absolute, of the eligible share of one yuan) and mismatch (share of weight on items whose payable part differs),
    None where nothing weighs. Items have code, name, category, differs (words), eligible_a, eligible_b (None if not
    compared), yuan (None without spending): the largest difference by weight first.
    """

    rows: tuple[dict[str, Any], ...]
    items: tuple[dict[str, Any], ...]
    assumed: str
    weights: str


def compare(
    a: ItemList, b: ItemList, on: datetime.date | None = None, spend: Mapping[str, float] | None = None
) -> Comparison:
    """Return how two item lists differ on a day (by default in their latest periods).

    Parameters
    ----------
    spend : yuan by code, the weight of each item; without it every item weighs the same.

    Raises
    ------
    BadInputError : one of the lists has no item on that day, or has lost the zeros in front of codes.
    """
    for one in (a, b):
        if not one.rows(on):
            raise BadInputError(f"{one.path}: no item is valid on {on}. Name another day, or none for the latest.")
    check_zeros((a, b))
    both = align((a, b), on)
    if spend is None:
        weight = np.ones(len(both.code))
        weights = _both("alike")
    else:
        weight = np.array([float(spend.get(code, 0)) for code in both.code])
        total, used = sum(spend.values()), float(weight.sum())
        weights = f"{_both('spending')}: {said('compare.spent', 'en', f'{used:,.2f}', f'{total:,.2f}')}"
    differs, weight = _differences(both), np.where(both.comparable, weight, 0.0)
    wanted = [(name, both.category == i) for i, name in enumerate(CATEGORIES)]
    rows = [_row(name, chosen, both, differs, weight) for name, chosen in (*wanted, ("all", both.category >= 0))]
    items = tuple(_items(both, differs, weight, spend is not None))
    return Comparison(tuple(rows), items, _both("assumed.price"), weights)


def _differences(both: Aligned) -> dict[str, Array]:
    """Return where two lists differ, and in what, (n,) each."""
    on = both.present.all(axis=0)
    differs = {"only_a": both.present[0] & ~on, "only_b": both.present[1] & ~on}
    pairs = {"class": both.cls, "share": both.share, "ceiling": both.ceiling, "unit": both.unit}
    differs |= {name: on & (pair[0] != pair[1]) for name, pair in pairs.items()}
    return differs | {"category": on & ~both.one_category, "unit": on & (~both.one_unit | differs["unit"])}


def _row(name: str, chosen: Array, both: Aligned, differs: Mapping[str, Array], weight: Array) -> dict[str, Any]:
    """Return one row of a comparison: some of the codes, counted and weighed."""
    eligible, payable = both.eligible()[:, chosen], both.payable()[:, chosen]
    weighs = weight[chosen]
    total = float(weighs.sum())

    def mean(values: Array) -> float | None:
        return float((weighs * values).sum() / total) if total > 0 else None

    present = both.present[:, chosen]
    counts = {"on_a": present[0], "on_b": present[1], "both": present.all(axis=0)}
    counts |= {key if key[:4] == "only" else f"{key}_differs": flags[chosen] for key, flags in differs.items()}
    counts["not_compared"] = ~both.comparable[chosen]
    return {
        "category": name,
        **{key: int(flags.sum()) for key, flags in counts.items()},
        "eligible_a": mean(eligible[0]),
        "eligible_b": mean(eligible[1]),
        "mean_difference": mean(np.abs(eligible[0] - eligible[1])),
        "mismatch": mean(payable[0] != payable[1]),
    }


def _items(both: Aligned, differs: Mapping[str, Array], weight: Array, spent: bool) -> Iterator[dict[str, Any]]:
    """Yield the codes that differ in anything, the largest difference by weight first."""
    eligible = both.eligible()
    size = weight * np.abs(eligible[0] - eligible[1])
    some = np.flatnonzero(np.any(list(differs.values()), axis=0))
    for i in some[np.argsort(-size[some], kind="stable")].tolist():
        yield {
            "code": both.code[i],
            "name": both.name[i],
            "category": CATEGORIES[both.category[i]],
            "differs": [name for name, flags in differs.items() if flags[i]],
            "eligible_a": float(eligible[0, i]) if both.comparable[i] else None,
            "eligible_b": float(eligible[1, i]) if both.comparable[i] else None,
            "yuan": float(weight[i]) if spent else None,
        }


def text(a: ItemList, b: ItemList, date: datetime.date | None, comparison: Comparison, most: int) -> str:
    """Return a comparison of two lists as text, its `most` largest differing items last."""
    lines = [f"{name}  {one.path}  sha256 {one.sha256[:16]}" for name, one in (("A", a), ("B", b))]
    day = date or texts.both("compare.latest", "en", "zh")
    for head, what in (("date", day), ("weights", comparison.weights), ("assumed", f"{comparison.assumed}\n")):
        lines.append(f"{_both(head):12}{what}")
    cells = [[_both(key), *(_cell(row[key]) for row in comparison.rows)] for key in list(comparison.rows[0])[1:]]
    heads = ["", *(_both(f"column.{row['category']}") for row in comparison.rows)]
    lines.append(_aligned([heads, *cells], right=True))
    total = len(comparison.items)
    lines.append(f"\n{_both('items')}: {total:,}, the {min(most, total):,} largest first")
    items = [
        [one["code"], one["name"], ", ".join(one["differs"]), _cell(one["eligible_a"]), _cell(one["eligible_b"])]
        for one in comparison.items[:most]
    ]
    table = _aligned([[*map(_both, ("code", "name", "differs")), "A, %", "B, %"], *items])
    return "\n".join([*lines, *([table] if items else [])])


def _both(name: str) -> str:
    """Return words of a comparison in both languages."""
    return texts.both(f"compare.{name}", "zh", "en")


def _cell(value: float | None) -> str:
    """Return a count, or a share in percent, as printed; a dash where nothing weighs."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{100 * value:.2f}"


def _aligned(rows: Sequence[Sequence[str]], right: bool = False) -> str:
    """Return rows as a table; all but the first column to the right, if asked. Chinese takes two columns a sign."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        blanks = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        padded = [
            blank + cell if right and i else cell + blank
            for i, (cell, blank) in enumerate(zip(row, blanks, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
