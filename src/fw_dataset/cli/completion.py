"""Completion by the shell: the script for it, and the answers to its questions."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class, shell_complete

from fw_dataset.cli.options import PROGRAM, Command, verbose_option

__all__ = ["COMPLETE_VARIABLE", "complete", "completion"]

COMPLETE_VARIABLE = "_FW_DATASET_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


def complete(command: click.Command, instruction: str) -> int:
    """Answer the shell's question; nothing goes to stderr, which is the user's prompt."""
    return shell_complete(command, {}, PROGRAM, COMPLETE_VARIABLE, instruction)


@click.command(
    cls=Command,
    examples=[
        ("For this shell only, bash:", 'eval "$(fw-dataset completion bash)"'),
        (
            "For every new bash (the folder must exist):",
            "fw-dataset completion bash > ~/.local/share/bash-completion/completions/fw-dataset",
        ),
        (
            "For every new zsh, in a folder of its $fpath:",
            "fw-dataset completion zsh > ~/.zfunc/_fw-dataset",
        ),
        (
            "For every new fish:",
            "fw-dataset completion fish > ~/.config/fish/completions/fw-dataset.fish",
        ),
    ],
)
@click.argument("shell", type=click.Choice(_SHELLS))
@verbose_option
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    With it the Tab key completes commands, options, files, the names of tables and versions.
    """
    from fw_dataset.cli.streams import write_line

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"this release of click knows no completion for {shell}")
    script = found(click.Command(PROGRAM), {}, PROGRAM, COMPLETE_VARIABLE)
    # Not `source()`: it would start the shell to ask for its version.
    write_line((script.source_template % script.source_vars()).rstrip())
