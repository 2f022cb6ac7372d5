"""A report says what its run says, opens offline, hides nothing in a title, and tells when anything was altered."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from conftest import altered as replace

from simlib import cli
from simlib.amounts import AMOUNTS
from simlib.files import facts, texts
from simlib.patients import areas
from simlib.quantities import register
from simlib.report import opening, pack, pieces, plots, prose, sections
from simlib.scenario import scenario
from simlib.study import briefing, effects, evidence, findings, folders, headline, metrics, parties, running
from simlib.study.results import Results
from simlib.terms import CHANNELS

ROOT = Path(__file__).parents[2]
LANGS = list(texts.LANGS)
both_languages = pytest.mark.parametrize("lang", LANGS)


def simulate(folder: Path, *scenarios: str, more: tuple[str, ...] = ()) -> Path:
    paths = ["+".join(str(ROOT / "scenarios" / f"{part}.yaml") for part in name.split("+")) for name in scenarios]
    assert cli.main(["run", *paths, "--draws", "2", "--people", "5000", "--out", str(folder), *more]) == 0
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("run") / "delta", "delta_mutual_recognition", "no_change")


@pytest.fixture(scope="session")
def answer(run: Path) -> Results:
    return folders.read(run)["delta_mutual_recognition"]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    both = "delta_mutual_recognition+filing_free_delta"
    return simulate(tmp_path_factory.mktemp("package") / "both", both, more=("--attribute",))


@pytest.fixture(scope="session")
def cheaper(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return a run in which hosts are paid by DRG, so that the mean bill changes and no patient moves."""
    folder = tmp_path_factory.mktemp("drg") / "drg"
    return folders.read(simulate(folder, "drg_for_patients_from_elsewhere"))


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "SCREEN_DPI", 20)  # what is drawn is tested in test_plots and test_browser
    monkeypatch.setattr(pack, "PRINT_DPI", 20)


@pytest.fixture
def mine(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "mine"))


def made(folder: Path, lang: str = "en", scenario: str = "delta_mutual_recognition", *more: str) -> Path:
    out = folder / f"report_{lang}"
    command = ["report", str(folder), "--lang", lang, "--scenario", scenario, "--out", str(out), *more]
    assert cli.main(command) == 0
    return out / pack.HTML


def resealed(folder: Path, **changed: Any) -> None:
    """Write headlines with other texts, and a manifest that fits them: what a run of another scenario would hold."""
    headlines = json.loads((folder / "headline.json").read_text(encoding="utf-8"))
    headlines[0] |= changed
    (folder / "headline.json").write_text(json.dumps(headlines, ensure_ascii=False), encoding="utf-8")
    manifest(folder, tables_sha256={name: facts.sha256(folder / name) for name in folders.NAMES[:-1]})


def manifest(folder: Path, **changed: Any) -> None:
    content = json.loads((folder / folders.MANIFEST).read_bytes()) | changed
    content.pop("sha256")
    sealed = content | {"sha256": folders.digest(folders.written(content))}
    (folder / folders.MANIFEST).write_bytes(folders.written(sealed))


def text(html: str) -> str:
    """Return what a reader sees of a document."""
    body = re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def read(section: pieces.Section, lang: Any) -> list[str]:
    """Return the paragraphs and points of a section as they are read."""
    return prose.paragraphs(section.name, lang, {section.name: section.values})


def worded(answer: briefing.Results, name: str, lang: Any) -> list[str]:
    """Return the paragraphs and points of the section of a name."""
    (section,) = sections.sections(answer, lang, [name])
    return read(section, lang)


HOSTS = {
    "zh": {"still": "收到的总费用因此不变", "paid": "次均费用因付费方式改变而变化", "moved": "患者对改革有响应"},
    "en": {"still": "in all stays the same", "paid": "the mean bill changes with the way of payment",
           "moved": "Patients respond to the reform"},
}  # fmt: skip
"""How the section of hosts begins where bills stay, follow the way of payment, or follow patients."""


def test_a_new_run_in_a_folder_leaves_no_report_of_the_old_one(mine: Path) -> None:
    old = made(mine, "zh"), made(mine, "en")
    simulate(mine, "no_change")
    assert not any(path.exists() for path in old)


@both_languages
def test_the_first_screen_says_what_the_run_says(mine: Path, lang: str) -> None:
    facts = json.loads((mine / "headline.json").read_text(encoding="utf-8"))[0]
    seen = text(made(mine, lang).read_text(encoding="utf-8").split("</header>")[0])
    assert facts["title"][lang] in seen
    for name in ("fund_percent", "rate_points"):
        for end in ("change", "low", "high"):
            assert plots.number(facts[name][end], 1, "+") in seen
    own = 1 if lang == "zh" else 100
    money = facts["fund_100_million_yuan"]
    digits = 0 if abs(own * money["high"]) >= 100 else 1 if abs(own * money["high"]) >= 10 else 2
    assert plots.number(abs(own * money["change"]), digits) in seen
    assert plots.number(100 * facts["rate_points"]["baseline"], 1) in seen
    assert {"zh": "证据强度：", "en": "Strength of evidence."}[lang] in seen
    assert {"zh": "抽样不足 20 次", "en": "Fewer than 20 draws"}[lang] in seen


def changing(answer: Results, of: scenario.Scenario) -> Results:
    """Return the answer as if its run were of another scenario: with what that sets and the pairs that it touches."""
    place = areas.load(of.geography)
    labels = [group.label(place) for group in metrics.groups(scenario.compile(of, place).touched)]
    sets = list(headline.sets(of))
    facts = answer.facts | {"sets": sets, "group": labels[0]}
    return replace(answer, place=place, facts=facts, groups={label: i for i, label in enumerate(labels)})


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("outage_month", "外省参保人员到上海就医", "people insured in other provinces and treated in Shanghai"),
        ("chronic_ten_and_zhejiang", "跨省异地就医", "people treated in another province than"),
        ("national_package", "跨省异地就医", "people treated in another province than"),
        ("dezhou_class_b", "政策涉及的地区和人群", "the patients for whom something is changed"),
        (
            "pooling_delta_mean",
            "江苏、浙江、安徽参保人员跨省就医",
            "insured in Jiangsu, Zhejiang and Anhui and treated in",
        ),
        (
            "delta_package",
            "上海、江苏、浙江、安徽参保人员相互跨省就医",
            "insured in one of Shanghai, Jiangsu, Zhejiang and",
        ),
        (
            "delta_mutual_recognition_cities",
            "长三角参保人员在区域内异地就医",
            "insured in one area of Yangtze Delta and treated in",
        ),
    ],
)
def test_the_first_screen_says_whose_care_a_shipped_scenario_changes(
    answer: Results, name: str, zh: str, en: str
) -> None:
    told = changing(answer, scenario.load(ROOT / "scenarios" / f"{name}.yaml"))
    assert opening.sentences(told, "zh").startswith(f"{zh}（{texts.said(told.kind, 'zh')}，")
    assert en in opening.sentences(told, "en")


