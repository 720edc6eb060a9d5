"""What ``python -m loadkit capacity`` can be asked for, beside the options of a load test."""

from __future__ import annotations

import argparse
import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from loadkit.capacity.search import SearchPlan
from loadkit.errors import SettingsError
from loadkit.settings import OF_THRESHOLDS, Settings
from loadkit.settings_model import Seconds, SettingsModel, option
from loadkit.thresholds import Threshold, parse_thresholds
from loadkit.thresholds.objectives import SEPARATOR, split_texts

#: Settings of a load test that each step is given by the search.
OF_THE_STEPS = (
    "arrival_rate",
    "back_to_back",
    "baseline",
    "fail_on_drift",
    "max_concurrent",
    "no_report",
    "reports_dir",
    "run_id",
    "stages",
    *OF_THRESHOLDS,
)
#: Of these, the ones that say where the search itself keeps its records.
_OF_THE_FOLDER = ("reports_dir", "run_id")

#: Options of Locust that each step is given by the search, so that nobody else may.
_LOCUSTS_OWN = (
    *(
        "-f",
        "--locustfile",
        "-u",
        "--users",
        "-r",
        "--spawn-rate",
        "-t",
        "--run-time",
        "--headless",
        "--autostart",
    ),
    *("-s", "--stop-timeout", "-H", "--host", "--worker", "--master", "--html", "--reports-dir", "--run-id"),
    *("--back-to-back", "--arrival-rate", "--stages", "--max-concurrent"),
)


class By(enum.StrEnum):
    """What is searched for."""

    CALLS = "calls"
    """Calls in progress at once."""
    RATE = "rate"
    """Calls begun in a second."""


@dataclass(frozen=True)
class LoadUnit:
    """The search counts in whole numbers: of calls, or of tenths of a call a second."""

    by: By

    @property
    def per_step(self) -> float:
        """One of the search's numbers in calls, or in calls a second."""
        return 1.0 if self.by is By.CALLS else 0.1

    @property
    def name(self) -> str:
        """Unit of :meth:`load`."""
        return "calls" if self.by is By.CALLS else "calls/s"

    def load(self, number: int) -> float:
        """Calls, or calls a second."""
        return round(number * self.per_step, 3)

    def number(self, load: float) -> int:
        """The number nearest to a load, and not less than the least."""
        return max(1, round(load / self.per_step))

    def text(self, load: float) -> str:
        """``40 calls``, ``1 call``, ``2.5 calls/s``."""
        name = "call" if self.by is By.CALLS and load == 1 else self.name
        return f"{load:,g} {name}"


def _share(value: Any) -> Any:
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(value.strip().removesuffix("%")) / 100
    return value


_Share = Annotated[float, BeforeValidator(_share), Field(gt=0, lt=1)]


