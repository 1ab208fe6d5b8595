from __future__ import annotations

import re
from collections.abc import Callable

from gateway.config import types
from gateway.faces import legal
from gateway.plugin import Operation, Plugin


def test_the_legal_page_says_what_is_passed_on(plugin: Callable[..., Plugin]) -> None:
    plain = legal.write(plugin())
    assert "None of your request's headers." in plain
    assert "Calls need no key" in plain
    some = legal.write(
        plugin(
            upstream=types.Upstream(forward=["Accept-Language"]),
            parameters={"region": types.Parameter(header="openai-subdivision-1-iso-code")},
            auth=types.Auth(user=types.UserAuth()),
        )
    )
    passed = re.findall("<code>(.*?)</code>", some)
    assert passed == ["accept-language", "authorization", "openai-subdivision-1-iso-code"]
    assert "your own key of the API" in some
    assert "api.example.com" not in some


def test_the_legal_page_says_whether_answers_are_stored(
    plugin: Callable[..., Plugin], operation: Callable[..., Operation]
) -> None:
    assert "Answers may be stored" in legal.write(plugin())
    assert "Answers are not stored" in legal.write(plugin(operation(cache=0.0)))
