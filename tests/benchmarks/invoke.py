"""Runs a command in this process."""

import typer
from typer.testing import CliRunner


def invoke(function, *arguments):
    app = typer.Typer()
    app.command()(function)
    return CliRunner().invoke(app, [str(a) for a in arguments])
