"""The package as a whole: who may import whom, what an import costs, what is public and shipped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import fw_dataset

CHECKOUT = Path(__file__).parent.parent
SOURCES = CHECKOUT / "src" / "fw_dataset"
INSTALLED = Path(fw_dataset.__file__).parent

PUBLIC_NAMES = [
    "DataModel",
    "Dataset",
    "DatasetBuilder",
    "DatasetLoader",
    "FWDatasetClient",
    "JobResult",
    "Progress",
    "RenderJob",
    "Table",
    "__version__",
    "add_derived",
    "connect_all",
    "errors",
    "publish_iceberg",
    "render_many",
    "render_site",
    "render_snapshot",
]

# Never wanted by someone who reads a dataset on a disk.
FOREIGN_PACKAGES = {
    "boto3",
    "botocore",
    "flywheel",
    "fsspec",
    "fw_client",
    "httpx",
    "obstore",
    "pandas",
    "pyiceberg",
    "requests",
    "urllib3",
}
# Wanted only once something is done: an import alone takes no time.
HEAVY_PACKAGES = {"click", "duckdb", "matplotlib", "numpy", "pyarrow", "pydantic", "tqdm"}

of_the_wheel = pytest.mark.skipif(
    os.environ.get("FW_DATASET_TEST_WHEEL") != "1",
    reason="the package under test is not said to come from a wheel",
)


def loaded_packages(statement: str) -> set[str]:
    """Top-level names of all modules that a new interpreter has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in json.loads(run.stdout)}


def shipped_files(package: Path) -> set[str]:
    return {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_contracts_of_architecture_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))

    code = lint_imports(
        config_filename=str(CHECKOUT / "pyproject.toml"), no_cache=True, no_logo=True
    )

    assert code == 0, capsys.readouterr().out


def test_import_loads_no_heavy_and_no_foreign_package() -> None:
    loaded = loaded_packages("import fw_dataset")

    assert "fw_dataset" in loaded
    assert loaded.isdisjoint(FOREIGN_PACKAGES | HEAVY_PACKAGES)


def test_using_all_public_names_loads_no_foreign_package() -> None:
    loaded = loaded_packages("from fw_dataset import *")

    assert "fw_dataset" in loaded
    assert loaded.isdisjoint(FOREIGN_PACKAGES)


def test_rendering_loads_only_what_every_rendering_needs() -> None:
    # Profiles and tabular files need DuckDB, headers pydicom, and object stores an event loop.
    loaded = loaded_packages("from fw_dataset import render_snapshot")

    assert "pyarrow" in loaded
    assert loaded.isdisjoint({"asyncio", "charset_normalizer", "duckdb", "obstore", "pydicom"})


def test_public_names_are_pinned() -> None:
    assert sorted(fw_dataset.__all__) == PUBLIC_NAMES


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_public_name_exists(name: str) -> None:
    assert getattr(fw_dataset, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        fw_dataset.no_such_name  # noqa: B018


@of_the_wheel
def test_the_wheel_is_what_is_tested() -> None:
    assert CHECKOUT / "src" not in INSTALLED.parents
    assert CHECKOUT / "src" not in map(Path, sys.path)


@of_the_wheel
def test_the_wheel_has_every_file_of_the_package() -> None:
    assert shipped_files(INSTALLED) == shipped_files(SOURCES)


def test_types_are_shipped() -> None:
    assert (INSTALLED / "py.typed").is_file()
