"""GET /openapi.json: the API described, true to its answers."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Request, Response, get


@get("/openapi.json", include_in_schema=False)
async def read_specification(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """OpenAPI 3.1; needs no token."""
    return Response(request.app.openapi_schema.to_schema(), media_type=MediaType.JSON)
