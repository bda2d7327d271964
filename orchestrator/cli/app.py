"""The command line. Each command is a file beside this one; heavy imports stay inside the commands."""

import typer

app = typer.Typer(
    name="volgamma",
    help="Trader #11 VolatilityGamma: decide, judge, trade on paper, replay.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of `volgamma`."""
    app()
