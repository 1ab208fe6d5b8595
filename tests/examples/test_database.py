"""examples/database: a real Datasette, read through one SELECT or one table, and no more."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from openapi_spec_validator import validate

from gateway.shrinking import count
from tests.conftest import Client
from tests.examples.conftest import EXAMPLES, Parameters, Serving, commands, loaded, script, seen
from tests.examples.test_readmes import HERE
from tests.examples.test_table import assert_told
from tests.upstreams.conftest import environment, free_port, running

pytestmark = pytest.mark.upstreams

NAMED = "http://127.0.0.1:5006"
CONSTRAINTS = Path(__file__).parent / "constraints.txt"
REQUIREMENT = "datasette-chatgpt-plugin==0.1"


@pytest.fixture(scope="module")
def datasette(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a running Datasette with its ChatGPT plugin, over the example's own database."""
    assert pytestconfig.cache is not None
    python = environment(pytestconfig.cache.mkdir("upstreams"), REQUIREMENT, CONSTRAINTS)
    directory = tmp_path_factory.mktemp("datasette")
    script("database/make.py").make(directory / "library.db")
    port = free_port()
    command = [
        *(str(python), "-m", "datasette", "serve", "--immutable", "library.db"),
        *("--port", str(port)),
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/-/versions.json", directory):
        yield url


@pytest.fixture
async def library(datasette: str, serving: Serving) -> Client:
    return await serving(
        loaded("database/sql.yaml", {}, datasette), loaded("database/table.yaml", {}, datasette)
    )


async def sql(library: Client, query: str) -> tuple[int, dict[str, object]]:
    answer = await library.post("/librarySql/call/runSql", json={"sql": query})
    assert count(answer.body.decode()) <= 1500
    return answer.status, answer.json()


# --- what is served ---------------------------------------------------------------------------


async def test_a_model_sees_one_statement_or_one_table(library: Client) -> None:
    assert await seen(library, "/librarySql") == {"runSql": Parameters({"sql"}, set())}
    filters = {"title", "subject", "from_year", "to_year", "after"}
    assert await seen(library, "/libraryBooks") == {"findBooks": Parameters(set(), filters)}


async def test_the_document_that_datasettes_own_plugin_writes_is_taken_without_loss(
    library: Client, datasette: str
) -> None:
    for site in library.gateway.door.sites:
        assert site.plugin is not None
        assert site.plugin.base == datasette
        assert (site.plugin.warnings, site.plugin.ledger) == ((), ())


@pytest.mark.parametrize("name", ["librarySql", "libraryBooks"])
@pytest.mark.parametrize("version", ["3.0", "3.1"])
async def test_the_served_specs_are_valid_and_within_their_budget(
    library: Client, name: str, version: str
) -> None:
    validate((await library.get(f"/{name}/openapi.json?version={version}")).json())
    assert count((await library.get(f"/{name}/openapi.yaml?version={version}")).body) <= 5000


async def test_our_manifest_stands_where_datasettes_own_does_not_come_through(
    library: Client, datasette: str
) -> None:
    ours = (await library.get("/librarySql/.well-known/ai-plugin.json")).json()
    async with library.session.get(f"{datasette}/.well-known/ai-plugin.json") as response:
        theirs = await response.json()
    assert ours["name_for_model"] == "librarySql"
    assert theirs["api"]["url"].startswith("https://")  # whatever Datasette is served with
    assert ours["api"]["url"].startswith(library.base)


# --- reading ----------------------------------------------------------------------------------


async def test_a_select_is_answered(library: Client) -> None:
    query = "select subject, count(*) as n from books group by subject limit 2"
    status, body = await sql(library, query)
    assert status == 200
    assert body == {"items": [{"subject": "art", "n": 50}, {"subject": "cooking", "n": 50}]}
    spelled = await library.get(f"/librarySql/library.json?sql={quote(query)}")
    assert spelled.json() == body


async def test_however_much_is_found_an_answer_keeps_within_the_budget_and_says_so(
    library: Client, datasette: str
) -> None:
    async with library.session.get(
        f"{datasette}/library.json?sql=select+*+from+books&_shape=array"
    ) as response:
        assert count(await response.text()) > 20 * 1500
    status, body = await sql(library, "select * from books")
    assert status == 200
    assert body["_shrunk"]["items"]["total"] == 400  # type: ignore[index]
    _, body = await sql(library, "select id from books")
    assert len(body["items"]) == body["_shrunk"]["items"]["kept"] == 50  # type: ignore[arg-type,index]


async def test_one_table_is_filtered_by_words_of_ours(library: Client) -> None:
    arguments = {"subject": "travel", "from_year": 2000, "to_year": 2009}
    answer = await library.post("/libraryBooks/call/findBooks", json=arguments)
    body = answer.json()
    assert body["found"] == len(body["rows"]) > 1
    assert set(body["rows"][0]) == {"title", "year", "shelf"}
    assert all(2000 <= row["year"] <= 2009 for row in body["rows"])


async def test_page_follows_page(library: Client) -> None:
    titles: list[str] = []
    arguments: dict[str, str] = {"title": "Gardens"}
    while True:
        body = (await library.post("/libraryBooks/call/findBooks", json=arguments)).json()
        titles += [row["title"] for row in body["rows"]]
        if body["next"] is None:
            break
        arguments["after"] = body["next"]
    assert len(set(titles)) == len(titles) == body["found"] == 80


# --- and nothing else -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    ["delete from books", "update books set year = 1", "drop table books", "pragma user_version"],
)
async def test_a_statement_that_is_no_select_is_refused_in_datasettes_words(
    library: Client, statement: str
) -> None:
    status, body = await sql(library, statement)
    assert (status, body["ok"]) == (400, False)
    assert "SELECT" in json.dumps(body) or "PRAGMA" in json.dumps(body)
    assert (await sql(library, "select count(*) as n from books"))[1] == {"items": [{"n": 400}]}


