"""Semantic Kernel 1.17, the last one with `add_plugin_from_openai`: the plugin by its manifest."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any

from reading import arguments, main, must_know
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_calling_utils import (
    kernel_function_metadata_to_function_call_format,
)
from semantic_kernel.connectors.openai_plugin.openai_function_execution_parameters import (
    OpenAIFunctionExecutionParameters,
)
from semantic_kernel.functions import KernelArguments


def read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    """The functions' names, and each call."""
    return asyncio.run(_read(plugin, version))


async def _read(plugin: SimpleNamespace, version: str) -> tuple[list[str], dict[str, Any]]:
    async def shows(*_args: Any, **_kwargs: Any) -> dict[str, str]:
        return dict(plugin.headers)

    kernel = Kernel()
    settings = OpenAIFunctionExecutionParameters(
        auth_callback=shows if plugin.headers else None, enable_dynamic_payload=True
    )
    if version == "3.0":
        added = await kernel.add_plugin_from_openai(
            plugin.name, plugin_url=plugin.manifest, execution_parameters=settings
        )
    else:
        added = kernel.add_plugin_from_openapi(
            plugin.name, plugin.specs[version], execution_settings=settings
        )
    answers = {}
    for call in plugin.calls:
        given = KernelArguments(**{_renamed(key): one for key, one in arguments(call).items()})
        told = kernel_function_metadata_to_function_call_format(added[call.operationId].metadata)
        must_know(call, told["function"]["parameters"]["properties"], _renamed)
        answers[call.operationId] = str(await kernel.invoke(added[call.operationId], given))
    return list(added.functions), answers


def _renamed(name: str) -> str:
    """What it calls a parameter."""
    return re.sub(r"[^0-9A-Za-z_]+", "_", name)


def cannot(plugin: SimpleNamespace, version: str) -> tuple[str, str] | None:
    """What it cannot read."""
    if version == "3.0" and plugin.auth in ("service", "user"):
        return (
            "it knows the manifest's auth kinds none and oauth only",
            "OpenAIAuthenticationConfig",
        )
    if plugin.ref_property:
        return "it takes a property named $ref for a reference", "Unable to parse url: {'"
    return None


if __name__ == "__main__":
    main(read, cannot=cannot)
