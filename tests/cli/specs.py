"""What the tests of `ops`, `init` and `trim` share: a spec, and how a command is run."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from gateway.cli import main

SHOP = """
openapi: 3.1.0
info: {title: The Shop API, version: "1", contact: {email: shop@example.com}}
servers: [{url: "https://shop.example/v1"}]
security: [{key: []}]
paths:
  /invoices:
    get:
      operationId: listInvoices
      summary: List invoices
      parameters: [{name: page, in: query, schema: {type: integer}}]
      responses: &ok
        "200":
          description: ""
          content:
            application/json:
              schema:
                type: array
                items: {type: object, properties: {id: {type: integer}, name: {type: string}}}
    post: {operationId: addInvoice, summary: Add an invoice, responses: *ok}
  /invoices/{id}:
    get:
      operationId: getInvoice
      deprecated: true
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: *ok
  /health: {trace: {operationId: traceHealth}}
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}
"""
OPERATIONS = ["listInvoices", "addInvoice", "getInvoice", "traceHealth"]


def shop(directory: Path, text: str = SHOP) -> Path:
    file = directory / "shop.yaml"
    file.write_text(text)
    return file


def run(*arguments: object, **env: str) -> Result:
    return CliRunner(env=env).invoke(main, [str(one) for one in arguments], catch_exceptions=False)
