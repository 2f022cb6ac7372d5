"""The house keeps its own rules: style, types, layers, top level, and compiled rules that follow their source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from simlib import compiled, quantities

ROOT = Path(__file__).parent.parent
TOP = {
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
    "README.md",
    "notebooks",
    "pyproject.toml",
    "scenarios",
    "simlib",
    "tests",
}


def test_the_lowest_versions_that_are_tried_are_those_that_are_allowed() -> None:
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    tried = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()[1:]
    least = dict(one.split(">=") for one in allowed)
    pinned = dict(one.split("==") for one in tried)
    assert pinned.keys() == least.keys()
    assert all(re.fullmatch(rf"{re.escape(version)}(\.0)*", pinned[name]) for name, version in least.items())


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports", "--no-cache"]],
    ids=lambda command: command[0] + command[1][:7] if len(command) > 1 else command[0],
)
def test_style_types_and_layers(command: list[str]) -> None:
    tool = shutil.which(command[0], path=str(Path(sys.executable).parent)) or command[0]
    found = subprocess.run([tool, *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_nothing_stands_at_the_top_but_what_was_agreed() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    top = {name.split("/")[0] for name in tracked}
    assert {name for name in top if not name.startswith(".")} == TOP


def test_ci_does_what_the_readme_says() -> None:
    readme, ci = (ROOT / "README.md").read_text(encoding="utf-8"), (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in (
        '-c tests/constraints.txt -e ".[test]"',
        "python -m pytest -n auto --dist loadfile",
        "apt-get install chromium",
    ):
        assert command in readme and command in ci


def test_every_room_names_all_its_files_in_its_reading_order() -> None:
    for face in sorted((ROOT / "simlib").glob("*/__init__.py")):
        order = face.read_text(encoding="utf-8").split("Reading order:")[1].split('"""')[0]
        assert sorted(re.findall(r"\w+", order)) == sorted(p.stem for p in face.parent.glob("*.py") if p != face), face


def test_the_readme_names_every_notebook() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(path.name in readme for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_page_of_scenarios_has_every_lever_as_it_is_declared() -> None:
    page = (ROOT / "scenarios" / "README.md").read_text(encoding="utf-8")
    assert page.split("<!-- levers: begin -->\n")[1].split("\n<!-- levers: end -->")[0] == quantities.markdown().strip()
    shipped = {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}
    assert shipped <= set(re.findall(r"\w+", page)) | {"baseline", "no_change", "history"}


def test_editing_a_rule_or_a_number_of_a_file_changes_the_loop_that_uses_it(tmp_path: Path) -> None:
    """The trap of compiled caches: an edit in one module, or in a file of numbers, must reach the loop of another.

    A number that is changed in its file is changed for the run, the list of numbers and the schema alike.
    """
    shutil.copytree(ROOT / "simlib", tmp_path / "simlib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    code = (
        "import simlib as sl; s = sl.load('scenarios/baseline.yaml');"
        "r = sl.simulation.simulate.run(s, seed=1, people=2000);"
        "print(int(r.totals[..., 6].sum()))"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}

    def printed(*command: str) -> str:
        command = (sys.executable, *command)
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    def edit(file: str, old: str, new: str) -> None:
        path = tmp_path / file
        source = path.read_text(encoding="utf-8")
        assert old in source
        path.write_text(source.replace(old, new), encoding="utf-8")

    def fund_paid() -> int:
        return int(printed("-c", code))

    edit("scenarios/baseline.yaml", "ensemble: fitted.json\n", "")  # draws fitted with other numbers are refused
    before = fund_paid()
    assert fund_paid() == before
    waiting = "  unit: months\n  range: [1, 6]\n  distribution: log-uniform\n  default: 2\n"
    edit("simlib/settlement/channels.yaml", waiting, waiting.replace("[1, 6]", "[5, 6]").replace("2\n", "5.5\n"))
    edit("simlib/settlement/gates.yaml", "  range: [6.0, 60.0]", "  range: [6.0, 72.0]")
    environment["NUMBA_CACHE_DIR"] = str(next((tmp_path / "cache" / "simlib").iterdir()))  # as a parent may leave it
    after = fund_paid()
    assert after != before
    assert "5.5 [5, 6] log-uniform, months" in printed("-m", "simlib.cli", "parameters")
    assert '"maximum": 72.0' in printed("-m", "simlib.cli", "schema", "scenario")
    edit("simlib/settlement/channels.py", "CLAIMED if attentive and gain > 0 else DIRECT", "CLAIMED")
    assert fund_paid() == 0 != after


@pytest.mark.parametrize("trap", ["link", "writable", "file", "no home", "empty"])
def test_compiled_rules_are_kept_only_where_nobody_else_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    """Index files of compiled rules are pickles: a folder that somebody else can fill would run as the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", "" if trap == "empty" else str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    own = tmp_path / "simlib"
    if trap == "link":
        (tmp_path / "elsewhere").mkdir()
        own.symlink_to(tmp_path / "elsewhere")
    elif trap == "writable":
        (own / compiled.rules_sha()[:16]).mkdir(parents=True)
        (own / compiled.rules_sha()[:16]).chmod(0o777)
    elif trap == "file":
        own.write_bytes(b"")
    elif trap == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    found = compiled.kept_in(compiled._users_cache)
    assert found == (tmp_path / ".cache" / "simlib" / compiled.rules_sha()[:16] if trap == "empty" else None)


def test_a_folder_of_ours_that_a_group_could_write_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "simlib").mkdir()
    (tmp_path / "simlib").chmod(0o775)
    found = compiled.kept_in(compiled._users_cache)
    assert found is not None and found.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "simlib").stat().st_mode & 0o777 == 0o700


def test_without_a_home_compiled_rules_are_kept_in_a_folder_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_bytes(b"")
    monkeypatch.setattr(compiled, "_users_cache", lambda: tmp_path / "home" / "simlib")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = compiled.folder.__wrapped__()
    assert found is not None and found.parent == tmp_path / f"simlib-{os.getuid()}"
    assert found.parent.stat().st_mode & 0o777 == 0o700