@pytest.mark.parametrize(
    ("wheres", "zh", "en"),
    [
        (["home: henan, scheme: resident"], "河南参保人员跨省就医（仅限居民医保）",
         "people insured in Henan and treated in another province, of the scheme of residents only"),
        (["scheme: employee"], "跨省异地就医（仅限职工医保）", "insures them, of the scheme of employees only"),
        (["scheme: [employee, resident]"], "跨省异地就医", "than the one that insures them"),
        (["home: henan", "home: henan, scheme: resident"], "政策涉及的地区和人群", "for whom something is changed"),
        (["home: henan, kind: inpatient", "home: anhui, kind: outpatient"], "河南参保人员跨省就医",
         "people insured in Henan and treated in another province"),
        (["home: [henan, hebei, hubei, hunan, hainan, shanxi]"], "政策涉及的地区和人群",
         "for whom something is changed"),
        (["home: anhui, host: shanghai"], "安徽参保人员到上海就医", "people insured in Anhui and treated in Shanghai"),
        (["host: [henan, hubei]"], "外省参保人员到河南、湖北就医", "in other provinces and treated in Henan and Hubei"),
        (["home: anhui, host: shanghai", "home: henan, host: hubei"], "政策涉及的地区和人群", "something is changed"),
        (["home: yangtze-delta"], "上海、江苏、浙江、安徽参保人员跨省就医", "Anhui and treated in another province"),
    ],
)  # fmt: skip
def test_the_first_screen_says_whose_care_is_changed(
    answer: Results, beside_root: Path, wheres: list[str], zh: str, en: str
) -> None:
    text = "extends: baseline.yaml\nyear: 2024\ntitle: {zh: 题, en: T}\nquestion: {zh: 问, en: Q}\nchanges:\n"
    for where in wheres:
        what = "benefits.cap_yuan: 400000" if "scheme" in where else "platform.outage: 0.1"
        text += f"- {{from: 2024-01, where: {{{where}}}, set: {{{what}}}}}\n"
    file = beside_root / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    told = changing(answer, scenario.load(file))
    assert opening.patients(told, "zh") == zh and opening.patients(told, "en").endswith(en)


@both_languages
def test_a_report_asks_nothing_of_the_network_and_runs_nothing(mine: Path, lang: str) -> None:
    html = made(mine, lang).read_text(encoding="utf-8")
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in html
    assert "default-src 'none'" in html
    assert set(re.findall(r'(?:src|href)="([a-z]+:)', html)) == {"data:"} and "@import" not in html
    assert set(re.findall(r"url\(([a-z]+:)", html)) == {"data:"}
    assert re.findall(r"<script[^>]*>", html) == [pack.SEAL[0]]
    assert all(alt for alt in re.findall(r'<img alt="([^"]*)"', html))
    assert len(html) < 3_000_000
    assert "nan" not in text(html).lower().split() and "None" not in text(html).split()


def test_the_same_run_gives_the_same_bytes(mine: Path) -> None:
    first = made(mine).read_bytes()
    assert made(mine).read_bytes() == first


@both_languages
def test_the_embedded_font_has_every_sign_of_the_report(mine: Path, lang: str) -> None:
    import base64
    import html as entities
    import io

    from fontTools.ttLib import TTFont

    html = made(mine, lang).read_text(encoding="utf-8")
    (packed,) = re.findall(r"base64,([^)]+)\) format", html)
    has = set(TTFont(io.BytesIO(base64.b64decode(packed))).getBestCmap())
    assert {sign for sign in entities.unescape(text(html)) if ord(sign) not in has} == set()


def test_every_table_is_a_sheet_with_the_numbers_of_the_report(mine: Path, answer: Results) -> None:
    page = made(mine)
    book = openpyxl.load_workbook(page.with_name(pack.WORKBOOK))
    every = [one for section in sections.sections(answer, "en") for one in section.tables]
    contents, *sheets = book.worksheets
    assert [sheet.title for sheet in sheets] == [one.name for one in every]
    assert [row[0] for row in contents.iter_rows(min_row=4, values_only=True)] == [one.name for one in every]
    homes = pd.DataFrame(list(book["homes"].values)[1:], columns=next(book["homes"].values))
    assert np.allclose(homes.iloc[:, 2], parties.homes(answer)["yuan"] / 1e6)
    assert not [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_a_text_that_looks_like_a_formula_stays_a_text(mine: Path) -> None:
    resealed(mine, title={"zh": "=1+1", "en": "=HYPERLINK(1)"})
    book = openpyxl.load_workbook(made(mine).with_name(pack.WORKBOOK))
    assert (book.worksheets[0]["A1"].value, book.worksheets[0]["A1"].data_type) == ("=HYPERLINK(1)", "s")


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ('"><img src=x onerror=alert(1)>', "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;"),
        ("abc\u202egnp.exe", "abc?gnp.exe"),
        ("长" * 10_000, "长" * opening.LONGEST_TITLE + "…"),
        ("$\\frac{1}{$", "$\\frac{1}{$"),
    ],
    ids=["script", "attribute", "right-to-left", "long", "mathematics"],
)
def test_a_hostile_title_is_escaped_and_cut(mine: Path, title: str, shown: str) -> None:
    sets = [{"lever": title, "value": title, "from": "2024-07", "to": None, "where": {"home": [title]}}]
    resealed(mine, title={"zh": title, "en": title}, question={"zh": title, "en": title}, sets=sets)
    html = made(mine).read_text(encoding="utf-8")
    assert f"<h1>{shown}</h1>" in html
    assert "\u202e" not in html and "<script>" not in html and "<img src=x" not in html and len(html) < 3_000_000


