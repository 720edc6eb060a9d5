"""What settings have in common: one field is one default, one option, one environment variable, one help text.

A subclass lists its fields; each becomes an option (``turn_ttl`` is ``--turn-ttl``) and an environment
variable (:attr:`SettingsModel.env_prefix` and the name in capitals). A field that is a tuple is an option that
may be repeated, and a comma-separated list in the environment. All faults are reported at once.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Container, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from loadkit.errors import SettingsError

_DURATION = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$")
#: What of an address could be a secret: user and password, and what follows a question mark.
_PASSWORD = re.compile(r"(?<=://)[^/\s@]*(?=@)|(?<=\?)[^'\"]+")
_MILLISECONDS = re.compile(r"^(\d+(?:\.\d+)?)ms$")


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``1.5s``, ``250ms``, ``2m``, ``1h30m``.

    :raises ValueError: it is none of these.
    """
    if match := _MILLISECONDS.match(text.strip()):
        return float(match[1]) / 1000
    match = _DURATION.match(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text!r} is not a duration; write 30, 30s, 250ms, 2m or 1h30m")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)


#: Seconds, given as a number or as a duration; more than 0 and not more than a day.
Seconds = Annotated[
    float,
    BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value),
    Field(gt=0, le=86_400),
]

#: Seconds as above, or 0.
SecondsOrOff = Annotated[
    float,
    BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value),
    Field(ge=0, le=86_400),
]


def listed(value: Any, *, separator: str = ",") -> Any:
    """The entries of a list that is given as text, or as texts that may be such lists; anything else as it is."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        return value
    return tuple(part.strip() for text in texts for part in text.split(separator) if part.strip())


#: A list of texts: an option that may be repeated or take several, comma separated.
Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]


def option(
    default: Any,
    description: str,
    *,
    flag: str | None = None,
    separator: str | None = None,
    **constraints: Any,
) -> Any:
    """A field with its help text.

    :param flag: the option, when it is not named after the field.
    :param separator: what parts the entries of a list in one text, when it is not a comma.
    """
    extra: dict[str, Any] = {"flag": flag, "separator": separator}
    known = {key: value for key, value in extra.items() if value}
    return Field(default, description=description, json_schema_extra=known or None, **constraints)


def shown_default(default: Any) -> str:
    """A default as it would be given as an option."""
    if isinstance(default, tuple):
        return ",".join(str(entry) for entry in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def unit_in_name(name: str) -> str | None:
    """The unit that a name ends in; ``None`` for seconds, which no name of a setting says."""
    ends = (("_ms", "ms"), ("_share", "share"), ("_minutes", "minutes"))
    return next((unit for end, unit in ends if name.endswith(end)), None)


class SettingsModel(BaseModel):
    """Frozen settings.

    :raises SettingsError: with every fault, each naming its option and what was given; secrets never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    env_prefix: ClassVar[str] = "LOADKIT_"

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            faults = [self._sentence(error, values) for error in exc.errors()]
            raise SettingsError(list(dict.fromkeys(faults + self.faults_of_pairs(values)))) from None

    @classmethod
    def faults_of_pairs(cls, values: Mapping[str, Any]) -> list[str]:  # noqa: ARG003 - for subclasses
        """Faults that only two settings together make.

        Pydantic looks at pairs only when every single setting is right; to tell all at once, a subclass says
        them here and in its model validator.
        """
        return []

    @classmethod
    def flag(cls, name: str) -> str:
        """Command-line option of a field."""
        extra = cls.model_fields[name].json_schema_extra
        if isinstance(extra, dict) and extra.get("flag"):
            return str(extra["flag"])
        return "--" + name.replace("_", "-")

    @classmethod
    def env_var(cls, name: str) -> str:
        """Environment variable of a field."""
        return cls.env_prefix + name.upper()

    @classmethod
    def is_secret(cls, name: str) -> bool:
        """Whether a field must be masked wherever it is shown."""
        return "SecretStr" in str(cls.model_fields[name].annotation)

    @classmethod
    def repeatable(cls, name: str) -> bool:
        """Whether the option may be given more than once."""
        return str(cls.model_fields[name].annotation).startswith("tuple[")

    @classmethod
    def separator(cls, name: str) -> str:
        """What parts the entries of a list in one text."""
        extra = cls.model_fields[name].json_schema_extra
        return str(extra.get("separator", ",")) if isinstance(extra, dict) else ","

    @classmethod
    def metavar(cls, name: str) -> str:
        """What stands for the option's value in its help."""
        text = str(cls.model_fields[name].annotation)
        if cls.is_secret(name):
            return "<secret>"
        if "float" in text and (unit := unit_in_name(name)):
            return f"<{unit}>"
        for kind, shown in (("float", "seconds"), ("int", "number"), ("Path", "path")):
            if kind in text:
                return f"<{shown}>"
        return "<text>"

    @classmethod
    def add_arguments(cls, parser: argparse._ActionsContainer, leave_out: Container[str] = ()) -> None:
        """Add every field as an option, but those named in ``leave_out``; see :meth:`from_arguments`."""
        for name, field in cls.model_fields.items():
            if name in leave_out:
                continue
            options: dict[str, Any] = {"dest": name, "default": None, "help": cls._help(name, field)}
            if field.annotation is bool:
                options["action"] = "store_true"
            elif cls.repeatable(name):
                options |= {"action": "append", "metavar": cls.metavar(name)}
            else:
                options["metavar"] = cls.metavar(name)
            parser.add_argument(cls.flag(name), **options)

    @classmethod
    def from_arguments(cls, args: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Self:
        """The settings out of parsed options and, where there is none, the environment.

        :raises SettingsError: with every fault.
        """
        values: dict[str, Any] = {}
        for name in cls.model_fields:
            given = getattr(args, name, None)
            if given is None and (text := environment.get(cls.env_var(name), "").strip()):
                parts = text.split(cls.separator(name))
                given = [part.strip() for part in parts if part.strip()] if cls.repeatable(name) else text
            if given is not None:
                values[name] = tuple(given) if cls.repeatable(name) else given
        return cls(**values)

    @classmethod
    def _help(cls, name: str, field: Any) -> str:
        text = str(field.description).replace("%", "%%")
        if cls.repeatable(name):
            text += "; may be repeated"
        if field.default not in (None, False, ()) and not cls.is_secret(name):
            shown = shown_default(field.default)
            text += f" (default: {shown})"
        return f"{text} [{cls.env_var(name)}]"

    @classmethod
    def _sentence(cls, error: Any, given: Mapping[str, Any]) -> str:
        reason = str(error["msg"]).removeprefix("Value error, ")
        if not error["loc"]:
            return reason
        name = str(error["loc"][0])
        if name not in cls.model_fields:
            return f"{name}: there is no such setting"
        value = given.get(name)
        if len(error["loc"]) > 1 and isinstance(error["loc"][1], int):
            value = error["input"]  # of a list, the entry
        if isinstance(value, (tuple, list)):
            value = cls.separator(name).join(
                str(entry) for entry in value
            )  # as it was given, not as Python holds it
        shown = "***" if cls.is_secret(name) else _PASSWORD.sub("***", repr(value))
        return f"{cls.flag(name)} {shown}: {reason[0].lower()}{reason[1:]}"
