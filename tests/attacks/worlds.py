"""The configs that cases run against. Few and wide: most cases only differ in what is sent."""

# ruff: noqa: E501 - texts as they are sent

from __future__ import annotations

import base64
from textwrap import dedent

from tests.attacks.case import Pairs, World

SPEC = """
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: "@URL@/v1"}]
paths:
  /items:
    get:
      operationId: listItems
      parameters:
        - {name: q, in: query, schema: {type: string}}
        - {name: kind, in: query, schema: {type: string}}
        - {name: debug, in: query, schema: {type: boolean}}
        - {name: "tag[]", in: query, schema: {type: array, items: {type: string}}}
        - {name: near, in: query, schema: {type: string}}
        - {name: key, in: query, schema: {type: string}}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: Authorization, in: header, schema: {type: string}}
        - {name: Host, in: header, schema: {type: string}}
        - {name: sid, in: cookie, schema: {type: string}}
      responses: &ok {"200": {description: Ok, content: {application/json: {schema: {type: object}}}}}
    post:
      operationId: addItem
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties:
                name: {type: string}
                owner: {type: string}
                meta:
                  type: object
                  properties: {note: {type: string}, level: {type: integer}}
      responses: *ok
  /items/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: {operationId: getItem, responses: *ok}
    put:
      operationId: putItem
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: *ok
    delete: {operationId: deleteItem, responses: *ok}
  /items/{id}/parts/{part}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: part, in: path, required: true, schema: {type: string}}
    get: {operationId: getPart, responses: *ok}
  /files/{name}.json:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get: {operationId: getFile, responses: *ok}
  /find:
    get:
      operationId: find
      parameters:
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: more, in: query, schema: {type: object}}
        - {name: season, in: query, schema: {type: string}}
      responses: *ok
  /form:
    post:
      operationId: postForm
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              properties:
                title: {type: string}
                role: {type: string}
                tags: {type: array, items: {type: string}}
      responses: *ok
  /openform:
    post:
      operationId: openForm
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, additionalProperties: true}
      responses: *ok
  /upload:
    post:
      operationId: upload
      requestBody:
        content:
          multipart/form-data:
            schema:
              type: object
              properties:
                title: {type: string}
                role: {type: string}
                file: {type: string, contentMediaType: application/octet-stream}
      responses: *ok
  /openupload:
    post:
      operationId: openUpload
      requestBody:
        content: {multipart/form-data: {schema: {type: object, additionalProperties: true}}}
      responses: *ok
  /traced:
    get:
      operationId: traced
      parameters:
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: sid, in: cookie, schema: {type: string}}
        - {name: uid, in: cookie, schema: {type: string}}
      responses: *ok
  /page:
    get:
      operationId: getPage
      responses: {"200": {description: Page, content: {text/html: {schema: {type: string}}}}}
  /admin:
    get: {operationId: admin, responses: *ok}
    post: {operationId: setAdmin, responses: *ok}
"""

OPERATIONS = """
operations:
  listItems:
    parameters:
      kind: {pin: tool}
      debug: hide
      near: {header: x-near}
  addItem: {parameters: {owner: {pin: robot}, body.meta.level: {pin: 3}}}
  getItem:
  putItem:
  getPart:
  getFile:
  find: {parameters: {season: {pin: regular}}}
  postForm: {parameters: {role: {pin: guest}}}
  openForm:
  upload: {parameters: {role: {pin: guest}}}
  openUpload:
  traced:
    parameters:
      X-Trace: {description: A trace.}
      sid: {description: A session.}
      uid: {pin: robot}
  getPage:
"""

KEY = "key-of-the-0perator/+ä"
SHOWN: Pairs = (("X-Key", KEY),)


def config(more: str = "", operations: str = OPERATIONS, name: str = "shop") -> str:
    """A config over the spec beside it."""
    start = f"plugin: {name}\ncontact: a@example.com\nspec: ../specs/shop.yaml\n"
    text = dedent(more)
    if "upstream: {" not in text:
        text += "upstream: {}\n"
    # What reaches the upstream is counted: a call is one request, whatever it answers.
    return start + text.replace("upstream: {", "upstream: {retries: no, ") + operations


def world(name: str, more: str, *, operations: str = OPERATIONS, **rest: object) -> World:
    """A world of one plugin over the spec."""
    return World(name, (config(more, operations),), files={"specs/shop.yaml": SPEC}, **rest)  # type: ignore[arg-type]


_KEYED = (
    'upstream: {credential: {header: {name: X-Key, value: "${KEY}"}}, forward: [Accept-Language]}\n'
)

