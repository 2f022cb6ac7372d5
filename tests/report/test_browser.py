"""A report as a browser shows it: without a network, every glyph there, nothing to scroll sideways on a phone."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simlib import cli
from simlib.files import texts
from simlib.report import brief, pack
from simlib.study import findings

ROOT = Path(__file__).parents[2]
CHROMIUM = next((found for name in pack.BROWSERS if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: Debian has it as `apt-get install chromium`")

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LANGS = ("zh", "en")

CONTRAST = """() => {
  const channel = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 };
  const light = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number);
                       return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b) };
  const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                      if (c !== 'rgba(0, 0, 0, 0)') return c } return 'rgb(255, 255, 255)' };
  const written = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll('main *')].filter(written).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) }) }"""


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("browser") / "run"
    scenario = str(ROOT / "scenarios" / "delta_mutual_recognition.yaml")
    assert cli.main(["run", scenario, "--draws", "4", "--people", "1000", "--out", str(folder)]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "FEWEST_TO_NAME", 4)  # so that every section is there
        for lang in LANGS:
            assert cli.main(["report", str(folder), "--lang", lang]) == 0
    return {lang: folder / f"report_{lang}" / pack.HTML for lang in LANGS}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    own = tmp_path_factory.mktemp("profile")
    arguments = [one for one in pack.flags(own) if not one.startswith(("--headless", "--user-data-dir"))]
    with sync_api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


def opened(browser: Any, page: Path, viewport: dict[str, int]) -> tuple[Any, list[str]]:
    """Return a report as a browser without a network shows it, and all that it asked for or complained of."""
    shown = browser.new_context(viewport=viewport, offline=True, java_script_enabled=True).new_page()
    noise: list[str] = []
    shown.on("console", lambda message: noise.append(f"{message.type}: {message.text}"))
    shown.on("pageerror", lambda error: noise.append(str(error)))
    shown.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else noise.append(asked.url))
    shown.on("requestfailed", lambda asked: noise.append(f"failed: {asked.url[:80]}"))
    shown.goto(page.as_uri())
    shown.evaluate("document.fonts.ready")
    return shown, noise


def fonts_of(page: Any) -> list[dict[str, Any]]:
    """Return the fonts that a page's first texts are shown in."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    written = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": "main h1, h2, p, li *, code, td, pre"})
    return [
        font
        for node in written["nodeIds"][:500]
        for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    ]


every_screen = pytest.mark.parametrize(
    ("lang", "viewport"),
    list(itertools.product(LANGS, (DESKTOP, PHONE))),
    ids=["zh-desktop", "zh-phone", "en-desktop", "en-phone"],
)


@every_screen
def test_it_opens_without_a_network_and_fits_the_screen(
    browser: Any, reports: dict[str, Path], lang: str, viewport: dict[str, int]
) -> None:
    page, noise = opened(browser, reports[lang], viewport)
    assert noise == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    answer = page.locator(".answer").bounding_box()
    verdict = page.locator(".verdict").bounding_box()
    assert 0 < answer["y"] < verdict["y"] and verdict["y"] + verdict["height"] <= viewport["height"]
    page.context.close()


@pytest.mark.parametrize("lang", LANGS)
def test_headings_are_in_order_and_the_language_is_said(browser: Any, reports: dict[str, Path], lang: str) -> None:
    page, _ = opened(browser, reports[lang], DESKTOP)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and len(levels) > 8
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    assert page.evaluate("document.documentElement.lang").startswith(lang)
    assert page.evaluate("[...document.images].every(i => i.alt.length > 40)")
    page.context.close()


@pytest.mark.parametrize("lang", LANGS)
def test_every_text_is_dark_enough_on_its_ground(browser: Any, reports: dict[str, Path], lang: str) -> None:
    page, _ = opened(browser, reports[lang], DESKTOP)
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 100 and min(contrasts) >= 4.5
    page.context.close()


@pytest.mark.parametrize("lang", LANGS)
def test_every_glyph_comes_from_the_embedded_font(browser: Any, reports: dict[str, Path], lang: str) -> None:
    page, _ = opened(browser, reports[lang], DESKTOP)
    assert page.evaluate("[...document.fonts].map(f => f.status)") == ["loaded"]
    fonts = fonts_of(page)
    assert len(fonts) > 100 and all(font["isCustomFont"] for font in fonts)
    page.context.close()


