from __future__ import annotations

import ipaddress

import pytest
from multidict import CIMultiDict

from gateway.forwarded import caller_address, origin_of

TRUSTED = (ipaddress.ip_network("10.0.0.0/8"),)


def headers(**values: str) -> CIMultiDict[str]:
    return CIMultiDict({name.replace("_", "-"): value for name, value in values.items()})


def test_nobody_but_a_trusted_proxy_is_believed() -> None:
    said = headers(X_Forwarded_For="1.1.1.1", X_Forwarded_Host="evil.example", Host="gw.example")
    assert caller_address("9.9.9.9", said, TRUSTED) == "9.9.9.9"
    assert origin_of("9.9.9.9", False, said, TRUSTED) == ("http", "gw.example")


@pytest.mark.parametrize(
    ("chain", "caller"),
    [
        ("1.1.1.1", "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.7", "1.1.1.1"),  # 6.6.6.6 is the caller's own invention
        ("1.1.1.1:4711", "1.1.1.1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_trusted_proxy_is_the_caller(chain: str, caller: str) -> None:
    assert caller_address("10.0.0.1", headers(X_Forwarded_For=chain), TRUSTED) == caller


def test_the_standard_header_says_the_same() -> None:
    said = headers(
        Forwarded='for="[2001:db8::9]:4711";proto=https;host=api.example', Host="inside:8080"
    )
    assert caller_address("10.0.0.1", said, TRUSTED) == "2001:db8::9"
    assert origin_of("10.0.0.1", False, said, TRUSTED) == ("https", "api.example")


@pytest.mark.parametrize(
    ("said", "caller", "reached"),
    [
        # A proxy writes one of the two; the other is the caller's own invention.
        ({"X_Forwarded_For": "6.6.6.6", "Forwarded": "for=1.1.1.1"}, "10.0.0.1", "inside"),
        ({"X_Forwarded_For": "1.1.1.1", "Forwarded": "for=6.6.6.6"}, "10.0.0.1", "inside"),
        ({"X_Forwarded_For": "1.1.1.1", "Forwarded": "for=1.1.1.1"}, "1.1.1.1", "inside"),
        ({"X_Forwarded_For": "1.1.1.1", "Forwarded": 'for="1.1.1.1:80"'}, "1.1.1.1", "inside"),
        ({"X_Forwarded_Foo": "x", "Forwarded": "for=1.1.1.1;host=a.b"}, "1.1.1.1", "a.b"),
        ({"X_Forwarded_Host": "evil", "Forwarded": "for=1.1.1.1;host=a.b"}, "10.0.0.1", "inside"),
        ({"X_Forwarded_Host": "A.b", "Forwarded": "host=a.b"}, "10.0.0.1", "a.b"),
        ({"X_Forwarded_Host": "evil", "Forwarded": "proto=https"}, "10.0.0.1", "inside"),
    ],
)
def test_where_two_families_differ_neither_is_believed(
    said: dict[str, str], caller: str, reached: str
) -> None:
    given = headers(**said, Host="inside")
    assert caller_address("10.0.0.1", given, TRUSTED) == caller
    assert origin_of("10.0.0.1", False, given, TRUSTED) == ("http", reached)


def test_the_dot_at_the_end_of_a_full_name_is_left_out() -> None:
    given = headers(Host="gw.example.:8080")
    assert origin_of("9.9.9.9", False, given, ()) == ("http", "gw.example:8080")


@pytest.mark.parametrize(
    "host", ["", "a b", "evil.example/x", "a@b", "x'><script>", "a,b", "[::g]"]
)
def test_a_host_that_is_none_is_never_written_into_a_document(host: str) -> None:
    assert origin_of("9.9.9.9", False, headers(Host=host), ()) is None


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:80", "gw.example"])
def test_hosts_as_they_stand_in_addresses_pass(host: str) -> None:
    assert origin_of("9.9.9.9", True, headers(Host=host), ()) == ("https", host)
