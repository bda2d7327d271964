"""Writes `docs/alerts.md` from the table of alerts: `python -m orchestrator.alerts.table docs/alerts.md`."""

import sys
from pathlib import Path

from orchestrator.alerts.events import ABOUT

_HEAD = """# Alerts

The table is generated from `orchestrator/alerts/events.py` by `python -m orchestrator.alerts.table`; do not edit.

`volgamma run` tells people through [apprise](https://github.com/caronc/apprise): Telegram, Discord, Slack, e-mail, ntfy
and many more. Put the addresses, separated by commas, into the environment, and see that they arrive:

```
export VOLGAMMA_ALERTS="tgram://TOKEN/CHAT, mailto://user:password@mail.example?to=me@example.org"
volgamma alerts test
volgamma alerts test --digest
```

An address holds keys: it is never printed, logged or stored by volgamma. Alerts are read from the database by a thread
of their own and sent by another for each address: a service that is slow or dead loses its own messages and delays
nothing. The same thing is said once, and again only while it lasts and after the time in the table; within an hour at
most `alerts_per_hour` (20) messages leave, urgent ones beyond that, and what was held back is counted in the next.
What was seen is kept in `alerts.json` in the data folder, so that a restart repeats nothing and misses nothing.

**Alerts come from the process that trades.** Killed by force, or without power or network, it can tell nobody; an end
that was asked for (Ctrl-C, SIGTERM) and a start that the pre-flight refused are not told either. Let another machine
look at `/metrics` and tell you when it is silent ([as a service](operations.md#as-a-service)).

The newest 500 alerts are kept in the database, on the page *Alerts* of the [dashboard](dashboard.md) and in
`volgamma alerts list`: when, what, who told it, and what became of it at each service, by the name of the service
(`Telegram`, `Telegram #2`): delivered, failed, dropped (the queue was full), held back by the rate, waiting. Not known:
the process ended before the service answered. `volgamma alerts kinds` prints the table below.

**Several workers on one database.** Give all of them the same addresses: whoever sees a thing first tells it, and the
others do not, by what all of them have sent, which is in the database and changed by one at a time; the rate counts for
all together. If the one that tells ends before its message has left, what lasts is told again after the time in the
table. While the database is out of reach each worker tells what it sees alone (so `database` may come once from each)
and enters it when the database is back.

| alert | severity | urgent | again after | what it means | what to do |
| --- | --- | --- | --- | --- | --- |
"""


def table() -> str:
    """The page."""
    rows = [
        f"| `{kind.value}` | {about.severity} | {'yes' if about.urgent else 'no'} | {_span(about.again_after)} "
        f"| {about.meaning} | {about.remedy} |\n"
        for kind, about in ABOUT.items()
    ]
    return _HEAD + "".join(rows)


def _span(ms: int) -> str:
    minutes = ms // 60_000
    if minutes == 0:
        return "at once"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table())
