"""The commands of ``fw-dataset``."""

from __future__ import annotations

import click

from fw_dataset import __version__
from fw_dataset.cli.completion import completion
from fw_dataset.cli.datasets import datasets
from fw_dataset.cli.demo import demo
from fw_dataset.cli.derive import derive
from fw_dataset.cli.describe import schema, tables, versions
from fw_dataset.cli.diff import diff
from fw_dataset.cli.export import download, export
from fw_dataset.cli.manage import delete, hide, prune, relabel, unhide
from fw_dataset.cli.merge import merge
from fw_dataset.cli.options import verbose_option, write_examples
from fw_dataset.cli.profile import find, profile
from fw_dataset.cli.publish_iceberg import publish_iceberg
from fw_dataset.cli.query import query
from fw_dataset.cli.render import render
from fw_dataset.cli.render_site import render_site
from fw_dataset.cli.serve import serve
from fw_dataset.cli.verify import verify
from fw_dataset.cli.whole_dataset import migrate, remove

__all__ = ["fw_dataset"]

_COMMANDS = (
    *(render, render_site, derive, query, tables, schema, versions, profile, find, verify, merge),
    *(diff, export, download, publish_iceberg, serve),
    *(relabel, delete, prune, hide, unhide, remove, migrate),
    *(datasets, demo, completion),
)
_EXAMPLES = (
    ("From a project's snapshot to a dataset:", "fw-dataset render snapshot.db.gz my-dataset"),
    ("What is in it:", "fw-dataset tables my-dataset"),
    ("Ask it:", 'fw-dataset query my-dataset "SELECT count(*) FROM files"'),
    ("The same of a project of a Flywheel site:", "fw-dataset render fw://lab/study"),
    ("See it all without a snapshot of your own:", "fw-dataset demo"),
)


class _Group(click.Group):
    """The commands in the order in which they are needed."""

    def list_commands(self, _: click.Context) -> list[str]:
        return [str(command.name) for command in _COMMANDS]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        write_examples(formatter, _EXAMPLES)
        with formatter.section("Exit codes"):
            formatter.write_text("0 done, 1 failed, 2 wrong usage, 130 interrupted")


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="fw-dataset", message="%(prog)s %(version)s")
@verbose_option
@click.pass_context
def fw_dataset(ctx: click.Context) -> None:
    """Turn a Flywheel project's snapshot into Parquet tables, and ask them questions in SQL."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


for _command in _COMMANDS:
    fw_dataset.add_command(_command)
