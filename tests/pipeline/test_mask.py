from __future__ import annotations

import base64
import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from gateway.pipeline.mask import Mask

SECRET = 'p"ss wörd/+7'


def test_a_secret_is_masked_in_every_form_it_may_come_back_in() -> None:
    mask = Mask([SECRET])
    echoed = json.dumps(
        {
            "plain": SECRET,
            "query": quote(SECRET, safe=""),
            "basic": base64.b64encode(f"user:{SECRET}".encode()).decode(),
            "url-safe": base64.urlsafe_b64encode(SECRET.encode()).decode(),
        }
    )
    body = mask.body(echoed.encode()).decode()
    said = json.loads(body)
    assert said["plain"] == "[masked]"
    assert said["query"] == "[masked]"
    assert said["url-safe"] == "[masked]"
    assert "[masked]" in said["basic"]
    assert SECRET[2:] not in body


@given(before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_inside_a_longer_base64_text_is_masked_at_every_alignment(
    before: bytes, after: bytes
) -> None:
    encoded = base64.b64encode(before + b"topsecret-key-4711" + after)
    masked = Mask(["topsecret-key-4711"]).body(encoded)
    assert b"[masked]" in masked


def test_a_body_without_secrets_is_the_very_same_object() -> None:
    body = b'{"a": 1}'
    assert Mask(["topsecret"]).body(body) is body


def test_a_very_short_secret_masks_nothing() -> None:
    assert Mask(["a"]).body(b"banana") == b"banana"


def test_headers_are_masked_too() -> None:
    assert Mask(["topsecret"]).headers((("X", "k=topsecret"),)) == (("X", "k=[masked]"),)
