"""The pages written from the code are current: settings with their defaults, document types with their classes."""

from __future__ import annotations

import msgspec

from docs import generate_settings, generate_types
from gateway.kernel.config import Configuration


def test_the_page_of_settings_is_current() -> None:
    assert generate_settings.PAGE.read_text("utf-8") == generate_settings.render(), "run: python docs/generate_settings.py"


def test_the_page_of_types_is_current() -> None:
    assert generate_types.PAGE.read_text("utf-8") == generate_types.render(), "run: python docs/generate_types.py"


def test_every_section_of_the_configuration_is_described() -> None:
    described = {kind for kind, _, _ in generate_settings.SECTIONS}
    assert _sections(Configuration) <= described


def _sections(kind: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    """A struct of the configuration and every struct below it."""
    found = {kind}
    for field in msgspec.structs.fields(kind):
        for part in (field.type, *getattr(field.type, "__args__", ())):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                found |= _sections(part)
    return found
