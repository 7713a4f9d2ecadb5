"""``fw-dataset demo``: from nothing to answered questions."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from fw_dataset.cli.options import Command, verbose_option
from fw_dataset.cli.streams import write_line

__all__ = ["demo"]


@click.command(
    cls=Command,
    examples=[
        ("Everything lands in ./demo-output:", "fw-dataset demo"),
        ("Another project, elsewhere:", "fw-dataset demo --output another-demo --seed 7"),
    ],
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="The folder for the snapshot, the dataset and a picture.",
)
@click.option("--seed", type=int, metavar="N", help="The project is the same for a seed.")
@verbose_option
def demo(output: Path, seed: int | None) -> None:
    """Show it all on a synthetic project.

    Makes a project, renders it, lists its tables and answers three questions about it in SQL,
    one of them with a picture (which needs matplotlib).
    """
    from fw_dataset.demo.project import DEFAULT_SEED
    from fw_dataset.demo.walkthrough import run_demo

    run_demo(
        output,
        write=write_line,
        seed=DEFAULT_SEED if seed is None else seed,
        program=_program(),
    )


def _program() -> list[str]:
    """What the reader can type: where the command is not on the path, its file."""
    if shutil.which("fw-dataset"):
        return ["fw-dataset"]
    own, here = Path(sys.argv[0]), Path.cwd()
    if own.name != "fw-dataset":
        return [sys.executable, "-m", "fw_dataset"]
    return [str(own.relative_to(here) if own.is_relative_to(here) else own)]
