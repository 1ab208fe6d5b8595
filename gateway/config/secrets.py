"""`${NAME}` and `${file:/path}` → their values, once, when a config is read.

They stand in values of `upstream`, `auth`, `spec.headers` and `pin`, also inside a longer text;
`$${` is a literal `${` there, and everywhere else `${` is text like any other. What they hold
is never looked into again, and no message repeats it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from gateway.config import types
from gateway.config.entries import credentials_of
from gateway.config.faults import Fault, Path

MAX_BYTES = 64 * 1024  # of a secret in a file; Kubernetes allows 1 MiB for all of one Secret

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = "file:"
_SECRETS_OF_AUTH = (("auth", "service", "tokens"), ("auth", "oauth", "client_secret"))
_UP_TO_AUTHORITY = re.compile(r"[^/?#]*(//[^/?#]*)?")

Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Text:
    """A text whose references are resolved, in parts; True marks what a reference held."""

    parts: tuple[tuple[str, bool], ...]

    @property
    def value(self) -> str:
        """The whole text."""
        return "".join(part for part, _ in self.parts)

    @property
    def held(self) -> tuple[str, ...]:
        """What the references held."""
        return tuple(part for part, is_held in self.parts if is_held)

    @property
    def held_in_path(self) -> tuple[str, ...]:
        """Of a URL, what was held behind its scheme and authority.

        `${UPSTREAM_URL}` and `https://${HOST}/v1` say where the upstream is, which is no
        secret; `https://api.example.com/${TOKEN}/v1` has a token in its path.
        """
        shape, found = "", []
        for part, is_held in self.parts:
            if is_held and not _UP_TO_AUTHORITY.fullmatch(shape):
                found.append(part)
            shape += "x" if is_held else part
        return tuple(found)


@dataclass(slots=True)
class Resolved:
    """A tree without references, the texts that had some by their path, and what is wrong.

    `files` are those that references name, whether they could be read or not.
    """

    tree: Any
    texts: dict[Path, Text] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    files: set[FilePath] = field(default_factory=set)


def resolve(tree: Any, env: Mapping[str, str], base: FilePath) -> Resolved:
    """Resolve the references of a config's tree.

    Args:
        tree: As it was read; whatever is wrong with it is left as it is.
        env: The environment.
        base: The directory in which relative files are looked for.
    """
    found = Resolved(None)

    def read(reference: str) -> str:
        if reference.startswith(_FILE):
            name = reference.removeprefix(_FILE)
            found.files.add(base / name)
            return _read_file(base, name)
        return _read_variable(env, reference)

    found.tree = _walk(tree, (), read, found, inside=False)
    return found


def _takes_secrets(path: Path) -> bool:
    match path:
        case ("upstream",) | ("auth",) | ("spec", "headers"):
            return True
        case ("parameters", _, "pin") | ("operations", _, "parameters", _, "pin"):
            return True
    return False


def _walk(node: Any, path: Path, read: Read, found: Resolved, *, inside: bool) -> Any:
    """Copy a tree. Its depth is bounded by the reader's."""
    inside = inside or _takes_secrets(path)
    match node:
        case dict():
            return {k: _walk(v, (*path, k), read, found, inside=inside) for k, v in node.items()}
        case list():
            return [_walk(v, (*path, i), read, found, inside=inside) for i, v in enumerate(node)]
        case str() if inside and "${" in node:
            return _text(node, path, read, found)
    return node


def _text(text: str, path: Path, read: Read, found: Resolved) -> str:
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        parts.append((text[end : match.start()], False))
        end = match.end()
        if match[0] == "$${":
            parts.append(("${", False))
            continue
        try:
            if not match[2]:
                raise ValueError("`${` is not closed; for a literal one write `$${`")
            parts.append((read(match[1]), True))
        except ValueError as error:
            found.faults.append(Fault(path, str(error)))
            return text
    resolved = Text((*parts, (text[end:], False)))
    if resolved.held:
        found.texts[path] = resolved
    return resolved.value


def _read_variable(env: Mapping[str, str], name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            "`${…}` holds the name of an environment variable, or file: and a path; "
            "for a literal `${` write `$${`"
        )
    value = env.get(name)
    if value is None:
        raise ValueError(f"the environment variable {name} is not set")
    return _usable(value, f"the environment variable {name}")


def _read_file(base: FilePath, name: str) -> str:
    what = f"the file {name!r}"
    try:
        data = _regular(base / name)
    except OSError as error:
        raise ValueError(f"{what} cannot be read: {error.strerror or error}") from None
    except ValueError:  # a NUL in the name
        raise ValueError(f"{what} cannot be read: no file is named so") from None
    if data is None:
        raise ValueError(f"{what} is not a regular file")
    if len(data) > MAX_BYTES:
        raise ValueError(f"{what} is larger than {MAX_BYTES:,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not UTF-8 text") from None
    # Editors and `echo` end a file with a line break.
    return _usable(re.sub(r"\r?\n\Z", "", text), what)


def _regular(path: FilePath) -> bytes | None:
    """The beginning of a file; None where it is none, such as a pipe that nobody writes to."""
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _usable(value: str, what: str) -> str:
    if not value:
        raise ValueError(f"{what} is empty")
    if any(char in value for char in "\r\n\0"):
        raise ValueError(f"{what} holds a line break or NUL, which no header may hold")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} is not UTF-8 text") from None
    return value


def collect(plugin: types.Plugin, texts: Mapping[Path, Text]) -> frozenset[str]:
    """The texts that no output may hold: what came through `${…}`, and proofs written out.

    What of `auth` is published in the manifest is no secret, whatever it came through.
    """
    secrets: set[str] = set()
    for path, text in texts.items():
        if path == ("upstream", "url"):
            secrets.update(text.held_in_path)
        elif path[0] != "auth" or path[:3] in _SECRETS_OF_AUTH:
            secrets.update(text.held)
    for path, proof in proofs(plugin):
        if path not in texts:
            # Of `Token abc` an upstream may echo the second word alone.
            secrets.update((proof, proof.rpartition(" ")[2]))
    return frozenset(secrets - {""})


def proofs(plugin: types.Plugin) -> Iterator[tuple[Path, str]]:
    """Every credential and token, and where it stands."""
    for at, one in credentials_of(plugin):
        kind, settings = one.chosen
        path: Path = (*at, kind)
        if isinstance(settings, types.NamedSecret):
            yield (*path, "value"), settings.value
        elif isinstance(settings, types.BasicSecret):
            # Some upstreams take a key as user name, with no password.
            key = "password" if settings.password else "username"
            yield (*path, key), getattr(settings, key)
        elif isinstance(settings, types.ClientCredentials):
            yield (*path, "client_secret"), settings.client_secret
        else:
            yield path, settings
    if isinstance(plugin.auth, types.Auth) and plugin.auth.service is not None:
        for name, token in plugin.auth.service.tokens.items():
            where: Path = ("auth", "service", "tokens", name)
            yield where, token
            if plugin.auth.service.scheme == "basic":
                yield where, token.partition(":")[2]
    oauth = plugin.auth.oauth if isinstance(plugin.auth, types.Auth) else None
    if oauth is not None and oauth.client_secret is not None:
        yield ("auth", "oauth", "client_secret"), oauth.client_secret
