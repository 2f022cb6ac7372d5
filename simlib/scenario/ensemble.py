"""The parameter draws that a fit left: which candidates, and what the first of them came to when they were fitted."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from simlib.errors import BadInputError, Fault, shown
from simlib.files import documents
from simlib.files.facts import write_whole
from simlib.files.shapes import Frozen

MAX_BYTES = 1_000_000
REFIT = "Fit again: simlib fit ROOT.yaml."

Sha = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class MadeWith(Frozen):
    """Hashes of all that a fit stands on."""

    rules: Sha
    data: Sha
    root: Sha
    anchors: Sha


class Ensemble(Frozen):
    """Candidates of a Latin hypercube that a fit kept, each as likely; `read` makes one.

    Attributes
    ----------
    fitted_to : last year of which a target was read. seed, candidates : name the hypercube. effective : number of
    independent draws that the weights leave. cut : share of the weights that falls away because no candidate is kept
    twice. members : numbers of the kept candidates, all distinct.
    probe : solved constants of the first member. anchors : name of the user's own table of calibration targets, if any.
    made_with : what the fit stood on.
    path, sha256 : of the file.
    """

    format: Literal["simlib ensemble 1"] = "simlib ensemble 1"
    fitted_to: Annotated[int, Field(ge=2000, le=2100)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    candidates: Annotated[int, Field(ge=2, le=10**6)]
    effective: Annotated[float, Field(gt=0)]
    cut: Annotated[float, Field(ge=0, le=1)]
    members: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2, max_length=10**5)]
    probe: tuple[float, ...]
    anchors: str | None = None
    made_with: MadeWith
    path: Annotated[str, Field(exclude=True)] = ""
    sha256: Annotated[str, Field(exclude=True)] = ""

    def member(self, seed: int, draw: int) -> int:
        """Return the candidate that a draw of a run takes: a seed shuffles the members.

        Raises
        ------
        BadInputError : more draws than members.
        """
        from simlib.randomness import MEMBERS, permutation  # compiled, which a check of a file does not wait for

        if draw >= len(self.members):
            most = f"{Path(self.path).name} has {len(self.members)} members"
            raise BadInputError(f"--draws {draw + 1}: {most}. Ask for at most {len(self.members)}.")
        return self.members[int(permutation(len(self.members), MEMBERS, seed)[draw])]


def write(path: Path, ensemble: Ensemble) -> None:
    """Write an ensemble whole, with the hash of its content."""
    content = ensemble.model_dump(mode="json")
    write_whole(path, (json.dumps({"sha256": _digest(content), **content}, indent=1) + "\n").encode())


def read(path: Path) -> Ensemble:
    """Return the ensemble of a file.

    Raises
    ------
    BadInputError : the file is missing, larger than 1 MB, foreign, or not as `simlib fit` wrote it.
    """
    raw = documents.content(path, MAX_BYTES, "JSON", "Is it an ensemble?")
    return _parsed(str(path), raw)


@lru_cache(maxsize=8)
def _parsed(path: str, raw: bytes) -> Ensemble:
    """Return the ensemble that the bytes of a file hold."""

    def refuse(message: str) -> BadInputError:
        return BadInputError(Fault(path, 1, 1, f"{message} {REFIT}"))

    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise refuse(f"not JSON ({error}).") from None
    if not isinstance(content, dict) or content.get("format") != Ensemble.model_fields["format"].default:
        raise refuse("not an ensemble of this version of simlib.")
    written = content.pop("sha256", None)
    try:
        found = Ensemble.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise refuse(f"{where}: {shown(first['input'])}: {first['msg']}.") from None
    if written != _digest(content):
        raise refuse("altered since it was written: its hash differs.")
    if max(found.members) >= found.candidates:
        raise refuse(f"members: {max(found.members)} is no candidate: they are numbered below {found.candidates}.")
    return found.model_copy(update={"path": path, "sha256": hashlib.sha256(raw).hexdigest()})


def _digest(content: dict[str, object]) -> str:
    """Return the SHA-256 of an ensemble's content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
