"""The scalars of the YAML: durations, sizes, rates, budgets. Read at the door, once.

Each type says how it is written (`schema`, for editors, checks and messages), how it is read
(`read`) and how a value would be written (`written`, for the reference page). `no` switches a
thing off and reads as the falsy value of its type.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Self

DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SIZE_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
RATE_UNITS = {"s": 1.0, "min": 60.0, "hour": 3600.0, "day": 86400.0}
DROP_KINDS = ("empty", "nulls", "urls")


def _text_schema(pattern: str, expected: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern, "patternErrorMessage": expected}


class Seconds(float):
    """A duration in seconds, written `30s`, `5m`, `2h` or `1d`; above 0."""

    pattern: ClassVar[str] = r"^[1-9][0-9]{0,8}(ms|s|m|h|d)$"
    expected: ClassVar[str] = "a duration such as 30s, 5m, 2h or 1d"

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """What the YAML may hold."""
        return _text_schema(cls.pattern, cls.expected)

    @property
    def written(self) -> str:
        """The duration as a person writes it."""
        thousandths = round(self * 1000)
        sizes = [(unit, round(size * 1000)) for unit, size in DURATION_UNITS.items()]
        fitting = [f"{thousandths // size}{unit}" for unit, size in sizes if not thousandths % size]
        return fitting[-1] if self else "no"

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read the text of a duration. Raises: ValueError."""
        match = isinstance(value, str) and re.fullmatch(r"([1-9][0-9]{0,8})(ms|s|m|h|d)", value)
        if not match:
            raise ValueError(f"expected {cls.expected}, found {value!r}")
        return cls(int(match[1]) * DURATION_UNITS[match[2]])


class SecondsOrNo(Seconds):
    """A duration, or `no`: 0.0."""

    pattern = r"^(no|[1-9][0-9]{0,8}(ms|s|m|h|d))$"
    expected = "a duration such as 30s, 5m, 2h or 1d, or no"

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read the text of a duration or `no`. Raises: ValueError."""
        return cls(0.0) if value == "no" else super().read(value)


class Bytes(int):
    """A size in bytes, written `64KiB` or `10MiB`."""

    pattern: ClassVar[str] = r"^[1-9][0-9]{0,8}(B|KiB|MiB|GiB)$"
    expected: ClassVar[str] = "a size such as 64KiB or 10MiB"

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """What the YAML may hold."""
        return _text_schema(cls.pattern, cls.expected)

    @property
    def written(self) -> str:
        """The size as a person writes it."""
        units = reversed(SIZE_UNITS.items())
        return next(f"{self // size}{unit}" for unit, size in units if self % size == 0)

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read the text of a size. Raises: ValueError."""
        match = isinstance(value, str) and re.fullmatch(r"([1-9][0-9]{0,8})(B|[KMG]iB)", value)
        if not match:
            raise ValueError(f"expected {cls.expected}, found {value!r}")
        return cls(int(match[1]) * SIZE_UNITS[match[2]])


class _Pair:
    """Two numbers with names. Not a dataclass: msgspec would decode that by itself."""

    __slots__: tuple[str, ...] = ()

    def _pair(self) -> tuple[float, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._pair() == other._pair()

    def __hash__(self) -> int:
        return hash(self._pair())

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._pair()}"


class Rate(_Pair):
    """At most `count` calls in any `seconds`; `no` is a count of 0, which means no limit."""

    __slots__ = ("count", "seconds")

    def __init__(self, count: int, seconds: float) -> None:
        self.count = count
        self.seconds = seconds

    pattern: ClassVar[str] = r"^(no|[1-9][0-9]{0,8}/(s|min|hour|day))$"
    expected: ClassVar[str] = "a rate such as 30/s, 30/min, 30/hour or 30/day, or no"

    def __bool__(self) -> bool:
        return self.count > 0

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """What the YAML may hold."""
        return _text_schema(cls.pattern, cls.expected)

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read the text of a rate or `no`. Raises: ValueError."""
        if value == "no":
            return cls(0, 1.0)
        match = isinstance(value, str) and re.fullmatch(r"([1-9][0-9]{0,8})/(\w+)", value)
        if not match or match[2] not in RATE_UNITS:
            raise ValueError(f"expected {cls.expected}, found {value!r}")
        return cls(int(match[1]), RATE_UNITS[match[2]])


class Budget(_Pair):
    """Tokens (o200k_base) and characters that one answer may cost; `no` is 0 and 0: never cut."""

    __slots__ = ("chars", "tokens")

    # 95,000: readers of plugins and Actions refuse answers of 100,000 characters.
    def __init__(self, tokens: int, chars: int = 95_000) -> None:
        self.tokens = tokens
        self.chars = chars

    expected: ClassVar[str] = "a number of tokens, {tokens: 8000, chars: 95000} or no"

    def __bool__(self) -> bool:
        return self.tokens > 0

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """What the YAML may hold."""
        number = {"type": "integer", "minimum": MIN_BUDGET, "maximum": MAX_BUDGET}
        names = {"tokens": number, "chars": number}
        exact = {"type": "object", "properties": names, "additionalProperties": False}
        return {"anyOf": [number, exact, {"enum": ["no"]}]}

    @property
    def written(self) -> int:
        """The budget as a person writes it."""
        return self.tokens

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read a number, a mapping or `no`. Raises: ValueError."""
        if value == "no":
            return cls(0, 0)
        if type(value) is int and MIN_BUDGET <= value <= MAX_BUDGET:
            return cls(value)
        if isinstance(value, dict) and value.keys() <= {"tokens", "chars"}:
            numbers = {"tokens": 8000, "chars": 95_000, **value}
            if all(type(n) is int and MIN_BUDGET <= n <= MAX_BUDGET for n in numbers.values()):
                return cls(**numbers)
        raise ValueError(f"expected {cls.expected} (at least {MIN_BUDGET}), found {value!r}")


MIN_BUDGET = 100  # below this not even the announcement of a cut fits
MAX_BUDGET = 10_000_000  # ten times the largest context a model has


class Drop(tuple[str, ...]):
    """What is left out of an answer: kinds and paths; `no` and `[]` are nothing."""

    __slots__ = ()
    expected: ClassVar[str] = f"a list of {', '.join(DROP_KINDS)} and paths, or no"

    def __new__(cls, entries: Sequence[str] = ()) -> Self:
        """Make one from its entries."""
        return super().__new__(cls, entries)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """What the YAML may hold."""
        return {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"enum": ["no"]}]}

    @property
    def written(self) -> list[str]:
        """The list as a person writes it."""
        return list(self)

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read a list of texts or `no`. Raises: ValueError."""
        if value == "no":
            return cls()
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            return cls(value)
        raise ValueError(f"expected {cls.expected}, found {value!r}")