class CapacityOptions(SettingsModel):
    """How to search."""

    env_prefix: ClassVar[str] = "LOADKIT_CAPACITY_"

    slo: Annotated[tuple[str, ...], BeforeValidator(split_texts)] = option(
        (),
        "what has to hold, such as 'setup_ms p95 < 800' or 'failed < 1%', see docs/thresholds.md; several in the "
        "environment are parted by ;",
        separator=SEPARATOR,
    )
    by: By = option(By.CALLS, "what is searched for: calls (in progress at once) or rate (calls a second)")
    at_least: float | None = option(
        None, "load that has to hold: it is tried first, and the exit code says whether it did", gt=0, le=1e6
    )
    start: float | None = option(
        None, "load of the first step (default: 10 calls, 1 call a second, or --at-least)", gt=0, le=1e6
    )
    factor: float = option(2.0, "growth from step to step while all holds", gt=1, le=10)
    resolution: _Share = option(
        0.05, "how close the limit is to be told: a share of it, 0.05 or 5%", ge=0.001, le=0.5
    )
    repeats: int = option(
        3, "trials of a border of which the majority decides; 1 believes the first", ge=1, le=9
    )
    hold: Seconds = option(30.0, "how long a load is held and measured")
    ramp: Seconds = option(10.0, "time before that, in which the load is built up; not measured")
    drain: Seconds = option(
        15.0, "time after that for calls to end by themselves; those that have not are cancelled"
    )
    max_calls: int = option(1000, "most calls in progress at once that may be tried", ge=1, le=1_000_000)
    max_rate: float = option(100.0, "most calls a second that may be tried", gt=0, le=1e5)
    max_steps: int = option(40, "steps after which the search ends with what is known", ge=1, le=1000)
    max_time: Seconds = option(3600.0, "time after which no step is begun any more")

    @model_validator(mode="after")
    def _complete(self) -> CapacityOptions:
        for fault in self.faults_of_pairs(self.model_dump()):
            raise ValueError(fault)
        return self

    @classmethod
    def metavar(cls, name: str) -> str:
        """What stands for the option's value in its help."""
        if name in ("hold", "ramp", "drain", "max_time"):
            return "<seconds>"
        return {"slo": "<threshold>", "by": "<calls|rate>"}.get(name, "<number>")

    @classmethod
    def faults_of_pairs(cls, values: Mapping[str, Any]) -> list[str]:
        """Thresholds that cannot be read, and loads that do not go together."""
        texts = values.get("slo")
        if not texts:
            return [
                "--slo is missing: say what has to hold, such as --slo 'setup_ms p95 < 800' --slo 'failed < 1%'"
            ]
        texts = texts if isinstance(texts, (tuple, list)) else [str(texts)]
        return [f"--slo {fault}" for fault in parse_thresholds(split_texts([str(text) for text in texts]))[1]]

    @property
    def thresholds(self) -> list[Threshold]:
        """What has to hold, each once."""
        return parse_thresholds(self.slo)[0]

    @property
    def unit(self) -> LoadUnit:
        """What the numbers of the search count."""
        return LoadUnit(self.by)

    @property
    def most(self) -> float:
        """The highest load that may be tried."""
        return float(self.max_calls) if self.by is By.CALLS else self.max_rate

    @property
    def first(self) -> float:
        """The first load."""
        usual = 10.0 if self.by is By.CALLS else 1.0
        return min(self.at_least or self.start or usual, self.most)

    def plan(self) -> SearchPlan:
        """The search that is asked for.

        :raises SettingsError: the first load, or the one to reach, is above the highest one.
        """
        faults = []
        for name in ("at_least", "start"):
            given = getattr(self, name)
            if given is not None and given > self.most:
                limit = "--max-calls" if self.by is By.CALLS else "--max-rate"
                faults.append(f"{self.flag(name)} {given:g}: it is above {limit} {self.most:g}")
            if given is not None and self.by is By.CALLS and given != int(given):
                faults.append(f"{self.flag(name)} {given:g}: it is no whole number of calls")
        if faults:
            raise SettingsError(faults)
        unit = self.unit
        return SearchPlan(
            start=unit.number(self.first),
            factor=self.factor,
            resolution=self.resolution,
            most=unit.number(self.most),
            most_steps=self.max_steps,
            repeats=self.repeats,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the search, those of a load test, and what is handed on as it is."""
    CapacityOptions.add_arguments(parser.add_argument_group("the search"))
    load_test = parser.add_argument_group("the load test")
    load_test.add_argument(
        "-f", "--locustfile", type=Path, default=Path("locustfile.py"), metavar="<path>",
        help="the load test (default: locustfile.py)",
    )  # fmt: skip
    load_test.add_argument(
        "--host", default=os.environ.get("LOCUST_HOST") or None, metavar="<url>",
        help="the gateway; without it each step starts one of its own [LOCUST_HOST]",
    )  # fmt: skip
    Settings.add_arguments(load_test, set(OF_THE_STEPS) - set(_OF_THE_FOLDER))
    parser.add_argument(
        "locust", nargs="*", metavar="-- <options>", help="after --: options of locust for each step"
    )


def settings_of_steps(arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Settings:
    """What each step is given; thresholds are the search's own, of the same name, and not looked at.

    :raises SettingsError: with every fault.
    """
    ours = {Settings.env_var(name) for name in OF_THRESHOLDS}
    given = {name: value for name, value in vars(arguments).items() if name not in OF_THRESHOLDS}
    return Settings.from_arguments(
        argparse.Namespace(**given), {name: value for name, value in environment.items() if name not in ours}
    )


def handed_on(arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The options of a load test that each step is given; secrets go by environment.

    :raises SettingsError: a setting cannot be used, or an option after ``--`` is not for a step.
    """
    faults = _faults_of_extras(arguments.locust)
    try:
        settings_of_steps(arguments, environment)
    except SettingsError as exc:
        faults = exc.faults + faults
    if faults:
        raise SettingsError(faults)
    given: list[str] = []
    for name, field in Settings.model_fields.items():
        value = getattr(arguments, name, None)
        if value is None or name in OF_THE_STEPS or Settings.is_secret(name):
            continue
        if field.annotation is bool:
            given.append(Settings.flag(name))
        else:
            text = ",".join(value) if isinstance(value, list) else str(value)
            given.append(f"{Settings.flag(name)}={text}")
    return [*given, *arguments.locust]


def _faults_of_extras(extras: list[str]) -> list[str]:
    faults = []
    for word in extras:
        name = word.partition("=")[0]
        if name.startswith("--auth-t"):
            faults.append("--auth-token after --: give the token by environment, LOADKIT_AUTH_TOKEN")
        elif name in _LOCUSTS_OWN:
            faults.append(f"{name} after --: the search gives it to each step itself")
    return faults
