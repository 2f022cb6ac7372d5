"""Several scenarios as one: the changes of all, whatever the order; what two of them set differently is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simlib import cli
from simlib.errors import BadInputError
from simlib.files import shapes
from simlib.patients import areas
from simlib.scenario import scenario
from simlib.scenario.scenario import compile, load

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = "title: {zh: 题, en: Title}\nquestion: {zh: 问, en: Why}\n"
PLACE = areas.load("provinces")


def written(folder: Path, name: str, *changes: str, extends: str = "base.yaml", more: str = "") -> Path:
    """Write a scenario of 2024 with changes from line 6 on, beside a root."""
    (folder / "base.yaml").write_text(HEAD + "year: 2023\n", encoding="utf-8")
    lines = "".join(f"  - {{{change}}}\n" for change in changes)
    path = folder / f"{name}.yaml"
    text = f"extends: {extends}\n{HEAD}{more or 'year: 2024'}\n" + (f"changes:\n{lines}" if changes else "")
    path.write_text(text, encoding="utf-8")
    return path


def said(path: str | Path) -> list[str]:
    with pytest.raises(BadInputError) as raised:
        load(path)
    return [str(fault) for fault in raised.value.faults]


FREE = "from: 2024-01, where: {home: 安徽}, set: {filing.free: true}"
EITHER = "from: 2024-07, where: {home: 安徽}, set: {catalogue.rule.service: either}"


def test_a_composition_has_the_changes_of_both_in_any_order(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a", FREE), written(tmp_path, "b", EITHER)
    both, turned = load(f"{a}+b.yaml"), load(f"{b}+{a}")
    assert (both.name, both.path, both.year) == ("a+b", f"{a}+{b}", 2024)
    assert both.title.zh == "题" and [Path(path).name for path, _ in both.files()] == ["base.yaml", "a.yaml", "b.yaml"]
    one, other, together = (compile(of, PLACE) for of in (load(a), load(b), both))
    assert (together.values("filing.free") == one.values("filing.free")).all()
    assert (together.values("catalogue.rule.service") == other.values("catalogue.rule.service")).all()
    assert (together.touched == one.touched | other.touched).all()
    for mine, his in zip(together.arrays, compile(turned, PLACE).arrays, strict=True):
        assert (mine == his).all() or (mine != mine).all()
    assert scenario.reference(both) == scenario.reference(load(a))


def test_a_file_may_extend_a_composition_and_what_several_extend_counts_once(tmp_path: Path) -> None:
    written(tmp_path, "mother", FREE)
    written(tmp_path, "a", EITHER, extends="mother.yaml")
    written(tmp_path, "b", "from: 2024-03, set: {chronic.listed.stroke: true}", extends="mother.yaml")
    child = load(written(tmp_path, "child", "from: 2024-09, set: {filing.free: false}", extends="a.yaml+b.yaml"))
    assert [step.name for step in child.lineage()] == ["base", "mother", "a", "b", "a+b", "child"]
    free = compile(child, PLACE).values("filing.free")
    (anhui,) = PLACE.resolve("安徽")
    assert free[anhui, ..., :8].all() and not free[..., 8:].any()


@pytest.mark.parametrize(
    ("second", "clash"),
    [
        (FREE.replace("安徽", "yangtze-delta"), True),
        (FREE.replace("安徽", "上海"), False),
        (FREE.replace("from: 2024-01", "from: 2023-01, to: 2024-01"), True),
        (
            FREE.replace("from: 2024-01, where: {home: 安徽}", "from: 2024-02, where: {host: 北京, kind: pharmacy}"),
            True,
        ),
        (EITHER, False),
    ],
)
def test_two_changes_of_one_lever_for_one_place_kind_and_month_are_refused_with_both_lines(
    second: str, clash: bool, tmp_path: Path
) -> None:
    a, b = written(tmp_path, "a", EITHER.replace("安徽", "北京"), FREE), written(tmp_path, "b", second)
    if not clash:
        assert load(f"{a}+{b}").name == "a+b"
        return
    (fault,) = said(f"{a}+{b}")
    column = second.index("filing.free") + 6
    what = f"filing.free: also set in {a} line 7 for the same place and month."
    assert fault == f"{b}:6:{column}: {what} Limit one of them by place or date, or leave one out."
    written(tmp_path, "child", extends="a.yaml+b.yaml")
    assert said(tmp_path / "child.yaml") == [fault]


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a", FREE), written(tmp_path, "b", EITHER, more="year: 2025")
    assert said(f"{a}+{b}") == [
        f"{a}+{b}: a and b differ in year (2024 and 2025). Compose files of one year.",
    ]
    written(tmp_path, "b", EITHER, more="year: 2024\ngeography: delta")
    assert "differ in geography (provinces and delta)" in said(f"{a}+{b}")[0]
    assert said(f"{a}+{a}") == [f"{a}+{a}: a is part of the others already. Leave it out."]
    assert "base is part of the others already" in said(f"{a}+base.yaml")[0]
    (tmp_path / "other").mkdir()
    other = written(tmp_path / "other", "b", EITHER)
    (tmp_path / "other" / "base.yaml").write_text(f"{HEAD}year: 2023\n# another\n", encoding="utf-8")
    assert "a and b differ in root. Compose files that extend the same root." in said(f"{a}+{other}")[0]
    assert said(f"{a}+nowhere.yaml")[0].startswith(f"{tmp_path}/nowhere.yaml:1:1: no such file")
    child = written(tmp_path, "child", extends="a.yaml+../b.yaml")
    assert said(child)[0].startswith(f"{child}:1:10: extends: ../b.yaml leaves the folder")
    child = written(tmp_path, "child", extends="a.yaml+child.yaml")
    assert "goes in a circle" in said(child)[0]
    child = written(tmp_path, "child", extends="a.yaml+a.yaml")
    assert said(child) == [f"{child}:1:10: extends: a is part of the others already. Leave it out."]


def test_a_source_is_inherited_and_joined(tmp_path: Path) -> None:
    source = "year: 2024\nsource: {{zh: 文件{0}, en: Document {0}}}"
    a = written(tmp_path, "a", FREE, more=source.format(1))
    b = written(tmp_path, "b", EITHER, more=source.format(2))
    assert load(written(tmp_path, "child", extends="a.yaml")).source == load(a).source
    asked = [{"question": shapes.Text(zh=zh, en=en)} for zh, en in (("甲？", "A?"), ("乙？", "B?"))]
    both_asked = scenario.compose([load(of).model_copy(update=text) for of, text in zip((a, b), asked, strict=True)])
    assert (both_asked.question.zh, both_asked.question.en) == ("甲？乙？", "A? B?")
    both = load(f"{a}+{b}").source
    assert both is not None and (both.zh, both.en) == ("文件1；文件2", "Document 1; Document 2")
    assert "source" in said(written(tmp_path, "c", FREE, more="year: 2024\nsource: a document"))[0]


def test_the_list_says_title_question_geography_and_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", str(SCENARIOS)]) == 0
    printed = capsys.readouterr().out
    assert cli.main(["list", str(SCENARIOS), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
    checks = {"baseline", "no_change", "synthetic_lists", "late_clearing_henan"}  # proposed by no document
    for row in rows:
        assert (row["source"] is None) == (row["name"] in checks), row["name"]
        assert row["title"]["zh"] in printed and row["question"]["en"] in printed and row["file"] in printed
        assert row["geography"] in areas.GEOGRAPHIES


def test_a_folder_that_is_none_or_holds_faults_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", str(tmp_path / "nowhere")]) == 2 and "no such folder" in capsys.readouterr().err
    assert cli.main(["list", str(tmp_path)]) == 2 and "no scenario file" in capsys.readouterr().err
    written(tmp_path, "good", FREE)
    written(tmp_path, "wrong", FREE.replace("true", "maybe"))
    assert cli.main(["list", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert "good.yaml" in captured.out and "wrong.yaml:6:" in captured.err


def test_a_composition_is_run_and_checked_like_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = f"{SCENARIOS / 'delta_mutual_recognition.yaml'}+filing_free_delta.yaml"
    assert cli.main(["check", package]) == 0
    assert cli.main(["run", package, "--draws", "2", "--people", "1000", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "Sets filing.free" in printed and "Sets catalogue.rule.service" in printed
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    read = {Path(name).stem for name in manifest["scenarios_sha256"]}
    assert {"baseline", "delta_mutual_recognition", "filing_free_delta"} <= read and len(manifest["documents"]) == 1
