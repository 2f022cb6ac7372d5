"""The command line as a user meets it: what is printed, what is written, and what happens when something is wrong."""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simlib import cli, compiled
from simlib.files import facts
from simlib.study import experiment, folders
from simlib.study.effects import CONTRACT

ROOT = Path(__file__).parent.parent
DELTA = str(ROOT / "scenarios" / "delta_mutual_recognition.yaml")
CASES = str(ROOT / "tests" / "cases" / "gap.yaml")
LIST = str(ROOT / "scenarios" / "lists" / "synthetic_east.csv")
QUICK = ["--draws", "2", "--people", "5000"]


def run(*arguments: str, out: Path) -> int:
    return cli.main(["run", DELTA, *QUICK, "--out", str(out), *arguments])


def test_a_run_prints_its_answer_and_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(out=tmp_path / "a") == 0
    printed = capsys.readouterr().out
    assert "Mutual recognition" in printed and "fund payment, %" in printed
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(folders.NAMES)
    with (tmp_path / "a" / "effects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == CONTRACT
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text(encoding="utf-8"))
    assert all(facts.sha256(tmp_path / "a" / name) == sha for name, sha in manifest["tables_sha256"].items())
    assert manifest["seed"] == 0 and manifest["draws"] == 2 and len(manifest["rules_sha256"]) == 64
    assert any(name.endswith("baseline.yaml") for name in manifest["scenarios_sha256"])


