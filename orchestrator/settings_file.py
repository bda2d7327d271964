"""The commented `volgamma.toml` that `volgamma init` writes: every setting, its default, and what it does."""

#: (title, [(key, example value as TOML, what it does)]); every line is written commented out.
SECTIONS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Where things are",
        (
            ("data_dir", '"~/volgamma"', "database, paper account, candles; default: your user data folder"),
            ("database_url", '"sqlite:///volgamma.sqlite"', "postgresql+psycopg://user@host/name for several machines"),
            ("paper_url", '"http://127.0.0.1:8900"', "a paper exchange that is already running"),
            ("paper_equity", "100000", "USDT of a paper account that is opened anew"),
        ),
    ),
    (
        "The model (keys come from the environment only: OPENAI_API_KEY)",
        (
            ("model", '"gpt-4.1-mini"', '"embedded" for the built-in one'),
            ("base_url", '"http://127.0.0.1:11434/v1"', "any OpenAI-compatible server"),
            ("prompt_template", '"full"', "full or compact"),
            ("llm_timeout_s", "60", "all attempts of one question together; 300 for the embedded model"),
            ("llm_temperature", "0", ""),
            ("llm_seed", "7", ""),
            ("llm_max_tokens", "2000", "of one reply"),
            ("llm_reasoning_effort", '"low"', "where the server knows it"),
            ("llm_tools", '"auto"', "auto (remote models with the full prompt), on, off"),
            ("llm_port", "8931", "of `volgamma llm serve`"),
            ("on_llm_failure", '"stand_aside"', "or rules: the rules decide when no usable answer comes"),
            ("llm_breaker_failures", "5", "failures in a row after which the model is left alone"),
            ("llm_breaker_pause_s", "900", "for so long"),
            ("llm_cost_month", "50", "USD a UTC month; the day's limit is a constraint (llm_cost_day)"),
        ),
    ),
    (
        "Alerts (the addresses hold keys: better VOLGAMMA_ALERTS in the environment than a line here)",
        (
            ("alerts", '"json://127.0.0.1:8080/alerts"', "addresses for apprise, comma-separated: tgram://, mailto://"),
            ("alerts_per_hour", "20", "more are held back and counted, except urgent ones"),
            ("alerts_refused_in_a_row", "8", "so many refusals in a row are worth a word"),
            ("alerts_digest_hour", "0", "UTC hour of the daily digest; -1: none"),
        ),
    ),
    (
        "Limits of the account over all its traders, in multiples of its equity",
        (
            ("account_margin_max", "0.7", "margin of all positions"),
            ("account_gross_max", "5", "gross notional of all positions"),
            ("account_symbol_max", "2.5", "gross notional of one symbol"),
        ),
    ),
    (
        "Logs (off; standard output never gets a line; `volgamma run --metrics-port 9100` serves Prometheus)",
        (
            ("log_format", '"console"', "console or json; to stderr, or to log_file"),
            ("log_file", '"~/volgamma/volgamma.log"', "json unless log_format says console"),
        ),
    ),
    (
        "When the account holds something else than is remembered (a leg that is gone takes the other with it, always)",
        (
            ("reconcile_every_s", "60", "between two comparisons; open pairs are looked at every second"),
            ("on_foreign_position", '"alert"', "or flatten: a position that is no pair's is closed"),
            ("on_foreign_order", '"alert"', "or protect: cancelled where a pair stands"),
            ("on_quantity_changed", '"protect"', "legs made equal again; alert: taken over; flatten: both closed"),
        ),
    ),
    (
        "Live trading (off; it also needs --live on the command line)",
        (("live", "false", ""),),
    ),
)


def template() -> str:
    """The file's text: valid TOML in which nothing is set."""
    lines = [
        "# Settings of VolatilityGamma. Precedence: command line > environment VOLGAMMA_<KEY> > this file > defaults.",
        "# Limits are not here: they are rows of the database, `volgamma constraints show`.",
        "# Remove the # of a line to set it.",
    ]
    for title, keys in SECTIONS:
        lines += ["", f"# {title}"]
        for key, value, about in keys:
            lines.append(f"# {key} = {value}" + (f"  # {about}" if about else ""))
    return "\n".join(lines) + "\n"
