from __future__ import annotations

from pathlib import Path

import pytest

from gateway.authoring.catalogue import catalogue
from gateway.authoring.search import Index
from gateway.references import References
from gateway.spec import kept
from tests.authoring.conftest import Catalogued

SHOP = """
/invoices:
  get: {operationId: listInvoices, summary: List invoices}
  post: {operationId: addInvoice}
/invoices/{id}/history:
  get: {operationId: getInvoiceHistory, description: What became of an invoice.}
/customers:
  get:
    summary: Customers
    parameters: [{name: country, in: query, schema: {type: string}}]
  post:
    operationId: newCustomer
    deprecated: true
    requestBody: {content: {application/json: {schema: {properties: {vatNumber: {}}}}}}
/v2/customers:
  post: {operationId: newCustomer2}
"""


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("invoices", "listInvoices"),
        ("list of invoices", "listInvoices"),
        ("create an invoice", "addInvoice"),
        ("invoice history", "getInvoiceHistory"),
        ("invoic", "listInvoices"),
        ("country", "get_customers"),
        ("vat number", "newCustomer"),
        ("CUSTOMERS", "get_customers"),
    ],
)
def test_what_fits_best_comes_first(catalogued: Catalogued, words: str, first: str) -> None:
    assert Index(catalogued(SHOP)).search(words)[0].entry.name == first


def test_who_has_all_the_words_goes_before_who_has_one(catalogued: Catalogued) -> None:
    names = [hit.entry.name for hit in Index(catalogued(SHOP)).search("customer country")]
    assert names[0] == "get_customers"
    assert len(names) == 3


def test_words_that_nothing_has_find_nothing_and_the_nearest_are_told(
    catalogued: Catalogued,
) -> None:
    index = Index(catalogued(SHOP))
    assert index.search("weather") == []
    assert "invoices" in index.nearest("invocies")
    assert index.search("of the and") == []


def test_a_search_is_the_same_whatever_the_order_of_the_words(catalogued: Catalogued) -> None:
    index = Index(catalogued(SHOP))
    assert index.search("customer invoice") == index.search("invoice customer")


@pytest.mark.parametrize(
    ("file", "words", "wanted"),
    [
        ("slack_swagger2.json", "send message to a channel", "chat_postMessage"),
        ("harbor_swagger2.yaml", "delete repository", "deleteRepository"),
        ("tmdb_restbench.json", "search movie by name", "GET_search_movie"),
        ("spotify_fixed.yml", "add songs to playlist", "add_items_to_playlist"),
    ],
)
def test_in_real_specs_the_wanted_one_is_the_first(
    specs: Path, tmp_path: Path, file: str, words: str, wanted: str
) -> None:
    document, _ = kept.read((specs / file).read_bytes(), file, tmp_path)
    entries = catalogue(document, References(document), file)
    assert Index(entries).search(words)[0].entry.name == wanted
