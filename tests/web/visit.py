"""A visitor without a browser: signs in, reads, sends the forms that the page offers."""

from __future__ import annotations

import html.parser
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from typing_extensions import override

from tests.api.rig import Box


@dataclass
class Form:
    """A form of the page as a browser would send it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.found.append(Form(given["action"] or ""))
        if tag == "input" and self.found and given.get("type") == "hidden":
            self.found[-1].fields[given["name"] or ""] = given.get("value") or ""


def forms_of(page: httpx.Response) -> list[Form]:
    parser = _Forms()
    parser.feed(page.text)
    return parser.found


def words_of(page: httpx.Response) -> str:
    """What the page says, without tags, spaces made one."""
    text = re.sub(r"<[^>]+>", " ", page.text)
    return " ".join(html.unescape(text).split())


@asynccontextmanager
async def signed_in(box: Box, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    async with box.client(None) as client:
        answer = await client.post("/connexion", data={"jeton": token or box.token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        yield client


async def press(client: httpx.AsyncClient, page: httpx.Response, ending: str) -> httpx.Response:
    """Send the one form whose address ends so, and follow to the page that comes of it."""
    [wanted] = [one for one in forms_of(page) if one.action.endswith(ending)]
    answer = await client.post(wanted.action, data=wanted.fields)
    assert answer.status_code == 303, answer.text
    return await client.get(answer.headers["location"])


async def fill(client: httpx.AsyncClient, path: str, form: str, **said: str) -> httpx.Response:
    """Send the form of that name on that page with what is said, and follow to what comes of it."""
    [wanted] = [one for one in forms_of(await client.get(path)) if one.fields.get("forme") == form]
    answer = await client.post(wanted.action, data={**wanted.fields, **said})
    assert answer.status_code == 303, answer.text
    return await client.get(answer.headers["location"])
