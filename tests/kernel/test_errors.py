"""Every error of the product: a stable code of its own, French texts that fill, a class the queue knows."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator

import gateway
from gateway.kernel.errors import RelaisError

_ENGLISH = re.compile(r"\b(the|error|invalid|failed|please|unknown)\b", re.IGNORECASE)


def every_error() -> Iterator[type[RelaisError]]:
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if module.name not in ("gateway.__main__", "gateway.sandbox.demo"):
            importlib.import_module(module.name)
    seen: set[type[RelaisError]] = set()
    waiting = [RelaisError]
    while waiting:
        kind = waiting.pop()
        for child in kind.__subclasses__():
            if child not in seen and child.__module__.startswith("gateway."):
                seen.add(child)
                waiting.append(child)
                yield child


ERRORS = sorted(every_error(), key=lambda kind: (kind.__module__, kind.__name__))


def test_codes_are_kebab_case() -> None:
    assert [kind for kind in ERRORS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.code)] == []


def test_texts_are_french_sentences_with_a_gesture() -> None:
    wrong = [
        kind.__name__
        for kind in ERRORS
        if not kind.what.strip() or not kind.gesture.strip() or _ENGLISH.search(re.sub(r"\{\w+\}", "", kind.what + kind.gesture))
    ]
    assert wrong == []


def test_a_code_always_means_the_same_class_of_error() -> None:
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for kind in ERRORS:
        classes[kind.code].add(kind.error_class.value)
    assert {code: sorted(found) for code, found in classes.items() if len(found) > 1} == {}