async def test_a_fault_in_the_sql_comes_through_so_that_a_model_can_mend_it(
    library: Client,
) -> None:
    status, body = await sql(library, "select nope from books")
    assert (status, body["error"]) == (400, "no such column: nope")


@pytest.mark.parametrize(
    "arguments",
    [
        {"sql": "select 1", "_shape": "objects"},
        {"sql": "select 1", "_trace": "1"},
        {"sql": ["select 1", "select 2"]},
        {},
    ],
)
async def test_arguments_that_are_not_offered_are_refused(
    library: Client, arguments: dict[str, object]
) -> None:
    answer = await library.post("/librarySql/call/runSql", json=arguments)
    assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")


@pytest.mark.parametrize(
    "target",
    [
        "/librarySql/library/books.json",
        "/librarySql/-/chatgpt-openapi-schema.yml",
        "/librarySql/-/settings.json",
        "/librarySql/library.db",
        "/librarySql/library.json/../-/settings.json?sql=select+1",
        "/libraryBooks/library.json?sql=select+1",
        "/libraryBooks/library/books/0.json",
    ],
)
async def test_the_rest_of_datasette_is_out_of_reach(library: Client, target: str) -> None:
    assert (await library.get(target)).status == 404


async def test_a_table_takes_neither_sql_nor_other_filters(library: Client) -> None:
    for name in ("_where", "sql", "notes__contains", "_size"):
        answer = await library.get(f"/libraryBooks/library/books.json?{name}=1")
        assert (answer.status, answer.json()["code"]) == (400, "bad_arguments")


# --- the page ---------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands are made of curl")
async def test_the_commands_of_the_page_do_what_it_says(library: Client) -> None:
    lines = commands((EXAMPLES / "database" / "README.md").read_text())
    assert f"datasette serve --immutable /tmp/library.db --port {urlsplit(NAMED).port}" in lines[3]
    for requirement in re.findall(r"\S+==\S+", lines[1]):
        assert requirement in CONSTRAINTS.read_text().splitlines()
    asked = [line for line in lines if line.startswith("curl ")]
    assert len(asked) >= 4
    for line in asked:
        expected = re.search(r"  # (\d{3})", line)
        words = [word.replace(HERE, library.base) for word in shlex.split(line, comments=True)[1:]]
        process = await asyncio.create_subprocess_exec(
            *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"),
            *words,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert (line, said.decode()) == (line, expected[1] if expected else "200")


async def test_what_the_list_says_of_tokens_is_so(library: Client, datasette: str) -> None:
    query = "sql=select+*+from+books"
    sources = (
        f"{datasette}/-/chatgpt-openapi-schema.yml",
        f"{library.base}/librarySql/openapi.yaml",
        f"{datasette}/library.json?{query}&_shape=array",
        f"{library.base}/librarySql/library.json?{query}",
    )
    tokens = []
    for url in sources:
        async with library.session.get(url) as response:
            assert response.status == 200
            tokens.append(count(await response.text()))
    assert_told("database", (tokens[:2], tokens[2:]))
