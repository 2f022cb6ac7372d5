"""The files that a reader gets: a report as HTML and PDF, its tables as a workbook, pictures as PNG; and the check."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from simlib.compiled import rules_sha
from simlib.errors import BadInputError, Fault, shown
from simlib.files import documents
from simlib.files.facts import sha256, write_whole
from simlib.files.texts import LANGS, Lang, said
from simlib.fund import reconcile
from simlib.report import opening, pieces, plots, prose, sections
from simlib.study import folders
from simlib.study.results import Results
from simlib.study.tables import TABLES

NOTEBOOK_DPI, SCREEN_DPI, PRINT_DPI = 80, 170, 300
MAX_REPORT = 20_000_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PRINT_SECONDS = 60
(HTML, PDF), WORKBOOK = folders.REPORTS, "tables.xlsx"
FONT_HERE = "FONT"
MAKERS = ("matplotlib", "pillow", "fonttools", "Jinja2", "numpy", "pandas", "scipy")
"""Libraries on whose version the bytes of a report hang."""


def write(
    run: Path, lang: Lang, *, scenario: str | None = None, folder: Path | None = None, pdf: bool = False
) -> list[Path]:
    """Write the report of a finished run, each file whole, the HTML last but for its print; return the files.

    Parameters
    ----------
    run : folder of the run. scenario : which, if it holds several. folder : where to write (default: a folder
    `report_LANG` in the run's, with the scenario's name where there are several). pdf : print the HTML too.

    Raises
    ------
    BadInputError : the run is incomplete, altered or of another version; a file cannot be written; no Chromium.
    """
    browser = chromium() if pdf else ""
    whole = folders.read(run)
    with folders.believed(run):
        study = folders.chosen(whole, run, scenario)
        several = f"{study.name}_" if len(whole) > 1 else ""
        folder = folder or run / f"report_{several}{lang}"
        content = made(study, lang)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folders.REPORTS:  # older than the pictures that now are written beside it
            (folder / old).unlink(missing_ok=True)
        for name, raw in content.items():
            write_whole(folder / name, raw)
        if pdf:
            write_whole(folder / PDF, printed(folder / HTML, browser))
    except OSError as error:
        raise BadInputError(
            f"{folder}: cannot be written ({error.strerror}). Free space, or name another --out."
        ) from None
    return [folder / name for name in [*content, *([PDF] if pdf else [])]]


def made(study: Results, lang: Lang) -> dict[str, bytes]:
    """Return the files of a report by name: workbook, pictures for print, the HTML last."""
    chapters = sections.sections(study, lang)
    content = {WORKBOOK: workbook(study, chapters, lang)}
    screen: dict[str, tuple[str, bytes]] = {}
    for one in (p for section in chapters for p in section.pictures):
        ax = pieces.picture(one)
        screen[one.name] = plots.alt(ax), png(ax.figure, SCREEN_DPI)
        content[f"{one.name}.png"] = png(ax.figure, PRINT_DPI)
    return content | {HTML: html(study, chapters, screen, lang).encode()}


@dataclass(frozen=True)
class Page:
    """A report as a notebook shows it: the same first screen and sections as in `report.html`, its pictures smaller."""

    body: str
    style: str

    def _repr_html_(self) -> str:
        """Return how a notebook shows it."""
        own = f".simlib-report.simlib-report {{ {self.style} }}"  # twice: before what a notebook says of tables
        return f'<style>{own}</style><div class="simlib-report">{self.body}</div>'

    def __repr__(self) -> str:
        """Return what is said of it where it cannot be shown."""
        return f"a report of {self.body.count('<h2>')} sections"

    def same(self, document: str) -> bool:
        """Return whether a `report.html` says the same, word for word, its pictures' bytes apart."""
        return _without_pictures(self.body) == _without_pictures(_between(document, *BODY))


def page(study: Results, lang: Lang) -> Page:
    """Return the report of a scenario for a notebook, made by what makes `report.html`."""
    chapters = sections.sections(study, lang)
    document = html(study, chapters, _screen(chapters, NOTEBOOK_DPI), lang)
    return Page(_between(document, *BODY), _between(document, *COLOURS) + _between(document, *STYLE))


BODY, COLOURS = ("<main>", "</main>"), (":root {", "}")
STYLE = ("/* Also of a report in a notebook. */", "/* Only of a document of its own. */")
"""What encloses the content of a report, its colours, and the style that it needs in a notebook too."""