def test_the_same_run_gives_the_same_bytes_on_any_number_of_jobs(tmp_path: Path) -> None:
    assert run("--jobs", "1", out=tmp_path / "1") == run("--jobs", "2", out=tmp_path / "2") == 0
    for name in folders.NAMES:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_a_run_gives_the_same_bytes_with_and_without_kept_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "folder", lambda: tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    assert run(out=tmp_path / "first") == run(out=tmp_path / "again") == 0
    found = len(list((tmp_path / "cache").rglob("*.json")))
    assert found in (4, 5), "two draws, their curves, and one of the fit where this process looks at it first"
    monkeypatch.setattr(compiled, "folder", lambda: None)
    assert run(out=tmp_path / "without") == 0
    for name in folders.NAMES:
        contents = {(tmp_path / out / name).read_bytes() for out in ("first", "again", "without")}
        assert len(contents) == 1, name


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
@pytest.mark.parametrize("command", ["list", "glossary", "check \udcff.yaml"])
def test_consoles_that_lack_a_sign_show_another(command: str, encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    whole = [sys.executable, "-m", "simlib.cli", *command.split()]
    found = subprocess.run(whole, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert found.returncode == (2 if "check" in command else 0) and b"Traceback" not in found.stderr
    assert b"?" in found.stdout + found.stderr or encoding == "gbk"


def test_json_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", out=tmp_path) == 0
    found = json.loads(capsys.readouterr().out)["headlines"][0]
    assert found["fund_percent"]["low"] <= found["fund_percent"]["high"]
    assert found["group"] == "pairs=changed;kind=inpatient" and len(found["rate_curve_points"]) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", DELTA, "--draws", "0"], "--draws 0: at least 2 is needed"),
        (["run", DELTA, "--jobs", "0"], "--jobs 0: at least 1 is needed"),
        (["run", DELTA, "--jobs", "100000"], "--jobs 100000: at most 1,000"),
        (["run", DELTA, "--people", "99999999999"], "--people 99999999999: at most 100,000,000"),
        (["fit", str(ROOT / "scenarios" / "baseline.yaml"), "--jobs", "0"], "--jobs 0: at least 1 is needed"),
        (["hindcast", "--fit-to", "2022", "--seed", "-1"], "--seed -1: at least 0 is needed"),
        (["settle", DELTA], ".yaml:16:1: changes: a scenario, no case file. `simlib run` runs it."),
        (["run", CASES], "gap.yaml:2:1: cases: a case file, no scenario. `simlib settle` prices it."),
        (
            ["attribute", DELTA, "--metric", "rate"],
            "--metric rate: no such metric. Did you mean direct_settlement_rate?",
        ),
        (["parameters", "--month", "2024-01"], "--month: only an area's own policy has it. Add --area"),
        (["parameters", "--area", "nowhere"], "--area nowhere: no such pooling area."),
        (["list", DELTA], f"{DELTA}: not a folder. Name a folder of scenario files."),
        (["catalogue", "compare", LIST, LIST, "--date", "1990-01-01"], "no item is valid on 1990-01-01. Name another"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", DELTA, "--pin", "response.form=price", "--pin", "response.form=eta"], "response.form: given 2 times"),
        (["run", DELTA, DELTA], "two scenarios are both called"),
        (["check", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1 and captured.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "simlib: COMMAND: found rnu. Did you mean run?"),
        (["run"], "simlib run: the following arguments are required: SCENARIO. See `simlib run --help`."),
        (["run", DELTA, "--draws", "many"], "simlib run: --draws: found 'many'. Write a whole number, such as 64."),
        (["run", DELTA, "--people", "1e5"], "simlib run: --people: found '1e5'. Write a whole number"),
        (
            ["run", DELTA, "--pin", "filing.free=1"],
            "--pin: filing.free: is a lever, no uncertain parameter or variant.",
        ),
        (
            ["run", DELTA, "--pin", "x=1"],
            "--pin: x: no such uncertain parameter or variant. `simlib parameters` lists them.",
        ),
        (["settle", CASES, "--lang", "fr"], "simlib settle: --lang: found fr. Expected one of zh, en."),
        (["parameters", "--area", "hangzhou", "--month", "2024"], "--month: found '2024'. Write a month as YYYY-MM"),
        (
            ["catalogue", "compare", LIST, LIST, "--items", "-1"],
            "--items: found '-1'. Write a whole number of at least 0.",
        ),
    ],
)
def test_a_command_written_wrong_is_told_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    captured = capsys.readouterr()
    assert stopped.value.code == 2 and captured.out == ""
    assert words in captured.err and captured.err.count("\n") == 1


def test_a_full_disk_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The compiler keeps its work in a folder that no command knows of."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(experiment, "repeat", full)
    assert cli.main(["run", DELTA, *QUICK, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "No space left on device. Free space, or name a place that you may write.\n"


def test_a_fault_that_several_files_share_is_told_once(beside_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "extends: {}.yaml\nyear: 2024\ntitle: {{zh: 题, en: T}}\nquestion: {{zh: 问, en: Q}}\nchanges:\n"
    wrong = beside_root / "wrong.yaml"
    wrong.write_text(head.format("baseline") + "  - {from: 2024-01, set: {filing.fre: true}}\n", encoding="utf-8")
    children = [beside_root / f"{name}.yaml" for name in "ab"]
    for child in children:
        child.write_text(head.format("wrong") + "  - {from: 2024-01, set: {filing.free: true}}\n", encoding="utf-8")
    assert cli.main(["check", str(wrong), *map(str, children)]) == 2
    assert capsys.readouterr().err == f"{wrong}:6:27: filing.fre: no such lever. Did you mean filing.free?\n"


def test_a_file_that_is_no_mapping_is_a_fault_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "five.yaml").write_text("5\n")
    assert cli.main(["check", str(tmp_path / "five.yaml")]) == 2
    assert "five.yaml:1:1" in capsys.readouterr().err


def test_a_wrong_scenario_is_named_by_line_and_column(beside_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = beside_root / "wrong.yaml"
    wrong.write_text(
        "extends: baseline.yaml\nyear: 2024\ntitle: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\nchanges:\n"
        "  - from: 2024-07\n    set:\n      catalogue.rule.servce: either\n      catalogue.reach.service: 1.5\n",
        encoding="utf-8",
    )
    assert cli.main(["run", str(wrong), "--out", str(beside_root / "out")]) == 2
    printed = capsys.readouterr().err
    assert f"{wrong}:8:7: catalogue.rule.servce: no such lever. Did you mean catalogue.rule.service?" in printed
    assert f"{wrong}:9:32: " in printed
    assert not (beside_root / "out").exists()


@pytest.mark.parametrize(
    ("where", "set_"),
    [
        ("host: Tibet", "catalogue.rule.consumable: both"),
        ("kind: outpatient", "catalogue.rule.service: home"),
        ("scheme: employee", "benefits.cap_yuan: 100000"),
        ("home: 西藏", "benefits.deductible_yuan.tier3: 0"),
    ],
)
def test_any_part_of_the_country_can_be_asked_about(
    where: str, set_: str, beside_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (beside_root / "part.yaml").write_text(
        "extends: baseline.yaml\nyear: 2030\ntitle: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\nchanges:\n"
        f"  - {{from: 2030-01, where: {{{where}}}, set: {{{set_}}}}}\n",
        encoding="utf-8",
    )
    command = ["run", str(beside_root / "part.yaml"), *QUICK, "--out", str(beside_root / "out")]
    assert cli.main(command) == cli.main([*command, "--json"]) == 0
    printed = capsys.readouterr().out
    assert "On the routes and months it changes" in printed and '"group": "pairs=changed' in printed


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run(out=tmp_path / "file" / "out") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_no_command_writes_over_what_another_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(out=tmp_path) == 0
    before = (tmp_path / "manifest.json").read_bytes()
    capsys.readouterr()
    assert cli.main(["attribute", DELTA, *QUICK, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"--out {tmp_path}: holds what `simlib run` wrote. Name another folder.\n"
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_an_attribution_is_no_run_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["attribute", DELTA, "--draws", "2", "--people", "1000", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    for command in (["report", str(tmp_path), "--lang", "en"], ["verify", str(tmp_path)]):
        assert cli.main(command) == 2
        assert (
            capsys.readouterr().err == f"{tmp_path}: holds what `simlib attribute` wrote. Name the folder of a run.\n"
        )
    assert run(out=tmp_path) == 2
    assert capsys.readouterr().err == f"--out {tmp_path}: holds what `simlib attribute` wrote. Name another folder.\n"


def test_shipped_scenarios_and_cases_are_fine(capsys: pytest.CaptureFixture[str]) -> None:
    files = [*sorted((ROOT / "scenarios").glob("*.yaml")), *sorted((ROOT / "tests" / "cases").glob("*.yaml"))]
    assert cli.main(["check", *map(str, files)]) == 0
    assert capsys.readouterr().out.count(": fine") == len(files) >= 6


def test_every_parameter_is_listed_with_unit_grade_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["parameters", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) > 70
    assert all(row["meaning"] and row["unit"] and row["grade"] and row["source"] for row in rows)
    assert all(row["low"] < row["high"] for row in rows if row["role"] == "uncertain")
    assert cli.main(["parameters"]) == 0
    printed = capsys.readouterr().out
    assert "channels.attention\n    uncertain, 0.5 [0, 1] uniform, share, assumed: " in printed
    assert "filing.free\n    lever, false, by home, host, kind, yes or no, official: " in printed
    assert "catalogue.rule.service\n    lever, host (host, home, either, both), by home, host" in printed
    assert "    expected at 1,000: up fee; untouched pool_balance, interest, hospitals_owed\n" in printed
    assert "expected at 2 beside ledger.clearing.late 2: up increased, prepayment; down use_" in printed
    assert all(bool(row["expected"]) == (row["role"] == "lever") for row in rows)
    assert "flow.decay\n    variant, log-logistic (log-logistic, exponential, radiation), form, academic: " in printed
    assert "[50,000, 1,000,000]" in printed and "] none" not in printed


@pytest.mark.parametrize("name", ["scenario", "case"])
def test_schemas_are_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")


def test_settle_prices_a_case_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in sorted((ROOT / "tests" / "cases").glob("*.yaml"))]
    assert cli.main(["settle", *files]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) > 100 and printed.err == ""
    assert cli.main(["settle", *files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) > 80 and not any(case["unmet"] for case in found)
    assert cli.main(["settle", files[0], "--explain", "--lang", "zh"]) == 0
    assert "起付线" in capsys.readouterr().out


def test_settle_prints_the_texts_of_a_case_in_the_language_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "cases:\n- name: {zh: 甲例, en: case A}\n  policy: {deductible: 0, ratio: 0.8}\n"
        "  bill: [{what: x, amount: 100, class: 甲}]\n  expected: {direct: {fund: 81}}\n"
    )
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    for arguments, name in (([], "case A"), (["--lang", "zh"], "甲例"), (["--lang", "zh", "--json"], "甲例")):
        assert cli.main(["settle", str(tmp_path / "a.yaml"), *arguments]) == 1
        printed = capsys.readouterr()
        assert name in printed.out and printed.err == f"{name}: direct.fund is 80.00 yuan, expected 81.00.\n"
        assert ({"甲例", "case A"} - {name}).pop() not in printed.out


def test_settle_says_what_is_not_met_and_what_is_unusual(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "cases:\n- name: a\n  filing: referral\n  policy: {deductible: 0, ratio: 0.8, points_off: 0.3}\n"
        "  bill: [{what: x, amount: 100, class: 甲}]\n  expected: {direct: {fund: 80}}\n"
    )
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert cli.main(["settle", str(tmp_path / "a.yaml")]) == 1
    printed = capsys.readouterr()
    assert "a: direct.fund is 50.00 yuan, expected 80.00." in printed.err
    assert "a: points_off 0.3 for referral is above 0.1" in printed.err and "50.00" in printed.out
    (tmp_path / "a.yaml").write_text(text.replace("ratio: 0.8", "ratio: 80"), encoding="utf-8")
    assert cli.main(["settle", str(tmp_path / "a.yaml")]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path}/a.yaml:4:34: ")


def test_ten_thousand_cases_are_settled_in_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = (
        "- {{name: case {0}, policy: {{deductible: {1}, ratio: 0.8, cap: 300000}}, paid_this_year: {0},\n"
        "   bill: [{{what: a, amount: {0}.5, class: 甲}},\n"
        "          {{what: b, amount: 80, host: {{class: 乙, self_pay: 0.1}}, home: {{class: unlisted}}}}]}}\n"
    )
    path = tmp_path / "many.yaml"
    path.write_text("cases:\n" + "".join(case.format(n, n % 2000) for n in range(10_000)), encoding="utf-8")
    start = time.process_time()
    assert cli.main(["settle", str(path)]) == 0
    # About 4 s on one core of 2020; the limit leaves room for a busy machine.
    assert time.process_time() - start < 15
    assert len(capsys.readouterr().out.splitlines()) == 10_002


def test_an_interrupted_run_leaves_nothing_half_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simlib.cli", "run", DELTA, "--draws", "200", "--out", str(tmp_path / "out")]
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(8)
    errors = b""
    for _ in range(4):  # a first Ctrl-C can be lost while rules are compiled: the compiler's callbacks swallow it
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, errors = process.communicate(timeout=15)
            break
    else:
        process.kill()
        process.communicate()
    assert process.returncode not in (0, 2) and b"Traceback" not in errors  # 2: it would never have started
    assert list(tmp_path.iterdir()) == []


def test_import_is_quick_and_pulls_in_nothing_heavy() -> None:
    code = "import sys, simlib; print([m for m in ('numpy', 'numba', 'pandas', 'matplotlib') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_folder_that_somebody_else_filled_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`run --out .` once overwrote a workbook and a manifest that it had not written, and deleted reports."""
    (tmp_path / "report_zh").mkdir()
    for name in ("manifest.json", "workbook.xlsx", "report_zh/report.html"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    assert run(out=tmp_path) == 2
    said = capsys.readouterr().err
    assert "holds what simlib has not written (manifest.json, report_zh, workbook.xlsx). Name a new folder" in said
    assert all(path.read_text(encoding="utf-8") == "{}" for path in tmp_path.rglob("*") if path.is_file())
