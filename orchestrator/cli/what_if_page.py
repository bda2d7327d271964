"""The table of `replay what-if` as one HTML file."""

from pathlib import Path
from typing import Any

_TEMPLATE = Path(__file__).parent / "templates" / "what_if.html"


def page(document: dict[str, Any]) -> str:
    """The page; every value is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(d=document)