def _between(document: str, start: str, end: str) -> str:
    """Return what a document has between two marks."""
    at = document.index(start) + len(start)
    return document[at : document.index(end, at)]


def _without_pictures(body: str) -> str:
    """Return the body of a report without the bytes of its pictures; what they show in words stays."""
    return re.sub(r'src="data:[^"]*"', "", body)


def _screen(sections: list[pieces.Section], dpi: int) -> dict[str, tuple[str, bytes]]:
    """Return the pictures of sections by name: in words, and as PNG."""
    axes = {one.name: pieces.picture(one) for section in sections for one in section.pictures}
    return {name: (plots.alt(ax), png(ax.figure, dpi)) for name, ax in axes.items()}


def png(figure: Any, dpi: int) -> bytes:
    """Return a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def html(study: Results, sections: list[pieces.Section], screen: dict[str, tuple[str, bytes]], lang: Lang) -> str:
    """Return a report as one HTML document that asks nothing of the network, its font cut to what it uses, sealed."""
    filled = [_filled(section, screen, lang) for section in sections]
    values = {"version": version("simlib"), "sections": filled} | opening.values(study, lang)
    document = prose.document(lang, values | {section.name: section.values for section in sections})
    document = document.replace(f"base64,{FONT_HERE})", f"base64,{_base64(font(document))})", 1)
    about = {
        "run": study.manifest.get("sha256", ""),
        "scenario": study.facts["scenario"],
        "lang": lang,
        "sources": sources(),
    }
    return sealed(document + "\n", about)


def sources() -> str:
    """Return the SHA-256 of what makes a report: sources of simlib, the texts, tables and font it has, libraries."""
    folders_ = [Path(str(files("simlib") / name)) for name in ("data", "report/templates")]
    parts = [
        rules_sha(),
        *(f"{name} {version(name)}" for name in MAKERS),
        *(f"{path.name} {sha256(path)}" for path in sorted(path for folder in folders_ for path in folder.iterdir())),
    ]
    return folders.digest("\n".join(parts).encode())


def _filled(section: pieces.Section, screen: dict[str, tuple[str, bytes]], lang: Lang) -> dict[str, Any]:
    """Return a section as the template needs it."""
    shots = [screen[one.name] for one in section.pictures]
    return {
        "name": section.name,
        "title": section.title,
        "pictures": [{"alt": alt, "src": f"data:image/png;base64,{_base64(png)}"} for alt, png in shots],
        "tables": [
            {
                "title": made.title,
                "heads": [
                    {"words": column.head, "sort": "" if column.unit in pieces.TEXTS else "n"}
                    for column in made.columns
                ],
                "rows": [[{"words": w, "sort": sort} for w, sort in row] for row in pieces.words(made, lang)],
            }
            for made in section.tables
        ],
    }


def _base64(raw: bytes) -> str:
    """Return bytes as text for a data address."""
    return base64.b64encode(raw).decode()


def font(text: str) -> bytes:
    """Return the shipped font cut to the characters of a text, as WOFF."""
    from fontTools import subset, ttLib

    whole = ttLib.TTFont(plots.FONT, recalcTimestamp=False)
    cutter = subset.Subsetter(subset.Options(layout_features=["kern"], hinting=False))
    cutter.populate(text=text + "".join(map(chr, range(0x20, 0x7F))))
    cutter.subset(whole)
    whole.flavor = "woff"
    buffer = io.BytesIO()
    whole.save(buffer)
    return buffer.getvalue()


def workbook(study: Results, sections: list[pieces.Section], lang: Lang) -> bytes:
    """Return every table of a report as a workbook, a sheet each after one of contents; texts are never formulas."""
    import openpyxl

    book = openpyxl.Workbook()
    contents = book.active
    contents.title = said("contents", lang)
    _line(contents, [opening.title(study, lang)])
    _line(contents, [prose.plain("kicker", lang, {})])
    _line(contents, [said("sheet", lang), said("table", lang)])
    for made in (one for section in sections for one in section.tables):
        sheet = book.create_sheet(made.name)
        _line(contents, [made.name, made.title])
        contents.cell(contents.max_row, 1).hyperlink = f"#'{made.name}'!A1"
        keys = [key for column in made.columns for key in column.keys]
        _line(sheet, [head for column in made.columns for head in _heads(column, lang)])
        for row in made.frame[keys].itertuples(index=False):
            _line(sheet, list(row))
        sheet.freeze_panes = "A2"
    for sheet in book.worksheets:
        for letter, column in enumerate(sheet.iter_cols(values_only=True), 1):
            longest = max(len(str(value)) for value in column if value is not None) if any(column) else 0
            sheet.column_dimensions[openpyxl.utils.get_column_letter(letter)].width = min(max(longest, 8), 50) + 2
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _heads(column: pieces.Column, lang: Lang) -> list[str]:
    """Return the headings of these columns."""
    ends = [f"{column.head}, {said(end, lang)}" for end in ("low", "high")[: len(column.keys) - 1]]
    return [column.head, *ends]


def _line(sheet: Any, values: list[Any]) -> None:
    """Append a row to a sheet: numbers as numbers, no number as nothing, all else as text."""
    row = sheet.max_row + 1 if sheet.max_row > 1 or sheet.cell(1, 1).value is not None else 1
    for column, value in enumerate(values, 1):
        cell = sheet.cell(row, column)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            cell.value = None if value != value else value
            cell.number_format = "#,##0.###"
        else:
            cell.value = shown(value, opening.LONGEST_QUESTION)
            cell.data_type = "s"


def chromium() -> str:
    """Return the path of the machine's Chromium or Chrome.

    Raises
    ------
    BadInputError : there is none.
    """
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise BadInputError(
        "--pdf: no Chromium or Chrome on this machine. Install one (Debian: apt-get install chromium), or open "
        "report.html in any browser and print it."
    )


def flags(profile: Path) -> list[str]:
    """Return how Chromium is started: unseen, asking nothing of the network, with an own empty profile."""
    quiet = ("quic", "background-networking", "component-update", "sync", "gpu", "extensions")
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return ["--headless", *root, "--no-first-run", *(f"--disable-{one}" for one in quiet), f"--user-data-dir={profile}"]


def printed(page: Path, browser: str) -> bytes:
    """Return an HTML file printed to PDF.

    Raises
    ------
    BadInputError : Chromium does not print it.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.pdf"
        profile = Path(folder) / "profile"
        command = [
            browser,
            *flags(profile),
            "--no-pdf-header-footer",
            f"--print-to-pdf={made}",
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PRINT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise BadInputError(
                f"--pdf: {browser} did not finish in {PRINT_SECONDS} s. Print {page} by hand."
            ) from None
        if done.returncode or not made.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise BadInputError(f"--pdf: {browser} failed ({shown(last, 200)}). Print {page} by hand.")
        return made.read_bytes()


SEAL = '<script type="application/json" id="seal">', "</script>"
"""What encloses the seal of a report, one line: what the report was made from, and the SHA-256 of all of it."""
LONGEST_LINE = 160
"""Signs that are shown of a line that differs."""


def sealed(document: str, about: dict[str, str]) -> str:
    r"""Return an HTML document with its seal before the end of the body; `about` says what it was made from.

    >>> opened(sealed("<p>1</p>\n</body>\n", {"run": "x"}))
    ({'run': 'x'}, True)
    >>> sealed("</body>", {"scenario": "</script>"}).count("</script>")
    1
    """
    lines = document.split("\n")
    at = lines.index("</body>")
    seal = json.dumps(about | {"sha256": _hash(lines, about)}).replace("<", "\\u003c").join(SEAL)  # no end of a script
    return "\n".join([*lines[:at], seal, *lines[at:]])


def opened(document: str) -> tuple[dict[str, Any], bool] | None:
    r"""Return what the seal of a document says, and whether all is as it was sealed; None if no seal can be read.

    >>> opened("<p>1</p>") is None, opened(sealed("<p>1</p>\n</body>\n", {}).replace("1", "2", 1))
    (True, ({}, False))
    """
    lines = document.split("\n")
    found = [line for line in lines if line.startswith(SEAL[0]) and line.endswith(SEAL[1])]
    try:
        about = json.loads(found[0].removeprefix(SEAL[0]).removesuffix(SEAL[1])) if len(found) == 1 else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(about, dict):
        return None
    own = about.pop("sha256", None)
    return about, own == _hash([line for line in lines if line != found[0]], about)


def _hash(lines: list[str], about: dict[str, Any]) -> str:
    """Return the SHA-256 of a document's lines but for its seal, and of what that says."""
    return hashlib.sha256("\n".join([*lines, json.dumps(about)]).encode()).hexdigest()


def verify(path: Path, run: Path | None = None) -> list[str]:
    """Return what was checked of a run folder or a report, in words.

    A run folder is checked against its manifest, and the reports in it. A report is checked against its own seal, then,
    where its run is given or lies around it, made again and compared.

    Raises
    ------
    BadInputError : something was altered: which file, or which line of the report, where its run tells.
    """
    if path.is_dir():
        return _verified_run(path)
    document = documents.content(path, MAX_REPORT, "report", "It is no report of simlib.").decode("utf-8", "replace")
    seal = opened(document)
    if seal is None:
        raise _fault(path, 1, "has no seal: no report of simlib, or its last lines were altered")
    run = run or next((one for one in (path.parent, path.parent.parent) if (one / folders.MANIFEST).is_file()), None)
    again, compared = _again(path, seal, run) if run else (None, NO_RUN)
    if again is not None and again != document:
        raise _fault(path, *first_difference(document, again))
    if not seal[1]:
        raise _fault(path, 1, f"altered, it or its seal (SHA-256). Which line: {compared}")
    return [f"{path}: as it was sealed (SHA-256)", compared]


NO_RUN = "not compared with its run: add --run FOLDER. A seal shows a slip, not a forger."


def _verified_run(folder: Path) -> list[str]:
    """Return what was checked of a run folder and of the reports in it."""
    whole = folders.read(folder)
    with folders.believed(folder):
        if wrong := folders.contradicted(whole):
            what = "not what the draws in metrics.parquet give: forged, its hash fits. Run it again."
            raise BadInputError(*(Fault(str(folder), 1, 1, f"{one}: {what}") for one in wrong))
        for one in whole:
            opening.values(one, "en")
            sections.sections(one, "en")
    said_ = [
        f"{folder}: the manifest and {len(TABLES)} tables are as the run wrote them (SHA-256: shows a slip,"
        " not a forger); headlines and effects follow from the draws"
    ]
    if (folder / folders.BOOKS / folders.MANIFEST).is_file():
        reconcile.complete(folder)
        said_ += [f"{folder / folders.BOOKS}: the books of that run, as they were written (SHA-256)"]
    reports = sorted(folder.glob(f"report_*/{HTML}"))
    return said_ + [line for one in reports for line in verify(one, folder)]


def _again(path: Path, seal: tuple[dict[str, Any], bool], run: Path) -> tuple[str | None, str]:
    """Return the report that a seal speaks of, made again from its run, if it can be; and in words what was done.

    Raises
    ------
    BadInputError : the run was altered, or is another; the seal names a language or scenario that there is not.
    """
    whole, (about, sealed_so) = folders.read(run), seal
    if whole.manifest["sha256"] != about.get("run"):
        other = "made from another run than the one in {}. Make the report again."
        raise _fault(
            path, 1, (other if sealed_so else "altered, it or its seal (SHA-256), and {} is not its run").format(run)
        )
    if sources() != about.get("sources"):
        return None, f"{run}: the run it names, unaltered; not made again, as the sources of simlib differ from its own"
    lang = about.get("lang")
    if lang not in LANGS:
        raise BadInputError(f"found the language {shown(lang)} in a seal. Expected {' or '.join(LANGS)}.")
    with folders.believed(run):
        again = made(whole[str(about.get("scenario"))], lang)[HTML].decode()
    return again, f"{run}: the run it names, unaltered; made again from it, the report is the same line by line"


def first_difference(document: str, again: str) -> tuple[int, str]:
    r"""Return the first line of a report that is not as its run makes it, and what stands there.

    >>> first_difference("a\nb", "a\nc"), first_difference("a", "a\nb"), first_difference("a\nb", "a")
    ((2, 'altered, now: b'), (2, 'lines that stood here are missing'), (2, 'added: b'))
    """
    found, expected = document.split("\n"), again.split("\n")
    at = next(i for i, (one, other) in enumerate(itertools.zip_longest(found, expected)) if one != other)
    rest = len(found) - at, len(expected) - at
    if rest[0] < rest[1] and (not rest[0] or found[-rest[0] :] == expected[-rest[0] :]):
        return at + 1, "lines that stood here are missing"
    what = (
        "added" if rest[0] > rest[1] and (not rest[1] or found[-rest[1] :] == expected[-rest[1] :]) else "altered, now"
    )
    return at + 1, f"{what}: {found[at][:LONGEST_LINE]}"


def _fault(path: Path, line: int, what: str) -> BadInputError:
    """Return what is wrong with a line of a report."""
    return BadInputError(Fault(str(path), line, 1, shown(what, 300)))
