from __future__ import annotations

import re

import aiohttp

from gateway.demo import DEMO_PLUGINS, configs_dir, start


async def test_both_upstreams_answer_on_the_loopback_interface_and_end() -> None:
    async with start() as demo, aiohttp.ClientSession() as session:
        for plugin in DEMO_PLUGINS.values():
            base = getattr(demo, plugin.upstream)
            assert base.startswith("http://127.0.0.1:")
            async with session.get(base + "/teams") as response:
                assert response.status == 401
    async with aiohttp.ClientSession() as session:
        for plugin in DEMO_PLUGINS.values():
            try:
                await session.get(getattr(demo, plugin.upstream))
            except aiohttp.ClientConnectorError:
                continue
            raise AssertionError(f"{plugin.upstream} still listens")


def test_every_config_has_its_upstream_and_every_secret_a_value() -> None:
    configs = {path.name: path.read_text(encoding="utf-8") for path in configs_dir().glob("*.yaml")}
    assert set(configs) == set(DEMO_PLUGINS)
    for name, text in configs.items():
        assert set(re.findall(r"\$\{([A-Z_]+)\}", text)) == set(DEMO_PLUGINS[name].env)
