"""One patient's settlement sheet: what each layer saw, took and left, both ways, in Chinese and English."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from simlib.cases import SIDES, Case, Parts, Settlement, benefit_gap, check, price, yuan
from simlib.terms import FEN

NAMES = {
    "unlisted": ("目录外自费", "unlisted"),
    "over_ceiling": ("超限价自费", "over ceiling"),
    "self_pay_b": ("乙类先行自付", "self-pay B"),
    "self_pay_away": ("异地先行自付", "self-pay away"),
    "deductible": ("起付线", "deductible"),
    "coinsurance": ("比例自付", "coinsurance"),
    "above_cap": ("封顶线以上", "above cap"),
}
"""What the patient bears in each layer, in their order, in Chinese and English."""


def rows(case: Case) -> list[dict[str, Any]]:
    """Return both prices, a row for each layer: layer, zh, en; saw, took and left_direct, the same _claim, yuan.

    Each layer sees what the one before left; what the last one leaves is what the fund pays.
    """
    table: list[dict[str, Any]] = [{"layer": layer, "zh": zh, "en": en} for layer, (zh, en) in NAMES.items()]
    for side, list_ in SIDES.items():
        for row, step in zip(table, price(case, list_).steps(), strict=True):
            row |= {f"{word}_{side}": getattr(step, word) / FEN for word in ("saw", "took", "left")}
    return table


def shares(case: Case) -> list[dict[str, Any]]:
    """Return who bears what of the bill both ways, a row for each part: way (direct or claim), part, yuan.

    Parts are those of `rows` and the fund; they add up to the bill in each way.
    """
    return [
        {"way": side, "part": part, "yuan": getattr(price(case, list_), part) / FEN}
        for side, list_ in SIDES.items()
        for part in (*NAMES, "fund")
    ]


def as_json(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """Return each case with its parts, yuan, its layers as in `rows` and its unmet expectations."""
    return [
        case.model_dump(include={"name", "scheme", "tier", "source", "worked"})
        | {side: _parts(price(case, list_)) for side, list_ in SIDES.items()}
        | {"benefit_gap": benefit_gap(case) / FEN, "layers": rows(case), "unmet": check(case)}
        for case in cases
    ]


def _parts(settled: Settlement) -> dict[str, float]:
    """Return the bill and its parts, yuan."""
    return {name: getattr(settled, name) / FEN for name in ("bill", *Parts.model_fields)}


def main_text(cases: Iterable[Case]) -> str:
    """Return what a terminal shows: both prices of each case layer by layer, yuan, and the benefit gap."""
    return "\n\n".join("\n".join(_lines(case)) for case in cases)


def _lines(case: Case) -> Iterator[str]:
    """Yield the lines of one case."""
    yield case.name
    if case.source:
        yield f"  source: {case.source}"
    settled = [price(case, list_) for list_ in SIDES.values()]
    table = [["yuan", *(word for side in SIDES for word in (f"{side}: saw", "took", "left"))]]
    for steps in zip(*(one.steps() for one in settled), strict=True):
        amounts = [yuan(fen) for _, *step in steps for fen in step]
        table.append([" ".join(NAMES[steps[0].layer]), *amounts])
    sums = [yuan(fen) for one in settled for fen in (one.bill, one.patient, one.fund)]
    yield from _aligned([*table, ["合计 bill, patient, fund", *sums]])
    yield f"  待遇差 benefit gap: {yuan(benefit_gap(case))} (fund in direct settlement less fund by claim)"
    if case.worked:
        yield f"  worked: {case.worked}"


def _aligned(table: list[list[str]]) -> Iterator[str]:
    """Yield the rows of a table, the first column flush left, the others flush right."""
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    for first, *others in table:
        cells = [" " * (width - _width(cell)) + cell for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join(["", first + " " * (widths[0] - _width(first)), *cells])


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
