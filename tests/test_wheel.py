"""The wheel, built and installed in an environment of its own, works from an empty folder.

The dependencies are those of the environment that runs the tests. Kernels are interpreted there: compiling them takes a
minute and is tested elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Call the installed command in an empty folder and return what it prints."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    paths = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
    dependencies = sysconfig.get_paths()
    Path(paths["purelib"], "dependencies.pth").write_text(f"{dependencies['purelib']}\n{dependencies['platlib']}\n")
    empty = tmp_path_factory.mktemp("empty")
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}

    def call(*words: str) -> str:
        done = subprocess.run(
            [str(environment / "bin" / "sfmodel"), *words],
            cwd=empty,
            env={**clean, "NUMBA_DISABLE_JIT": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def test_the_wheel_holds_the_package_the_kernels_and_the_configuration(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in (("sfmodel", "sfmodel"), ("kernels/sfkernels", "sfkernels"), ("conf", "sfmodel/conf")):
        files = [p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        assert {f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" for path in files} <= held
    described = next(name.split("/")[0] for name in held if name.endswith(".dist-info/METADATA"))
    assert {name.split("/")[0] for name in held} == {"sfmodel", "sfkernels", described}


def test_what_comes_with_it_is_found(installed: Callable[..., str]) -> None:
    listed = [line.split()[0] for line in installed("list", "platforms").splitlines()]
    assert listed[:3] == ["chain", "mmc", "streamflow"]
    assert {path.stem for path in (ROOT / "conf/platform/literature").glob("*.yaml")} == {
        name.removeprefix("literature/") for name in listed[3:]
    }
    assert "llm_timeout" in installed("list", "interventions")


def test_it_runs_from_an_empty_folder(installed: Callable[..., str]) -> None:
    output = installed("run", "platform=chain", "start=0", "warmup=0", "until=1s", "name=first")
    assert "results: runs/first" in output
    assert "Requests ended" in installed("summary", "first")


def test_a_platform_of_ones_own(installed: Callable[..., str]) -> None:
    assert "conf/platform/shop.yaml" in installed("new", "shop")
    assert "database.connections" in installed("lint", "shop")
    assert "results: runs/shop" in installed("run", "platform=shop", "warmup=0", "until=1s", "name=shop")
