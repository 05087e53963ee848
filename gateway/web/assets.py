"""The style sheet and the sign of the page, served from memory under an address that changes with their content."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

_TYPES = {"relais.css": "text/css", "relais.svg": "image/svg+xml"}
_FILES = {name: files("gateway.web").joinpath("static", name).read_bytes() for name in _TYPES}
_HEADERS = {"Cache-Control": "public, max-age=604800, immutable", "X-Content-Type-Options": "nosniff"}

STYLE_ADDRESS = f"/static/relais.css?v={hashlib.sha256(_FILES['relais.css']).hexdigest()[:12]}"


@get("/static/{name:str}", include_in_schema=False)
async def show_asset(name: FromPath[str]) -> Response[bytes]:
    """One of the page's own files; nothing else can be asked for."""
    if name not in _FILES:
        raise NotFoundException
    return Response(_FILES[name], media_type=_TYPES[name], headers=_HEADERS)