@pytest.mark.parametrize(("lang", "exporter"), [("zh", brief.Chinese), ("en", brief.English)])
def test_a_notebook_exported_as_a_brief_has_its_font_inside_and_asks_nothing(
    browser: Any, tmp_path: Path, lang: str, exporter: Any
) -> None:
    html, _ = exporter().from_filename(str(ROOT / "notebooks" / "07_yangtze_delta_brief.ipynb"))
    (tmp_path / "brief.html").write_text(html, encoding="utf-8")
    page, noise = opened(browser, tmp_path / "brief.html", DESKTOP)
    assert noise == []
    fonts = fonts_of(page)
    assert len(fonts) > 100 and all(font["isCustomFont"] for font in fonts)
    assert page.evaluate("document.documentElement.lang") == lang
    page.context.close()


def test_it_prints_to_a_pdf_of_pages(reports: dict[str, Path]) -> None:
    raw = pack.printed(reports["zh"], str(CHROMIUM))
    assert raw.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", raw)) > 3


def test_a_browser_that_fails_is_one_message(reports: dict[str, Path]) -> None:
    with pytest.raises(pack.BadInputError, match="failed"):
        pack.printed(reports["en"], shutil.which("false") or "false")


@pytest.fixture(scope="session")
def played(browser: Any) -> Iterator[Any]:
    """Give the page to play with, its draws solved, nothing but its own server on this machine reached."""
    pytest.importorskip("voila", reason="no Voilà: pip install 'simlib[app]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address, port = "127.0.0.1", probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(ROOT / "notebooks" / "app.ipynb"), "--no-browser"]
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= {"PYTHONPATH": str(ROOT), "JUPYTER_ALLOW_INSECURE_WRITES": "1"}
    server = subprocess.Popen(
        [*command, f"--Voila.ip={address}", f"--port={port}"], env=environment, cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://{address}:{port}/voila/static/", timeout=5)
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.2)
        page = browser.new_context(viewport=DESKTOP, accept_downloads=True).new_page()
        page.route(lambda url: not url.startswith(f"http://{address}:{port}/"), lambda route: route.abort())
        page.goto(f"http://{address}:{port}/", timeout=300_000)
        page.wait_for_selector(".simlib .noUi-handle", timeout=300_000)
        yield page
        page.context.close()
    finally:
        server.terminate()
        server.wait(30)


def moved(page: Any, key: str) -> tuple[str, float]:
    """Press a key on the slider of service lists; return the first figure that it leads to, and after how long."""
    old = page.locator(".simlib .figures").inner_text()
    page.locator(".noUi-handle").nth(1).focus()
    began = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(
        "old => { const now = document.querySelector('.simlib .figures b');"
        " return now && document.querySelector('.simlib .figures').innerText !== old }",
        arg=old, timeout=120_000,
    )  # fmt: skip
    return str(page.locator(".simlib .figures b").first.inner_text()), time.perf_counter() - began


def test_a_slider_that_is_moved_changes_the_figures(played: Any, record_property: Any) -> None:
    page = played
    assert texts.said("app.none", "zh") in page.locator(".simlib").inner_text()
    full, _ = moved(page, "End")
    some, seconds = moved(page, "PageDown")
    record_property("seconds_from_slider_to_figure", round(seconds, 2))  # 3 s are promised on two free cores
    print(f"from slider to figure: {seconds:.1f} s")
    assert 0 < float(some.strip("+%")) < float(full.strip("+%"))
    assert page.locator(".simlib img").get_attribute("alt")
    for viewport in (PHONE, DESKTOP):
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    page.locator(".simlib select").select_option(index=1)
    page.wait_for_function(f"document.querySelector('.simlib .rest').innerText.includes({'京津冀'!r})", timeout=120_000)
    page.get_by_text("English").click()
    page.wait_for_function(
        "document.querySelector('.simlib .figures').innerText.includes('Payment of home funds')", timeout=120_000
    )


def test_the_report_of_a_page_can_be_taken_away(played: Any, tmp_path: Path) -> None:
    page = played
    moved(page, "PageDown" if page.locator(".simlib .figures b").count() else "End")
    page.locator(".simlib .rest button").click()
    page.wait_for_selector(".simlib a[download]", timeout=300_000)
    with page.expect_download() as download:
        page.locator(".simlib a[download]").click()
    taken = tmp_path / "taken.zip"
    download.value.save_as(taken)
    shutil.unpack_archive(taken, tmp_path / "pack")
    assert {path.name for path in (tmp_path / "pack").iterdir()} == {pack.HTML, pack.WORKBOOK, "trial.yaml"}
    assert pack.verify(tmp_path / "pack" / pack.HTML)