def test_an_untouched_run_and_its_reports_verify(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for lang in LANGS:
        assert cli.main(["verify", str(made(mine, lang))]) == 0
    capsys.readouterr()
    assert cli.main(["verify", str(mine)]) == 0
    assert capsys.readouterr().out.count("the same line by line") == 2


def test_a_falsified_headline_or_effect_is_seen_though_hashes_fit(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    headlines = json.loads((mine / folders.RUN).read_bytes())
    resealed(mine, fund_percent=headlines[0]["fund_percent"] | {"change": 4.31})
    assert cli.main(["verify", str(mine)]) == 2
    assert "headline.json: " in (said := capsys.readouterr().err) and "fund_percent: not what the draws" in said
    resealed(mine, fund_percent=headlines[0]["fund_percent"])
    table = pd.read_csv(mine / "effects.csv")
    table.loc[0, "change"] *= 3
    table.to_csv(mine / "effects.csv", index=False)
    resealed(mine)
    assert cli.main(["verify", str(mine)]) == 2
    assert "effects.csv: not what the draws in metrics.parquet give" in capsys.readouterr().err


def test_a_figure_edited_in_a_report_is_named(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = made(mine)
    lines = page.read_text(encoding="utf-8").split("\n")
    at = next(i for i, line in enumerate(lines) if re.search(r'class="n">\+[0-8]', line))
    lines[at] = re.sub(r'(class="n">\+)[0-8]', r"\g<1>9", lines[at], count=1)
    page.write_text("\n".join(lines), encoding="utf-8")
    assert cli.main(["verify", str(page)]) == 2
    errors = capsys.readouterr().err
    assert f"report.html:{at + 1}:1: altered, now" in errors and "+9" in errors


def test_a_report_that_was_sealed_again_still_differs_from_its_run(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = made(mine)
    document = page.read_text(encoding="utf-8")
    about, _ = pack.opened(document) or ({}, False)
    plain = "\n".join(line for line in document.split("\n") if not line.startswith(pack.SEAL[0]))
    forged = pack.sealed(re.sub(r"<b>\+\d", "<b>+8", plain, count=1), about)
    page.write_text(forged, encoding="utf-8")
    assert pack.opened(forged) == (about, True)
    assert cli.main(["verify", str(page)]) == 2
    assert "<b>+8" in capsys.readouterr().err


def cut(lines: list[str]) -> int:
    """Remove the first picture; return the line that now stands in its place."""
    at = next(i for i, line in enumerate(lines) if line.startswith("<img"))
    del lines[at]
    return at + 1


def add(lines: list[str]) -> int:
    """Add a paragraph before the first section; return its line."""
    at = lines.index("</header>") + 1
    lines.insert(at, "<p>This was approved.</p>")
    return at + 1


def blank(lines: list[str]) -> int:
    """Alter a line after the seal; return it."""
    lines[-2] += " "
    return len(lines) - 1


def other_seed(lines: list[str]) -> int:
    """Alter what the seal says of the scenario; return its line."""
    at = next(i for i, line in enumerate(lines) if line.startswith(pack.SEAL[0]))
    lines[at] = lines[at].replace('"sha256": "', '"sha256": "0')
    return at + 1


@pytest.mark.parametrize(
    ("alter", "words"),
    [(cut, "missing"), (add, "added: <p>This was approved"), (blank, "altered, now"), (other_seed, "altered, now")],
)
def test_what_was_altered_in_a_report_is_named_where_its_run_is_and_seen_where_it_is_not(
    mine: Path, tmp_path: Path, alter: Any, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = made(mine)
    lines = page.read_text(encoding="utf-8").split("\n")
    at = alter(lines)
    for path in (page, tmp_path / "alone.html"):
        path.write_text("\n".join(lines), encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["verify", str(page)]) == 2
    errors = capsys.readouterr().err
    assert f"report.html:{at}:1: " in errors and words in errors
    assert cli.main(["verify", str(tmp_path / "alone.html")]) == 2
    assert "alone.html:1:1: altered" in capsys.readouterr().err
    assert cli.main(["verify", str(tmp_path / "alone.html"), "--run", str(mine)]) == 2
    assert f"alone.html:{at}:1: " in capsys.readouterr().err


def test_a_report_whose_seal_is_gone_or_names_another_run_is_refused(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = made(mine)
    document = page.read_text(encoding="utf-8")
    run = json.loads((mine / folders.MANIFEST).read_bytes())["sha256"]
    broken = {
        "no seal": document.replace(pack.SEAL[0], "<script>"),
        "is not its run": document.replace(f'"run": "{run}"', '"run": "r"'),
    }
    for words, content in broken.items():
        assert content != document
        page.write_text(content, encoding="utf-8")
        assert cli.main(["verify", str(page)]) == 2
        assert words in capsys.readouterr().err
    twice = document.replace("</body>", document[document.index(pack.SEAL[0]) :].split("\n")[0] + "\n</body>")
    assert pack.opened(twice) is None


@pytest.mark.parametrize("name", folders.NAMES)
def test_one_byte_of_a_run_is_named_and_no_report_is_made(
    mine: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = bytearray((mine / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (mine / name).write_bytes(raw)
    for command in (["verify", str(mine)], ["report", str(mine), "--lang", "zh"]):
        assert cli.main(command) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith(f"{mine / name}:1:1: altered") and captured.out == ""
    assert not list(mine.glob("report_*"))


@pytest.mark.parametrize("name", folders.NAMES)
def test_a_run_that_lacks_a_file_is_refused(mine: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / name).unlink()
    assert cli.main(["report", str(mine), "--lang", "en"]) == 2
    assert f"{mine / name}:1:1: missing" in capsys.readouterr().err


def test_a_file_is_no_folder_and_what_is_not_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("x")
    for name, words in (("mine.txt", "not a folder"), ("nowhere", "no such folder")):
        assert cli.main(["report", str(tmp_path / name), "--lang", "en"]) == 2
        assert f"{tmp_path / name}: {words}." in capsys.readouterr().err


def test_a_run_of_another_version_is_refused(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest(mine, simlib="99.0")
    assert cli.main(["report", str(mine), "--lang", "en"]) == 2
    assert "made by simlib 99.0" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"sha256": 5}', b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(mine: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / folders.MANIFEST).write_bytes(content)
    assert cli.main(["verify", str(mine)]) == 2
    assert "manifest.json:1:1: altered" in capsys.readouterr().err


def test_a_report_of_another_run_is_told(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = made(mine)
    resealed(mine, title={"zh": "x", "en": "x"})
    assert cli.main(["verify", str(page)]) == 2
    assert "made from another run" in capsys.readouterr().err


def test_a_report_alone_is_checked_by_its_seal(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = shutil.copy(made(mine), tmp_path / "alone.html")
    capsys.readouterr()
    assert cli.main(["verify", str(alone)]) == 0
    assert "not compared with its run" in capsys.readouterr().out
    assert cli.main(["verify", str(alone), "--run", str(mine)]) == 0


def test_a_run_of_several_scenarios_asks_which(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(mine), "--lang", "en"]) == 2
    assert "Add --scenario, one of delta_mutual_recognition, no_change" in capsys.readouterr().err
    assert cli.main(["report", str(mine), "--lang", "en", "--scenario", "no_chnge"]) == 2
    assert "Did you mean no_change?" in capsys.readouterr().err


@both_languages
def test_a_scenario_that_changes_nothing_says_so(mine: Path, lang: str) -> None:
    seen = text(made(mine, lang, "no_change").read_text(encoding="utf-8"))
    assert {"zh": "的变化恰为 0。", "en": "change by exactly 0."}[lang] in seen
    assert {"zh": "没有变化可评。", "en": "There is no change to judge."}[lang] in seen


def test_without_chromium_a_pdf_is_refused_before_anything_is_written(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pack.shutil, "which", lambda name: None)
    assert cli.main(["report", str(mine), "--lang", "en", "--pdf", "--scenario", "no_change"]) == 2
    assert "no Chromium" in capsys.readouterr().err and not list(mine.glob("report_*"))


@pytest.mark.parametrize("content", [None, b"no font"])
def test_a_font_that_is_missing_or_broken_is_one_message_and_nothing_is_written(
    mine: Path, tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    font = tmp_path / "font.otf"
    if content:
        font.write_bytes(content)
    monkeypatch.setattr(plots, "FONT", font)
    plots._register_font.cache_clear()
    assert cli.main(["report", str(mine), "--lang", "zh", "--scenario", "delta_mutual_recognition"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"{font}: no font") and "Install simlib again" in errors
    assert not list(mine.glob("report_*"))
    plots._register_font.cache_clear()


def test_a_full_disk_is_one_message(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, "write_whole", full)
    assert cli.main(["report", str(mine), "--lang", "en", "--scenario", "no_change"]) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_run_with_report_writes_both_languages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(ROOT / "scenarios" / "no_change.yaml"), "--draws", "2", "--people", "1000"]
    assert cli.main(["run", *paths, "--out", str(tmp_path / "a"), "--report"]) == 0
    found = sorted(path.parent.name for path in (tmp_path / "a").glob("*/report.html"))
    assert found == ["report_en", "report_zh"] and "report_zh/report.html" in capsys.readouterr().out


# The frames behind the tables and pictures.


def test_the_homes_add_up_to_the_changed_pairs_and_per_head_is_by_the_published_insured(
    answer: Results,
) -> None:
    kinds, homes = briefing.by_kind(answer), parties.homes(answer)
    assert np.isclose(homes["yuan"].sum(), kinds["yuan"][0]) and np.isclose(
        homes["base_yuan"].sum(), kinds["base_yuan"][0]
    )
    hosts = parties.hosts(answer)
    assert set(hosts["name_en"]) == set(homes["name_en"]) == {"Shanghai", "Jiangsu", "Zhejiang", "Anhui"}
    anhui = homes.set_index("name_en").loc["Anhui"]
    place = areas.provinces()
    assert np.isclose(anhui["each"] * place.insured[place.index("340000")], anhui["yuan"])
    assert (homes["elsewhere"] < homes["fund"]).all()


def test_the_effect_by_kind_is_that_of_the_run(answer: Results) -> None:
    first = briefing.by_kind(answer).iloc[0]
    facts = answer.facts
    assert np.isclose(first["fund"], facts["fund_percent"]["change"])
    assert np.isclose(first["fund_low"], facts["fund_percent"]["low"])
    assert np.isclose(first["yuan_high"], 1e8 * facts["fund_100_million_yuan"]["high"])
    assert np.isclose(100 * first["rate"], facts["rate_points"]["change"])


def test_newly_paid_and_richer_are_the_fund_effect_and_a_better_price_pays_nobody_newly(
    answer: Results,
) -> None:
    yuan = briefing.origins(answer).set_index("origin")["yuan"]
    assert np.isclose(yuan["newly"] + yuan["richer"], yuan["fund"]) and yuan["newly"] == 0
    assert np.isclose(yuan["own"], -yuan["fund"])


def test_what_becomes_of_the_cases_adds_up_and_a_better_price_moves_choice_alone(answer: Results) -> None:
    shares = briefing.causes(answer).set_index("cause")
    assert np.isclose(shares["before"].sum(), 1) and np.isclose(shares["after"].sum(), 1)
    moved = shares["after"] - shares["before"]
    assert np.isclose(moved["direct"], -moved["first_choice"], atol=1e-3) and moved["direct"] > 0
    wide = effects.difference(answer.amounts, "direct_settlement_rate", answer.headline)
    assert np.isclose(moved["direct"], wide.mean())


@pytest.mark.parametrize(
    ("fund", "rate", "words"),
    [
        (
            (2.0, 1.0, 3.0),
            (-1.0, -2.0, -0.5),
            ("2.0 % more (range of the draws 1.0 % to 3.0 %)", "fall by 1.0 percentage points"),
        ),
        (
            (-2.0, -3.0, -1.0),
            (1.0, 0.5, 2.0),
            ("2.0 % less (range of the draws 1.0 % to 3.0 %)", "rise by 1.0 percentage points"),
        ),
        (
            (1.0, -1.0, 3.0),
            (0.0, -1.0, 1.0),
            ("more or less: on average +1.0 %", "is open: on average 0 percentage points"),
        ),
    ],
    ids=["more", "less", "open"],
)
def test_the_answer_says_the_direction_only_where_the_interval_does(
    answer: Results, fund: Any, rate: Any, words: tuple[str, ...]
) -> None:
    ends = ("change", "low", "high")
    told = {
        "fund_percent": dict(zip(ends, fund, strict=True)) | {"baseline": 1e9},
        "fund_100_million_yuan": dict(zip(ends, fund, strict=True)),
        "rate_points": dict(zip(ends, rate, strict=True)) | {"baseline": 0.6},
    }
    sentences = opening.sentences(replace(answer, facts=answer.facts | told), "en")
    assert all(one in sentences for one in words)
    ruled = opening.verdict(replace(answer, facts=answer.facts | told), "en")
    assert "a consequence of the rule, not a finding" in ruled and "Direction not judged" not in ruled
    told["sets"] = [one | {"value": "host"} for one in answer.facts["sets"]]  # no rule that can only raise payment
    assert "Direction not judged: only 2 draws" in opening.verdict(replace(answer, facts=answer.facts | told), "en")
    many = replace(
        answer,
        facts=answer.facts | told,
        before=answer.amounts.before.repeat(10, 0),
        after=answer.amounts.after.repeat(10, 0),
    )
    verdict = opening.verdict(many, "en")
    assert ("Direction open" in verdict) == (fund[1] < 0 < fund[2]) == ("Direction reliable" not in verdict)
    assert "not judged" not in verdict


def agreeing(answer: briefing.Results, fund: dict[str, float], same: int, draws: int) -> briefing.Results:
    """Return an answer of so many draws, in so many of which the fund effect has the sign of its mean."""
    cells = {"fund_direct": (10**9, 10**9 + np.where(np.arange(draws) < same, 10**8, -1))}
    made = synthetic(draws, cells, pd.DataFrame())
    sets = [one | {"value": "host"} for one in answer.facts["sets"]]  # no rule that can only raise payment
    return replace(made, facts=made.facts | {"fund_percent": fund, "rests_on": answer.facts["rests_on"], "sets": sets})


@pytest.mark.parametrize(("same", "en", "zh"), [(4, "same sign in all", "均同号"), (3, "3 of them", "3 次同号")])
def test_few_draws_that_agree_are_no_reliable_direction(answer: briefing.Results, same: int, en: str, zh: str) -> None:
    fund = {"change": 1.5, "low": 1.0, "high": 2.0}
    for lang, words in (("en", en), ("zh", zh)):
        verdict = opening.verdict(agreeing(answer, fund, same, 4), lang)  # type: ignore[arg-type]
        assert words in verdict and "eliable" not in verdict and "可靠" not in verdict
    assert "reliable: the same sign in 20 of 20" in opening.verdict(agreeing(answer, fund, 20, 20), "en")


@both_languages
def test_the_siphon_index_is_said_to_be_of_money_where_patients_are_said_to_stay(
    answer: Results, lang: texts.Lang
) -> None:
    shares = sections.sections(answer, lang, ["hosts"])[0].tables[1]
    (head,) = [column.head for column in shares.columns if column.key == "siphon_base"]
    assert ("直接结算资金" if lang == "zh" else "directly settled fund payment") in head
    points = " ".join(worded(answer, "limits", lang))
    assert "虹吸" not in points and "siphon" not in points


@both_languages
def test_a_rate_that_no_one_published_is_marked_and_a_change_below_any_meaning_is_said_to_be_so(
    answer: Results, lang: texts.Lang
) -> None:
    section = sections.sections(answer, lang, ["kinds"])[0]
    seen = pieces.as_read(section.tables[0], lang).iloc[:, 0]
    assert [label.endswith(" *") for label in seen] == ["住院" not in one and "npatient" not in one for one in seen]
    assert any(line.startswith("* ") for line in read(section, lang)) and seen.str.endswith("*").sum() == 3
    frame = pd.DataFrame({"x": [0.02, 0.02, 0.0], "x_low": [0.01, -0.06, 0.0], "x_high": [0.04, 0.04, 0.0]})
    made = pieces.table("t", "t", frame / 100, pieces.columns(lang, "x=rate points ±"), lang)
    (small,), (wide,), (none,) = ([cell for cell, _ in row] for row in pieces.words(made, lang))
    assert small == texts.said("cell.less", lang, 0.05) and wide.startswith("+0.02") and none.startswith("0")
    money = pieces.table("t", "t", frame, pieces.columns(lang, "x=yuan number ±"), lang)
    assert pieces.words(money, lang)[0][0][0].startswith("+0.02")  # of money a little may be much


@both_languages
def test_few_draws_have_no_percentages_and_the_chance_of_the_goal_is_no_forecast(
    answer: Results, lang: texts.Lang
) -> None:
    section = sections.sections(answer, lang, ["goal"])[0]
    goal, years = (pieces.as_read(table, lang) for table in section.tables)
    told = {texts.said("goal.draws", lang, n, 2) for n in range(3)}
    assert set(goal.iloc[:, 4:].to_numpy().ravel()) | set(years.iloc[:, 2]) <= told
    said = " ".join(read(section, lang))
    assert {"zh": "第一张表为本次模拟的 2024 年", "en": "the first table is of 2024"}[lang] in said
    assert {"zh": "统计口径必有不同", "en": "goal and cost must count different cases"}[lang] in said
    at = [0, 1] * 10 + [0]
    many = replace(answer, before=answer.amounts.before[at], after=answer.amounts.after[at])
    chances = pieces.as_read(sections.sections(many, lang, ["goal"])[0].tables[0], lang).iloc[:, 4:]
    assert set(chances.to_numpy().ravel()) <= {"0", "48", "52", "100"}  # 10, 11 or all of 21 draws
    assert sections._harmed(answer, 0.5, lang) == texts.said("money.draws", lang, 1, 2)
    hundred = replace(answer, before=answer.amounts.before.repeat(50, 0))
    assert sections._harmed(hundred, 0.04, lang).startswith("4")


def test_a_least_value_is_said_to_be_kept_or_missed_and_no_figure_is_more_exact_than_it_is(
    answer: Results,
) -> None:
    fit = answer.fit.copy()
    least = fit["target"].str.contains("at least")
    most = fit["target"].str.contains("at most")
    fit.loc[least, "simulated"] = fit.loc[least, "published"] * np.resize([1.2, 0.8, 1.0], least.sum())
    fit.loc[most, "simulated"] = fit.loc[most, "published"] * np.resize([0.8, 1.2, 1.0], most.sum())
    fit.loc[fit["unit"] == "rank", "high"] += 0.3
    (table,) = sections.sections(replace(answer, fit=fit), "en", ["fit"])[0].tables
    seen = pieces.as_read(table, "en")
    for of in (least, most):
        bound = seen[of.to_numpy()]
        assert list(bound["lower bound"]) == list(np.resize(["met", "not met", "met"], of.sum()))
        amounts = bound[bound["unit"] != "rank"]
        assert [one == "–" for one in amounts["difference (%)"]] == [one == "met" for one in amounts["lower bound"]]
    assert (seen["lower bound"][~(least | most).to_numpy()] == "").all()
    ranks = seen[seen["unit"] == "rank"]
    assert ranks[["published", "simulated", "low", "high"]].stack().str.fullmatch("[0-9]+").all()
    shares = seen[seen["figure"] == "admissions paid above 100,000 yuan"].iloc[0]
    assert shares["unit"] == "%" and shares["published"] == "0.84"
    visits = seen[seen["figure"] == "direct visits, all outpatient"].iloc[0]
    assert list(visits[["published", "low", "high"]]) == ["118,000"] * 3


@both_languages
def test_what_a_measure_does_not_touch_is_no_finding_of_zero(answer: Results, lang: texts.Lang) -> None:
    (table,) = sections.sections(answer, lang, ["gains"])[0].tables
    seen = pieces.as_read(table, lang).set_index(table.columns[0].head)
    for name in ("recovered", "fines", "network_cost", "volume"):
        row = list(seen.loc[texts.said(f"metric.{name}", lang)])
        words = texts.said("gains.volume" if name == "volume" else "gains.outside", lang)
        assert row[:2] == ["–", "–"] and row[-1] == words
    assert ("assumed 0" if lang == "en" else "假设为 0") in texts.said("gains.volume", lang)
    told = answer.tables["effects.csv"].copy()
    fines = told["metric"] == "fines"
    told.loc[fines, ["baseline", "value"]] = 5e8  # fines there are, and the measure leaves them as they are
    of = sections.sections(replace(answer, tables={**answer.tables, "effects.csv": told}), lang, ["gains"])[0].tables[0]
    row = list(pieces.as_read(of, lang).set_index(of.columns[0].head).loc[texts.said("metric.fines", lang)])
    assert row[0] != "–" and row[1].startswith("0") and row[-1] == ""


@both_languages
def test_what_is_diverted_from_home_stands_beside_the_other_parts_where_there_is_any(
    answer: Results, lang: texts.Lang
) -> None:
    def seen(of: Results) -> list[str]:
        table = sections.sections(of, lang, ["origins"])[0].tables[1]
        assert table.name == "parts"
        return list(pieces.as_read(table, lang).iloc[:, 0])

    names = ["newly_paid", "richer_price", "volume", "timing", "diverted_from_home"]
    words = [texts.said(f"part.{name}", lang) for name in names]
    assert seen(answer) == words[:-1]
    table = answer.tables["fund_effects.csv"].copy()
    table.loc[table["part"] == "diverted_from_home", ["change", "low"]] = [-4e6, -9e6]
    told = replace(answer, tables={**answer.tables, "fund_effects.csv": table})
    assert seen(told) == words
    row = briefing.parts(told).iloc[-1]
    assert (row["yuan"], row["yuan_low"], row["yuan_high"]) == (-4e6, -9e6, 0)


def synthetic(draws: int, cells: dict[str, tuple[Any, Any]], uncertain: pd.DataFrame) -> Results:
    """Return an answer of one group whose amounts before and after are given by name, by draw."""
    sides = []
    for side in (0, 1):
        amounts = np.zeros((draws, 1, 2, len(AMOUNTS)), dtype=np.int64)
        for name, pair in cells.items():
            amounts[:, 0, 0, AMOUNTS.index(name)] = pair[side]
        sides.append(amounts)
    facts = {"group": "kind=inpatient", "year": 2024, "sets": [], "fund_percent": {"change": 1.0}}
    tables = {"headline.json": [{"scenario": "x", "unused": []} | facts], "parameters.csv": uncertain.assign(draw=0)}
    return Results(tables, {"x": effects.Amounts(areas.provinces(), {"kind=inpatient": 0}, *sides)}, {"pinned": {}})


def test_an_unknown_that_decides_the_effect_leads_the_drivers_and_would_close_the_interval() -> None:
    draws = 40
    x, noise = np.arange(draws), np.random.default_rng(1).permutation(draws)
    uncertain = pd.DataFrame({"catalogue.agree_consumable": x / draws, "flow.beta": noise / draws})
    cells = {"fund_direct": (10**9, 10**9 + 10**7 * (draws - x)), "visits_direct": (50, 50), "visits_claimed": (50, 50)}
    answer = synthetic(draws, cells, uncertain)
    table = evidence.drivers(answer)
    assert table["id"][0] == "catalogue.agree_consumable" and np.isclose(table["rank_correlation"][0], -1)
    assert bool(table["beyond_luck"][0]) and not bool(table["beyond_luck"][1])
    assert np.isclose(table["lower"][0], np.arange(28, 41).mean()) and np.isclose(
        table["upper"][0], np.arange(1, 14).mean()
    )
    asked = evidence.requests(answer)
    assert asked["request"][0] == "lists" and np.isclose(asked["fund"][0], 1) and asked["rate"][0] == 0
    assert (asked["fund"][1:] == 0).all()


def test_the_chance_of_the_goal_is_the_share_of_draws_that_reach_it() -> None:
    direct = np.array([60, 70, 80, 90])
    answer = synthetic(4, {"visits_direct": (direct - 10, direct), "visits_claimed": (110 - direct, 100 - direct)},
                       pd.DataFrame())  # fmt: skip
    found = briefing.goal(answer).iloc[0]
    assert (found["chance_before"], found["chance_after"]) == (0.5, 0.75)
    assert np.isclose(found["rate_after"], 0.75)


def test_points_for_money_are_left_out_where_a_draw_costs_nothing() -> None:
    cells = {
        "visits_direct": (50, 60),
        "visits_claimed": (50, 40),
        "fund_direct": (10**11, np.array([2 * 10**11, 10**11])),
    }
    assert briefing.worth(synthetic(2, cells, pd.DataFrame())).empty
    cells["fund_direct"] = (10**11, np.array([2 * 10**11, 3 * 10**11]))
    worth = briefing.worth(synthetic(2, cells, pd.DataFrame()))["worth"][0]
    assert np.isclose(worth, (10 / 10 + 10 / 20) / 2)


@both_languages
def test_a_report_says_that_patients_respond_where_they_were_made_to(answer: Results, lang: str) -> None:
    said = {
        "none": ("没有医院收入、患者外流和道德风险的变化", "nobody travels more or less"),
        "price": ("患者负担的价格", "price"),
        "eta": ("可直接结算", "settle"),
    }
    for form, words in said.items():
        pinned = {} if form == "none" else {"response.form": form}
        told = replace(answer, manifest={**answer.manifest, "pinned": pinned})
        limits = worded(told, "limits", lang)
        assert words[lang == "en"] in str(limits)
        assert (said["none"][lang == "en"] in str(limits)) == (form == "none")
        assert HOSTS[lang]["still"] in worded(told, "hosts", lang)[0]  # no bill moves
        bills = [AMOUNTS.index(f"bill_{way}") for way in CHANNELS]
        dearer = told.amounts.after.copy()
        dearer[..., bills] += dearer[..., bills] // 10
        first = worded(replace(told, after=dearer), "hosts", lang)[0]
        assert HOSTS[lang]["paid" if form == "none" else "moved"] in first and HOSTS[lang]["still"] not in first


@both_languages
def test_cases_that_all_come_from_home_are_no_moral_hazard(answer: Results, lang: texts.Lang) -> None:
    for form, told in (("none", True), ("price", True), ("eta", False)):
        pinned = {} if form == "none" else {"response.form": form}
        (gains,) = sections.sections(replace(answer, manifest={**answer.manifest, "pinned": pinned}), lang, ["gains"])
        seen = pieces.as_read(gains.tables[0], lang).iloc[:, 0]
        hazard, home = ("道德风险", "参保地") if lang == "zh" else ("moral hazard", "home")
        (volume,) = [one for one in seen if one.startswith(("就医量", "fund payment for more"))]
        assert seen.str.contains(hazard).any() == told == (hazard in volume) and home in volume


@both_languages
def test_hosts_paid_another_way_are_not_said_to_bill_the_same(
    cheaper: Results, answer: Results, lang: texts.Lang
) -> None:
    payment = {"zh": "付费方式改变", "en": "the way of payment"}[lang]
    for told, end in ((cheaper, "paid"), (answer, "still")):
        hosts, limits = worded(told, "hosts", lang), worded(told, "limits", lang)
        moved = parties.hosts(told)[["bill", "bill_low", "bill_high"]].to_numpy()
        assert (np.abs(moved) > 1).any() == (end == "paid") and HOSTS[lang][end] in hosts[0]
        assert payment in hosts[1] and (payment in " ".join(limits)) == (end == "paid")


def test_the_groups_of_insured_add_up_to_the_headline(answer: Results) -> None:
    who = parties.who(answer).set_index("group")
    schemes = ["scheme=employee", "scheme=resident"]
    assert set(who.index) == set(findings.GROUPS[:-1])  # nobody in the Delta is insured in the west
    for scheme in schemes:
        members = who.loc[[f"{scheme};member={member}" for member in ("working", "retired")]]
        for column in ("fund_base", "fund", "own"):
            assert np.isclose(members[column].sum(), who.loc[scheme, column]) and (members[column] != 0).all()
        assert members["rate_base"].min() < who.loc[scheme, "rate_base"] < members["rate_base"].max()
    who = who.loc[schemes]
    first = briefing.by_kind(answer).iloc[0]
    for of_group, of_all in (("fund_base", "base_yuan"), ("fund", "yuan"), ("own", "own")):
        assert np.isclose(who[of_group].sum(), first[of_all])
    assert who["rate_base"].min() < first["rate_base"] < who["rate_base"].max()


def test_the_tiers_of_hosts_have_all_of_their_care_and_tier_3_the_share_that_was_drawn(
    answer: Results,
) -> None:
    every = parties.tiers(answer).set_index("tier")
    assert list(every.index) == [1, 2, 3]
    assert np.allclose(every[["visits_base", "bills_base", "direct_base"]].sum(), 1)
    assert np.allclose(every[["visits", "bills", "direct"]].sum(), 0, atol=1e-9)
    drawn = answer.uncertain["visits.tier3_share"]
    assert np.isclose(every.loc[3, "visits_base"], drawn.mean(), atol=0.03)
    assert every.loc[3, "bills_base"] > every.loc[3, "visits_base"] and every.loc[3, "direct"] != 0
    hosts = parties.hosts(answer).set_index("code")
    third = parties.tiers(answer, "310000").set_index("tier").loc[3]
    assert hosts.loc["310000", "tier3_base_low"] == third["bills_base_low"] < third["bills_base"]
    assert np.allclose(hosts["bill"], 0, atol=0.01)  # nobody travels more often: the revenue of hospitals stays


def test_the_retired_and_the_tiers_stand_in_the_report(answer: Results) -> None:
    (who,) = sections.sections(answer, "zh", ["who"])[0].tables
    assert list(pieces.as_read(who, "zh")["参保人"][:3]) == ["职工", "其中：在职", "其中：退休"]
    assert [table.name for table in sections.sections(answer, "en", ["hosts"])[0].tables][-1] == "tiers"
    limits = str(worded(answer, "limits", "en"))
    assert "do not count" not in limits and "Hospital tier" not in limits


def test_the_residents_of_the_west_are_told_apart_where_they_are_changed() -> None:
    place = areas.provinces()
    totals = np.zeros((2, 4, 2, 32, 32, 2, len(AMOUNTS)), dtype=np.int64)
    sichuan, anhui, shanghai = (place.resolve(name)[0] for name in ("四川", "安徽", "上海"))
    for home, amount in ((sichuan, 5), (anhui, 3)):
        totals[:, 0, :, home, shanghai, 1, 6] = amount
    totals[:, 0, :, :, :, 0] = 99  # not touched
    west = np.isin(place.codes, areas.WEST)
    assert west.sum() == 13
    found = metrics.of_insured(totals, 0, west)[:, 6]
    assert found.tolist() == [2 * 8, 2 * 8, 2 * 5]


def test_gains_and_costs_stand_in_one_table_with_every_metric_the_run_has(answer: Results) -> None:
    found = briefing.gains(answer).set_index("item")
    assert set(metrics.UNITS) < set(found.index) and {"volume", "running_cost"} <= set(found.index)
    assert np.isclose(found.loc["fund_payment", "change"], -found.loc["own_payment", "change"])
    assert (found.loc["volume", ["change", "change_low", "change_high"]] == 0).all()
    missing = found[~found["told"]]
    assert set(missing.index) == set(briefing.NOT_ALWAYS) - set(metrics.UNITS) and missing["change"].isna().all()
    (table,) = sections.sections(answer, "en", ["gains"])[0].tables
    seen = pieces.as_read(table, "en").set_index("item")["note"]
    assert seen["cost to agencies and hospitals of running it"] == "not published: see the cost of running it"
    assert "nobody travels more or less" in seen[texts.said("metric.volume", "en")]


def test_a_metric_that_a_run_has_is_told_and_not_said_to_be_missing(answer: Results) -> None:
    effects = answer.tables["effects.csv"]
    effects = effects[effects["metric"] != "fines"]
    without = briefing.gains(replace(answer, tables={**answer.tables, "effects.csv": effects}))
    assert not without.set_index("item").loc["fines", "told"]
    more = effects[effects["metric"] == "fund_payment"].assign(metric="fines", change=-7e6, low=-8e6, high=-6e6)
    told = replace(answer, tables={**answer.tables, "effects.csv": pd.concat([effects, more])})
    row = briefing.gains(told).set_index("item").loc["fines"]
    assert row["told"] and row["change"] == -7e6
    seen = pieces.as_read(sections.sections(told, "en", ["gains"])[0].tables[0], "en").set_index("item").loc["fines"]
    assert seen["change"].startswith("−7.00 (") and seen["note"] == ""


def test_the_chance_of_the_goal_by_year_is_the_share_of_draws_and_rises_with_the_network(
    answer: Results,
) -> None:
    years = briefing.years(answer)
    assert list(years["year"]) == list(range(2018, 2028)) and (np.diff(years["rate"]) > -0.05).all()  # 2022: epidemic
    assert years["rate"].iloc[-1] > years["rate"].iloc[0] + 0.3
    assert list(years["year"][~years["published"]]) == [2025, 2026, 2027] and years["rate"].iloc[-1] < 1
    drawn = answer.tables["years.csv"]
    assert np.isclose(years["chance"].iloc[6], (drawn[drawn["year"] == 2024]["rate"] >= briefing.GOAL).mean())
    assert years["chance"].iloc[0] == 0 and np.isclose(years["rate"][0], drawn[drawn["year"] == 2018]["rate"].mean())
    said = pieces.as_read(sections.sections(answer, "en", ["goal"])[0].tables[1], "en")["year"]
    assert list(said[6:8]) == ["2024", "2025 (extrapolated)"]
    ends = register()["network.pace_ahead"]
    for lang, words in (("zh", "每月再接入 {} 至 {} 家"), ("en", "extrapolated: {} to {} institutions more a month")):
        assert words.format(f"{ends.low:g}", f"{ends.high:g}") in " ".join(worded(answer, "goal", lang))


def test_the_streams_are_the_bills_and_the_funnel_ends_in_the_rate(answer: Results) -> None:
    streams = briefing.streams(answer)
    paid = streams.groupby("home")["value"].sum()
    _, fund = answer.amounts.both("fund_payment", answer.headline)
    _, own = answer.amounts.both("own_payment", answer.headline)
    assert np.isclose(paid["fund"], fund.mean()) and np.isclose(paid["patient"], own.mean())
    _, rate = answer.amounts.both("direct_settlement_rate", answer.headline)
    assert np.isclose(briefing.funnel(answer).set_index("row").loc["direct", "value"], rate.mean())


@both_languages
def test_a_curve_that_falls_is_not_said_to_end_in_an_upper_bound(answer: Results, lang: texts.Lang) -> None:
    bound = {"zh": "右端为上界", "en": "Its right end is an upper bound"}[lang]
    points = answer.facts["rate_curve_points"]
    rising = [one | {"change": 0.5 * i} for i, one in enumerate(points)]
    answer = replace(answer, facts=answer.facts | {"rate_curve_points": rising})
    assert any(line.startswith(bound) for line in worded(answer, "curve", lang))
    assert {"zh": "，这是上界", "en": ", which is the upper bound"}[lang] in opening.sentences(answer, lang)
    points = answer.facts["rate_curve_points"]
    ends = [one | {"change": of["change"]} for one, of in zip(points, points[::-1], strict=True)]
    falling = replace(answer, facts=answer.facts | {"rate_curve_points": ends})
    assert bound not in " ".join(worded(falling, "curve", lang))
    assert {"zh": "上界", "en": "bound"}[lang] not in opening.sentences(falling, lang)


def test_the_gap_is_that_of_one_pair_before_and_after_and_mutual_recognition_lets_no_one_lose(
    answer: Results,
) -> None:
    table = briefing.gap(answer)
    assert set(table["home"].astype(str)) == {"320000"} and set(table["host"].astype(str)) == {"310000"}
    before, after = (table[table["side"] == side]["gap_yuan"].to_numpy() for side in ("baseline", "scenario"))
    assert len(before) == len(after) and (after >= before).all() and after.mean() > before.mean()
    shares = briefing.gap_shares(answer)
    assert np.allclose(shares[["claim", "equal", "direct"]].sum(axis=1), 1) and np.isclose(
        shares["mean"][0], before.mean()
    )


def test_the_pools_are_told_each_december_and_by_share_of_their_spending(answer: Results) -> None:
    money = parties.reserves(answer)
    assert list(dict.fromkeys(money["month"])) == ["2024-12", "2025-12", "2026-12"]
    employee = money[(money["indicator"] == "months_payable") & (money["group"] == "scheme=employee")]
    assert (employee["base"] > 12).all() and (employee["change"] < 0).all()
    assert len(parties.payable(answer)) == 2 * 36
    homes = parties.homes(answer)
    assert (homes["whole"] > 0).all() and (homes["whole"] < homes["elsewhere"]).all()
    hosts = parties.hosts(answer).set_index("name_en")
    assert hosts.loc["Shanghai", "siphon_base"] > 0.5 > hosts.loc["Anhui", "siphon_base"]


@both_languages
def test_every_picture_of_a_report_says_in_words_what_it_shows_and_from_where(
    answer: Results, lang: texts.Lang
) -> None:
    pictures = {one.name: one for section in sections.sections(answer, lang) for one in section.pictures}
    assert {"kinds", "curve", "causes", "funnel", "gap", "homes", "origins", "streams", "money", "fit"} <= set(pictures)
    for one in pictures.values():
        ax = pieces.picture(one)
        words = plots.alt(ax)
        assert opening.source(answer, lang) in words and ax.get_xlabel() in words and re.search(r"[0-9]", words)


def test_the_measures_of_a_package_add_up_and_stand_in_report_workbook_and_seal(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Path(shutil.copytree(package, tmp_path / "mine"))
    answer = folders.read(mine)
    *each, whole = briefing.measures(answer).to_dict("records")
    assert [one["title_en"].split()[0] for one in each] == ["Mutual", "No"] and whole["title_zh"] == "合计"
    for name in ("fund", "rate"):
        assert np.isclose(sum(one[name] for one in each), whole[name])
    assert np.isclose(100 * whole["rate"], answer.facts["rate_points"]["change"], rtol=0.1)
    html = made(mine, "zh", str(answer.facts["scenario"])).read_text(encoding="utf-8")
    assert "各项措施的贡献" in html and "measures" in openpyxl.load_workbook(mine / "report_zh" / pack.WORKBOOK)
    table = pd.read_csv(split := mine / "measures.csv")
    folders.write_whole(split, folders.csv(table.assign(shapley=1e9)))
    assert cli.main(["verify", str(mine)]) == 2
    assert f"{split}:1:1: altered" in capsys.readouterr().err


def test_a_run_that_was_not_split_says_nothing_of_measures(answer: Results) -> None:
    assert briefing.measures(answer).empty and sections.sections(answer, "en", ["measures"]) == []


def test_what_cannot_be_split_is_refused_before_anything_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", str(ROOT / "scenarios" / "baseline.yaml"), "--attribute"]) == 2
    assert "nothing to split" in capsys.readouterr().err


def test_claims_avoided_are_worth_their_trouble_and_the_wait_for_their_money() -> None:
    uncertain = pd.DataFrame(
        {"channels.hassle_inpatient": [300.0, 500.0], "channels.interest": 0.01, "channels.delay_months": [2.0, 4.0]}
    )
    cells = {"visits_claimed": (100, 60), "fund_claimed": (10**6, 6 * 10**5), "network_cost": (0, 7 * 10**8)}
    answer = replace(synthetic(2, cells, uncertain), groups={"pairs=changed;kind=inpatient": 0})
    found = running.costs(answer).set_index("item")
    assert found.loc["claims", ["base", "change"]].tolist() == [100, -40]
    assert np.isclose(found.loc["trouble", "change"], -40 * 400) and np.isclose(found.loc["trouble", "base"], 40_000)
    assert np.isclose(found.loc["waiting", "change"], -4000 * 0.03)  # yuan x 1 % a month x 3 months
    assert found.loc["connecting", "change"] == 7e6
    sets = [{"lever": "claims.hassle_saved"}]
    assert running.eases_claims(replace(answer, facts={"sets": sets})) and not running.eases_claims(answer)


@both_languages
def test_the_cost_of_running_it_names_what_nobody_publishes_without_a_figure(answer: Results, lang: texts.Lang) -> None:
    (table,) = sections.sections(answer, lang, ["running"])[0].tables
    seen = pieces.as_read(table, lang)
    assert len(seen) == 4 + len(running.UNKNOWN)
    assert (seen.iloc[4:, 1:3] == "–").all(axis=None) and (seen.iloc[:4, 2] != "–").all()
    assert (seen.iloc[4:, -1].str.len() > 5).all()


def forged(folder: Path, name: str, content: bytes) -> None:
    """Write a file of a run folder by hand, and a manifest whose hashes fit it."""
    (folder / name).write_bytes(content)
    manifest(folder, tables_sha256={of: facts.sha256(folder / of) for of in folders.NAMES[:-1]})


def without(folder: Path, name: str, key: str) -> bytes:
    """Return a file of a run folder without one key or column."""
    if name == "headline.json":
        facts = json.loads((folder / name).read_bytes())
        return json.dumps([{k: v for k, v in one.items() if k != key} for one in facts]).encode()
    if name.endswith(".parquet"):
        return folders.parquet(pd.read_parquet(folder / name).drop(columns=key))
    return folders.csv(pd.read_csv(folder / name).drop(columns=key))


@pytest.mark.parametrize(
    ("name", "key"),
    [("headline.json", key) for key in ("scenario", "geography", "group", "fund_percent", "rests_on", "sets", "year")]
    + [("metrics.parquet", key) for key in ("draw", "side", "group", "fund_direct")]
    + [("effects.csv", "metric"), ("ledger.parquet", "month"), ("funnel.csv", "part"), ("years.csv", "rate")]
    + [
        ("measures.csv", "shapley"),
        ("fit.csv", "role"),
        ("who.csv", "metric"),
        ("tiers.csv", "of"),
        ("gaps.csv", "gap_yuan"),
        ("fund_effects.csv", "part"),
    ],
)
def test_a_folder_forged_with_hashes_that_fit_is_one_message(
    mine: Path, name: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forged(mine, name, without(mine, name, key))
    assert cli.main(["verify", str(mine)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Traceback" not in captured.err and str(mine) in captured.err
    assert "hashes fit, but its content is not what" in captured.err or f"has no column {key}: forged" in captured.err


@pytest.mark.parametrize("seed", range(6))
def test_values_changed_at_random_under_hashes_that_fit_are_never_a_traceback(
    mine: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(4):
        (name,) = rng.choice(["headline.json", "effects.csv", "fit.csv", "years.csv", "who.csv", "attention.csv"], 1)
        lines = (mine / name).read_text(encoding="utf-8").split("\n")
        at = int(rng.integers(len(lines)))
        strange = ['"', "null,", "1e999", "-1,-1", "\u202e", "{", "[]", "0" * 400]
        lines[at] = re.sub(r"[0-9.]+|[a-z_]+", strange[int(rng.integers(len(strange)))], lines[at], count=1)
        forged(mine, str(name), "\n".join(lines).encode())
        for command in (["verify", str(mine)], ["report", str(mine), "--lang", "en", "--scenario", "no_change"]):
            assert cli.main(command) in (0, 2)
            assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("key", ["draws", "seed", "pinned", "scenarios_sha256", "data_sha256", "people_drawn"])
def test_a_manifest_that_lacks_a_key_is_one_message(mine: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((mine / folders.MANIFEST).read_bytes())
    content.pop(key)
    content.pop("sha256")
    whole = content | {"sha256": folders.digest(folders.written(content))}
    (mine / folders.MANIFEST).write_bytes(folders.written(whole))
    found = cli.main(["verify", str(mine)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err and (found == 2) == (key != "data_sha256")


@both_languages
def test_a_notebook_shows_the_report_word_for_word(answer: Results, mine: Path, lang: texts.Lang) -> None:
    page, document = pack.page(answer, lang), made(mine, lang).read_text(encoding="utf-8")
    assert page.same(document) and not page.same(document.replace("<b>+", "<b>+9", 1))
    assert all(f"<h2>{one.title}</h2>" in page._repr_html_() for one in sections.sections(answer, lang))
    assert "--blue:" in page.style and "base64" not in page.style and "base64" not in repr(page)


def test_the_register_says_every_unit_and_most_sources_in_chinese(answer: Results) -> None:
    _, table = sections.sections(answer, "zh", ["register"])[0].tables
    seen = pieces.as_read(table, "zh")
    assert not seen["单位"].str.contains("[a-z]").any() and (seen["来源"] == "假设：没有公布的数值").mean() > 0.5
    assert {"50,000 至 1,000,000", "−0.035 至 0.02"} <= set(seen["范围"])


@both_languages
def test_a_scenario_that_only_moves_money_says_where_that_is_told(answer: Results, lang: texts.Lang) -> None:
    zero = dict.fromkeys(("change", "low", "high"), 0.0) | {"baseline": 1.0}
    still = answer.facts | {"fund_percent": zero, "rate_points": zero}
    moved = {"rows": [{"change": 1.0}]}
    seen = opening.sentences(replace(answer, facts=still | {"money": moved}), lang)
    nothing, money = {
        "zh": ("该情景不改变任何地区的任何病例，因此基金支付和直接结算率的变化恰为 0。",
               "它改变的是资金何时、从哪里支付：见“统筹基金累计结余可支付月数”。"),
        "en": ("This scenario changes no case anywhere, so that fund payment and direct settlement rate change by "
               "exactly 0.",
               " It moves when and from where money is paid: see months of reserves."),
    }[lang]  # fmt: skip
    assert seen == nothing + money
    still["money"] = {"rows": [{"change": 0.0}]}
    assert opening.sentences(replace(answer, facts=still), lang) == nothing