# With the operator's key in a header; nothing is stored.
SHOP = world("shop", "cache: no\n" + _KEYED, env={"KEY": KEY}, shown=SHOWN)

# The other ways to show a credential.
QUERY = world(
    "key in the query",
    'cache: no\nupstream: {credential: {query: {name: key, value: "${KEY}"}}}\n',
    env={"KEY": "secret&=?#/%41"},
)
COOKIE = world(
    "key in a cookie",
    'cache: no\nupstream: {credential: {cookie: {name: sid, value: "${KEY}"}}}\n',
    operations=OPERATIONS.replace("      sid: {description: A session.}\n", ""),
    env={"KEY": "cookie-secret"},
    shown=(("Cookie", "sid=cookie-secret"),),
)
BEARER = world(
    "bearer",
    'cache: no\nupstream: {credential: {bearer: "${KEY}"}}\n',
    env={"KEY": "bearer-secret"},
    shown=(("Authorization", "Bearer bearer-secret"),),
)
BASIC = world(
    "basic",
    'cache: no\nupstream: {credential: {basic: {username: me, password: "${KEY}"}}}\n',
    env={"KEY": "pass-secret"},
    shown=(("Authorization", "Basic " + base64.b64encode(b"me:pass-secret").decode()),),
)

# How callers prove themselves.
SERVICE = world(
    "service",
    'cache: no\nauth: {service: {tokens: {ada: "${ADA}", bob: "${BOB}"}}}\n' + _KEYED,
    env={"KEY": KEY, "ADA": "token-of-ada", "BOB": "token-of-bob"},
    shown=SHOWN,
)
SERVICE_BASIC = world(
    "service, basic",
    'cache: no\nauth: {service: {scheme: basic, tokens: {ada: "${ADA}"}}}\n' + _KEYED,
    env={"KEY": KEY, "ADA": "ada:password"},
    shown=SHOWN,
)
USER = world("user", "cache: no\nauth: {user: {}}\nupstream: {forward: [Accept-Language]}\n")
USER_BASIC = world("user, basic", "cache: no\nauth: {user: {scheme: basic}}\n")
OAUTH = world(
    "oauth",
    """
    cache: no
    auth:
      oauth:
        client_url: "@URL@/login"
        token_url: "@URL@/token"
        client_id: shop-id
        client_secret: "${SECRET}"
    """,
    env={"SECRET": "secret-of-the-client"},
)

# Answers are stored.
STORING = world("storing", "cache: 60s\n" + _KEYED, env={"KEY": KEY}, shown=SHOWN, fresh=True)
STORING_USER = world("storing, user", "cache: 60s\nauth: {user: {}}\n", fresh=True)
STORING_SERVICE = world(
    "storing, service",
    'cache: 60s\nauth: {service: {tokens: {ada: "${ADA}", bob: "${BOB}"}}}\n' + _KEYED,
    env={"KEY": KEY, "ADA": "token-of-ada", "BOB": "token-of-bob"},
    shown=SHOWN,
    fresh=True,
)
_TENANT = """
plugin: {name}
contact: a@example.com
cache: 60s
upstream: {{url: "@URL@/v1", headers: {{X-Tenant: {name}}}}}
operations: {{get: {{call: GET /tenant, returns: {{type: object}}}}}}
"""
TENANTS = World("two tenants", (_TENANT.format(name="one"), _TENANT.format(name="two")), fresh=True)

# Limits.
LIMITED = world(
    "limited", "cache: no\nlimit: 2/min\n" + _KEYED, env={"KEY": KEY}, shown=SHOWN, fresh=True
)
LIMITED_SERVICE = world(
    "limited, service",
    'cache: no\nlimit: 2/min\nauth: {service: {tokens: {ada: "${ADA}", bob: "${BOB}"}}}\n' + _KEYED,
    env={"KEY": KEY, "ADA": "token-of-ada", "BOB": "token-of-bob"},
    shown=SHOWN,
    fresh=True,
)
PROXIED = world(
    "behind a proxy",
    "cache: no\nlimit: 2/min\n" + _KEYED,
    env={"KEY": KEY},
    shown=SHOWN,
    fresh=True,
    options={"trusted_proxies": ("127.0.0.1/32",)},
)

# Browsers.
HOSTED = world(
    "hosted",
    "cache: no\nhosts: [shop.example]\n" + _KEYED,
    env={"KEY": KEY},
    shown=SHOWN,
    options={"origins": ("https://app.example",)},
)

# Bytes that are no JSON pass as they are.
BYTES = world("bytes", "cache: no\nbudget: no\n" + _KEYED, env={"KEY": KEY}, shown=SHOWN)
