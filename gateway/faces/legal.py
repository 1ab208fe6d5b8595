"""The built-in page behind `legal_info_url`: what the gateway does with a call, and no law."""

from __future__ import annotations

from html import escape

from gateway.config import types
from gateway.faces.pages import page
from gateway.plugin import Plugin

_RESPONSIBLE = (
    "This plugin stands before an API and passes calls on to it. What that API does with them, "
    "and the terms under which it answers, are its provider's matter."
)


def write(plugin: Plugin) -> str:
    """Write the built-in page of a plugin."""
    facts = [_passed_on(plugin), _proof(plugin.config.auth), _kept(plugin)]
    contact = escape(plugin.contact)
    asked = (
        f'Questions go to <a href="mailto:{contact}">{contact}</a>.'
        if plugin.contact
        else "The operator of this plugin has named no contact."
    )
    title = f"{plugin.title}: how it treats your data"
    return page(
        title,
        [
            f"<h1>{escape(plugin.title)}</h1>",
            f'<p class="soft">{escape(plugin.summary)}</p>',
            "<section>\n<h2>What happens to a call</h2>\n<ul>",
            *(f"<li>{fact}</li>" for fact in facts),
            "</ul>\n</section>",
            "<section>\n<h2>Who is responsible</h2>",
            f"<p>{_RESPONSIBLE} {asked}</p>\n</section>",
        ],
    )


def _passed_on(plugin: Plugin) -> str:
    """Which parts of a call reach the upstream."""
    config = plugin.config
    settings = config.operations.values() if isinstance(config.operations, dict) else ()
    entries = [config.parameters, *(one.parameters for one in settings if one is not None)]
    filled = [
        entry.header
        for each in entries
        for entry in each.values()
        if isinstance(entry, types.Parameter) and entry.header
    ]
    own = [] if isinstance(config.auth, str) or config.auth.service else ["authorization"]
    names = sorted({name.lower() for name in [*config.upstream.forward, *filled, *own]})
    headers = (
        "Of your request's headers, these: "
        + ", ".join(f"<code>{escape(name)}</code>" for name in names)
        + "."
        if names
        else "None of your request's headers."
    )
    return f"Passed on to the API: the arguments that are sent with a call. {headers}"


def _proof(auth: types.Auth | str) -> str:
    """What becomes of the caller's own proof."""
    if isinstance(auth, str):
        return "Calls need no key or account here."
    if auth.service is not None:
        return "Callers show a secret of this plugin. It is checked here and not passed on."
    if auth.user is not None:
        return "You bring your own key of the API. It is passed on to the API with each call."
    return "You sign in, and the token that comes of it is passed on to the API with each call."


def _kept(plugin: Plugin) -> str:
    """Whether answers are stored."""
    if all(one.cache == 0.0 for one in plugin.operations.values()):
        return "Answers are not stored here."
    kept = "Answers may be stored here for a while and given again to the same question."
    if all(one.by_caller or one.caching.shared for one in plugin.chosen):
        return f"{kept} What was fetched with one person's own key is never given to another."
    return (
        f"{kept} What was fetched with one person's own key is given to another only where the API "
        "says that it is public."
    )
