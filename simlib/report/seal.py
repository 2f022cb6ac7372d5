"""A seal by which a report says which of its lines was altered."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Sequence
from typing import Any

START, END = '<script type="application/json" id="seal">', "</script>"
"""What encloses the seal: one line, which holds the hash of every other line and of itself."""
DIGITS = 12
"""Hexadecimal digits kept of a line's hash."""
LONGEST = 160
MOST = 20


def sealed(document: str, about: dict[str, str]) -> str:
    r"""Return an HTML document with its seal before the end of the body; `about` says what it was made from.

    >>> opened(sealed("<p>1</p>\n</body>\n", {"run": "x"}))["run"]
    'x'
    """
    lines = document.split("\n")
    at = lines.index("</body>")
    content = about | {"lines": [_hash(line) for line in lines]}
    content["seal"] = _hash(json.dumps(content), 64)
    return "\n".join([*lines[:at], START + json.dumps(content) + END, *lines[at:]])


def opened(document: str) -> dict[str, Any] | None:
    """Return what the seal of a document says, None if it has none that can be read."""
    found = [line for line in document.split("\n") if line.startswith(START) and line.endswith(END)]
    try:
        content = json.loads(found[0][len(START) : -len(END)]) if len(found) == 1 else None
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def altered(document: str) -> list[tuple[int, str]]:
    r"""Return each line that is not as it was sealed, and what is wrong with it; empty if the document is as made.

    >>> whole = sealed("<p>1</p>\n</body>\n", {})
    >>> altered(whole), altered(whole.replace("<p>1", "<p>2"))
    ([], [(1, 'altered, now: <p>2</p>')])
    """
    content = opened(document)
    if content is None:
        return [(1, "has no seal: no report of simlib, or its last lines were altered")]
    content = dict(content)
    own, lines = content.pop("seal", None), content.get("lines")
    if own != _hash(json.dumps(content), 64) or not isinstance(lines, list):
        at = next(i for i, line in enumerate(document.split("\n"), 1) if line.startswith(START))
        return [(at, "the seal itself was altered")]
    numbered = content_lines(document)
    return different([str(one) for one in lines], [_hash(line) for _, line in numbered], numbered)


def content_lines(document: str) -> list[tuple[int, str]]:
    """Return the lines of a document but for its seal, numbered from 1."""
    return [(i, line) for i, line in enumerate(document.split("\n"), 1) if not line.startswith(START)]


def different(
    expected: Sequence[str], found: Sequence[str], numbered: Sequence[tuple[int, str]]
) -> list[tuple[int, str]]:
    """Return where a sequence differs from the expected one, as line and what is wrong; `numbered` are its lines."""
    if list(expected) == list(found):
        return []
    faults = []
    for what, _, _, start, stop in difflib.SequenceMatcher(None, expected, found, autojunk=False).get_opcodes():
        if what == "delete":
            at = numbered[min(start, len(numbered) - 1)][0]
            faults.append((at, "lines that stood here are missing"))
        elif what != "equal":
            faults += [(i, f"{'altered, now' if what == 'replace' else 'added'}: {line[:LONGEST]}")
                       for i, line in numbered[start:stop]]  # fmt: skip
    return faults[:MOST]


def _hash(text: str, digits: int = DIGITS) -> str:
    """Return the first digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
