"""Golden runs: a number here changes only in a commit that says why.

To renew after such a change: python tests/study/test_golden.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from simlib.scenario import scenario
from simlib.study import experiment, results
from simlib.study.effects import CONTRACT

HERE = Path(__file__).parents[1]
NAMES = ("delta_mutual_recognition", "jing_jin_ji_mutual_recognition")


def effects(name: str) -> pd.DataFrame:
    of = scenario.load(HERE.parent / "scenarios" / f"{name}.yaml")
    table = results.of_runs(experiment.repeat([of], draws=3, seed=7, people=8_000)).effects[CONTRACT]
    return table[table.group.str.startswith("pairs=changed") | table.group.isin(["all", "kind=inpatient"])]


@pytest.mark.parametrize("name", NAMES)
def test_effects_are_what_they_were(name: str) -> None:
    golden = pd.read_csv(HERE / "golden" / f"{name}.csv")
    pd.testing.assert_frame_equal(effects(name).reset_index(drop=True), golden, check_exact=False, rtol=1e-9)


if __name__ == "__main__":
    for renewed in NAMES:
        effects(renewed).to_csv(HERE / "golden" / f"{renewed}.csv", index=False, float_format="%.15g")
