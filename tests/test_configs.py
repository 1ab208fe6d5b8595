"""The repository's own configs: they load without a word of complaint, and they read well."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Loaded, read_configs
from gateway.demo import DEMO_PLUGINS, configs_dir
from gateway.plugin import Plugin, build
from gateway.spec.document import parse

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIGS = [
    *(configs_dir() / name for name in DEMO_PLUGINS),
    *sorted((REPOSITORY / "examples").glob("*/*.yaml")),
]
ENV = {name: value for plugin in DEMO_PLUGINS.values() for name, value in plugin.env.items()}

config = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)


def loaded(path: Path) -> Loaded:
    (one,) = read_configs([path], ENV)
    return one


def built(path: Path) -> Plugin:
    one = loaded(path)
    if one.plugin.spec is None:
        return build(one, None)
    spec = path.parent / str(one.plugin.spec)
    return build(one, parse(spec.read_bytes(), spec.name), str(spec))


@config
def test_a_config_becomes_a_plugin_without_warning_or_loss(path: Path) -> None:
    plugin = built(path)
    assert plugin.warnings == ()
    assert plugin.ledger == ()
    assert list(plugin.operations) == list(plugin.config.operations)


@config
def test_every_operation_and_every_argument_is_described(path: Path) -> None:
    for operation in built(path).operations.values():
        assert operation.written, operation.name
        for argument in operation.arguments:
            assert argument.description, f"{operation.name}.{argument.name}"
            assert "[]" not in argument.name


@config
def test_the_words_fit_what_platforms_take(path: Path) -> None:
    plugin = loaded(path).plugin
    assert 0 < len(plugin.title or "") <= 20
    assert 0 < len(plugin.summary or "") <= 100
    assert 0 < len(plugin.description or "") <= 8000


@config
def test_the_first_line_names_the_schema_for_editors(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    marker, _, where = first.partition("$schema=")
    assert marker == "# yaml-language-server: "
    assert (path.parent / where).resolve() == REPOSITORY / "gateway/config/schema.json"


@config
def test_files_beside_a_config_are_there(path: Path) -> None:
    plugin = loaded(path).plugin
    for name in (plugin.logo, plugin.spec):
        assert name is None or (path.parent / str(name)).is_file()


def test_a_secret_of_the_environment_reaches_the_credential() -> None:
    for name, plugin in DEMO_PLUGINS.items():
        secrets = loaded(configs_dir() / name).secrets
        assert all(any(value in one for one in secrets) for value in plugin.env.values())
