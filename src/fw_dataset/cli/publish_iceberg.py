"""``fw-dataset publish-iceberg``: a version as Iceberg tables, for other systems."""

from __future__ import annotations

import json

import click

from fw_dataset.cli.failures import say
from fw_dataset.cli.interrupts import ending_when_asked
from fw_dataset.cli.options import Command, json_option, verbose_option, version_option
from fw_dataset.cli.places import dataset_argument, given_credentials, opened
from fw_dataset.cli.streams import write_line, write_lines
from fw_dataset.cli.table import count_lines
from fw_dataset.cli.tables_option import tables_option

__all__ = ["publish_iceberg"]


@click.command(
    "publish-iceberg",
    cls=Command,
    examples=[
        (
            "The latest version, in the dataset's own folder iceberg:",
            "fw-dataset publish-iceberg my-dataset",
        ),
        (
            "Some tables of another version, in a folder of their own:",
            "fw-dataset publish-iceberg my-dataset --version freeze-1 \\\n"
            "        --tables subjects,files --location published",
        ),
    ],
)
@dataset_argument
@version_option
@click.option("--location", metavar="URL", help="A folder for the tables; else DATASET/iceberg.")
@click.option("--catalog", metavar="NAME", help="Instead, a catalog of pyiceberg's configuration.")
@click.option("--namespace", metavar="NAME", help="In a catalog; else called like the project.")
@tables_option("The tables to publish, as a,b,c; else all.")
@click.option("--address", metavar="URL", help="What other systems call DATASET, if not so.")
@click.option("--no-read-back", is_flag=True, help="Do not read the tables before they are shown.")
@click.option(
    "--restart",
    is_flag=True,
    help="Drop the earlier versions of tables that are in the way: other types, another place.",
)
@json_option
@verbose_option
def publish_iceberg(
    dataset: str,
    version: str,
    location: str | None,
    catalog: str | None,
    namespace: str | None,
    tables: list[str] | None,
    address: str | None,
    no_read_back: bool,
    restart: bool,
    as_json: bool,
) -> None:
    """Publish a version as Iceberg tables.

    Other systems read DATASET by them, and no data file is copied. Each table changes at once, with
    the version as a tag. What is published is left alone; interrupted, the same command goes on.
    """
    from fw_dataset.cli.progress import ProgressBars
    from fw_dataset.scale.iceberg import publish_iceberg as publish

    if location is not None and catalog is not None:
        raise click.UsageError("--location and --catalog are given: name one of them")
    if namespace is not None and catalog is None:
        raise click.UsageError("--namespace is for a --catalog: name that, too")
    at_hand = opened(dataset)
    with ProgressBars() as progress, ending_when_asked():
        done = publish(
            at_hand,
            version=version,
            location=location,
            catalog=catalog,
            namespace=namespace,
            tables=tables,
            credentials=given_credentials(),
            address=address,
            read_back=not no_read_back,
            restart=restart,
            progress=progress,
        )
    if as_json:
        write_line(json.dumps(done.to_dict(), indent=2, ensure_ascii=False))
        return
    write_lines(count_lines({one.name: one.rows for one in done.tables}))
    new = sum(one.state != "unchanged" for one in done.tables)
    noun = "table" if len(done.tables) == 1 else "tables"
    say(f"version {done.label} in {done.place}: {len(done.tables)} {noun}, {new} of them new")
