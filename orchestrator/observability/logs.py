"""Structured logs: off unless `log_file` or `log_format` is set; one line an event, with the decision's id.

    log_format = "json" | "console"     to stderr, or to log_file
    log_file = "/var/log/volgamma.log"  json by default

Standard output never gets a log line. What other libraries log (warnings and worse) arrives in the same form, and every
line goes through the redactor last.
"""

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from orchestrator.errors import HostError
from orchestrator.observability import switchboard
from orchestrator.observability.redaction import Redactor
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from structlog.typing import Processor


def log(event: str, **fields: Any) -> None:
    """One line; nothing while logging is off."""
    if switchboard.logs:
        import structlog

        structlog.get_logger().info(event, **fields)


def bind(**fields: Any) -> None:
    """Put fields (the decision's id) on every following line of this task."""
    if switchboard.logs:
        import structlog

        structlog.contextvars.bind_contextvars(**fields)


def unbind(*names: str) -> None:
    """Take them off again."""
    if switchboard.logs:
        import structlog

        structlog.contextvars.unbind_contextvars(*names)


@contextmanager
def logging_to(settings: Settings, stream: TextIO | None = None) -> Iterator[None]:
    """Logs as set, for the length of a command. `stream` replaces stderr (tests). Raises HostError."""
    if settings.log_format is None and settings.log_file is None:
        yield
        return
    import structlog

    opened = None
    if settings.log_file is not None:
        try:
            settings.log_file.parent.mkdir(parents=True, exist_ok=True)
            opened = settings.log_file.open("a", encoding="utf-8")
        except OSError as error:
            raise HostError(
                "log_file", f"{settings.log_file} cannot be written: {error.strerror}", "name a file you may write"
            ) from None
    out = opened or stream or sys.stderr
    redactor = Redactor.of(settings.environment, (one.get_secret_value() for one in settings.alerts))
    shape: Processor
    if settings.log_format == "console":
        shape = structlog.dev.ConsoleRenderer(colors=opened is None and out.isatty())
    else:
        shape = structlog.processors.JSONRenderer(sort_keys=True, default=str)

    def redacted(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return dict(redactor.value(event))

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    structlog.configure(
        processors=[*shared, shape], logger_factory=structlog.WriteLoggerFactory(out), cache_logger_on_first_use=False
    )
    handler = _Handler(out, structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=shape))
    root = logging.getLogger()
    root.addHandler(handler)
    switchboard.logs = True
    try:
        yield
    finally:
        switchboard.logs = False
        root.removeHandler(handler)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        if opened is not None:
            opened.close()


class _Handler(logging.StreamHandler[TextIO]):
    """What other libraries say: warnings and worse."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__(stream)
        self.setLevel(logging.WARNING)
        self.setFormatter(formatter)
