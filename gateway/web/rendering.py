"""Turns a template into an answer: escaping always on, strict headers, nothing kept by the browser or by anybody in between."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from litestar import MediaType, Response

from gateway.web.assets import STYLE_ADDRESS

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_HIGH_SIGN = re.compile(r" (?=[;:!?»])|(?<=«) ")


@cache
def _templates() -> Environment:
    """Loaded at the first page: a start has no use for the library."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("gateway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters["fr"] = french
    return templates


def french(text: str) -> str:
    """The text with the no-break spaces that French wants before its high signs and within its quotation marks."""
    return _HIGH_SIGN.sub("\u00a0", text)


def page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **facts: Any) -> Response[str]:
    """The page of this template with these facts, UTF-8."""
    html = _templates().get_template(template).render(style=STYLE_ADDRESS, **facts)
    return Response(html, status_code=status, media_type=MediaType.HTML, headers={**HEADERS, **(headers or {})})
