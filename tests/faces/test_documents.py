from __future__ import annotations

import gzip
import json
import zlib

import pytest

from gateway.faces.documents import BASE, document, fixed, template

BASES = ["https://a.example", "http://localhost:8080/p", "https://ü.example/p", "", "x" * 70_000]


@pytest.mark.parametrize("base", BASES)
def test_the_gzipped_form_is_one_member_that_unpacks_to_the_body(base: str) -> None:
    made = template(json.dumps({"url": BASE, "text": "x" * 500, "logo": f"{BASE}/l"}), "t")(
        base, ""
    )
    assert gzip.decompress(made.gzipped) == made.body
    # Clients that stop at the first member's end (as zlib does) must get everything.
    reader = zlib.decompressobj(wbits=31)
    assert reader.decompress(made.gzipped) == made.body
    assert reader.eof
    assert reader.unused_data == b""


@pytest.mark.parametrize("base", ["https://a.example/\"},{'", "https://a\\b", "a\nb"])
def test_a_base_url_cannot_leave_its_string(base: str) -> None:
    made = template(json.dumps({"url": f"{BASE}/x"}), "application/json")(base, "")
    assert json.loads(made.body) == {"url": f"{base}/x"}


def test_etags_differ_where_the_bytes_differ_and_are_the_same_in_every_process() -> None:
    first = template(f"a {BASE}", "t")
    assert first("x", "").etag != first("y", "").etag
    assert first("x", "").etag != template(f"b {BASE}", "t")("x", "").etag
    # The placeholder is random; had it gone into the tag, workers would disagree.
    assert first("x", "").etag == '"88a05d6af4427ec2343073be26b5f7c7"'


def test_made_up_hosts_displace_each_other_and_nothing_grows() -> None:
    maker = template(f"a {BASE}", "t")
    kept = maker("https://one.example", "")
    assert maker("https://one.example", "") is kept
    for number in range(100):
        maker(f"https://{number}.example", "")
    assert maker("https://one.example", "") is not kept
    assert maker("https://one.example", "") == kept


def test_what_gzip_would_not_make_smaller_has_no_gzipped_form() -> None:
    made = fixed(document(bytes(range(256)), "image/png"))("https://a.example", "3.1")
    assert made.gzipped == b""
    assert gzip.decompress(document(b"a" * 1000, "text/plain").gzipped) == b"a" * 1000
