"""What a locustfile is written with: a user that places calls, and the call in its hands.

    class Caller(CallUser):
        wait_time = between(1, 3)

        @task
        def book_a_table(self):
            with self.call(mode="end-to-end") as call:
                call.wait_for_agent()
                call.say("book_a_table.wav")
                call.wait_for_reply()

Greenlet code is plain blocking Python; the call itself lives in an engine process, where every time stamp
is taken.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
import uuid
from types import MethodType, TracebackType
from typing import Any, ClassVar

import gevent
from gevent import GreenletExit
from locust import User, constant_pacing
from locust.exception import RescheduleTask, StopUser
from locust.user.task import LOCUST_STATE_STOPPING

from loadkit.call.spec import OFFER_FIELDS, CallSpec
from loadkit.engine.client import EngineClient, EngineLost
from loadkit.errors import SampleError, Stage
from loadkit.media.samples import find_sample
from loadkit.records import Outcome
from loadkit.setting_values import ice_paths
from loadkit.settings import Settings
from loadkit.signaling.modes import resolve_mode
from loadkit.swarm.arrivals import Arrived
from loadkit.swarm.lifecycle import attach_to_locust, swarm_of
from loadkit.swarm.redial import REDIAL_S, Redial
from loadkit.swarm.swarm import RunRefused, Swarm

attach_to_locust()

#: Time for the pipe and a busy engine, on top of what a command itself takes (seconds).
_MARGIN_S = 30.0
#: Longest sample that ``say`` waits for (seconds).
_LONGEST_SAMPLE_S = 3600.0
#: Time for ``close`` and the record at the end of a call (seconds).
_GOODBYE_S = 10.0
#: How often a caller that waits to call again looks whether it is to stop (seconds).
_LOOK_S = 0.2
#: Locust starts users in batches, once a second: their first calls are spread over it, evenly for any number of
#: users, as multiples of the golden ratio are (seconds).
_BATCH_S = 1.0
_GOLDEN = (math.sqrt(5) - 1) / 2


class CallOver(RescheduleTask):
    """The call ended while the script was in it; Locust goes on with the next task.

    It is no exception for Locust's list: the call's record and its code say what happened.
    """

    def __init__(self, end: dict[str, Any]) -> None:
        self.outcome: str = end.get("outcome") or Outcome.CANCELLED
        #: In which it failed.
        self.stage: str | None = end.get("stage")
        self.code: str | None = end.get("code")
        self.message: str | None = end.get("message")
        super().__init__(self.code or self.outcome)


class CallUser(User):
    """A caller. Subclass it, give it tasks, and place calls with :meth:`call`."""

    abstract = True

    #: Samples to encode before the first call, beside ``--sample``: paths, or names in ``--samples-dir``.
    samples: ClassVar[list[str]] = []

    _numbers = itertools.count(1)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        #: The arrival that this caller was started for; None in a run by users.
        self.arrival: Arrived | None = None
        self.number = next(CallUser._numbers)
        #: Seconds that the first call waits.
        self._stagger = 0.0
        self.redial = Redial()
        if self.settings.back_to_back:
            vars(self)["wait_time"] = MethodType(constant_pacing(REDIAL_S), self)
            self._stagger = _BATCH_S * (self.number * _GOLDEN % 1)

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return swarm_of(self.environment).settings

    def call(
        self,
        *,
        mode: str | None = None,
        listen: bool | None = None,
        ice_path: str | None = None,
        **offer: str | None,
    ) -> Call:
        """A call to place with ``with``.

        :param mode: in place of ``--call-mode``.
        :param listen: whether speech is told from silence throughout, which costs CPU; needed by
            ``wait_for_agent`` and ``wait_for_reply``. When not given: in all modes but echo.
        :param ice_path: in place of ``--ice-path``; several, comma separated, are taken in turn by the calls that
            name the same ones.
        :param offer: further fields of the offer, in place of the settings: ``call_sid``, ``caller``,
            ``callee``, ``account_id``, ``project_id``, ``variant_id``, ``artifact_version``,
            ``lambda_deployment_version``.
        """
        unknown = sorted(set(offer) - set(OFFER_FIELDS))
        if unknown:
            raise TypeError(f"call() has no field {', '.join(unknown)}; it has {', '.join(OFFER_FIELDS)}")
        for name, value in {**offer, "ice_path": ice_path}.items():
            if value is not None and not isinstance(value, str):
                raise TypeError(f"call({name}=…) takes text, not {type(value).__name__}")
        if ice_path is not None:
            ice_paths(ice_path)
        if (offer.get("artifact_version") is None) != (offer.get("lambda_deployment_version") is None):
            raise ValueError(
                "artifact_version and lambda_deployment_version go together: give both or neither"
            )
        stagger, self._stagger = self._stagger, 0.0
        gevent.sleep(stagger)
        while pause := self.redial.pause(time.monotonic()):
            if self._state == LOCUST_STATE_STOPPING:
                raise StopUser("the run is being ended")
            gevent.sleep(min(pause, _LOOK_S))
        return Call(self, swarm_of(self.environment), mode, listen, ice_path, offer, _task_name())


class Call:
    """One call. Every method raises :class:`CallOver` when the call has ended, so a script just goes on."""

    def __init__(
        self,
        user: CallUser,
        swarm: Swarm,
        mode: str | None,
        listen: bool | None,
        ice_path: str | None,
        offer: dict[str, str | None],
        scenario: str,
    ) -> None:
        settings = swarm.settings
        self._swarm = swarm
        self._settings = settings
        self.mode = mode or settings.call_mode
        self.call_sid = offer.pop("call_sid", None) or settings.call_sid_prefix + uuid.uuid4().hex
        #: Assigned by the gateway; known inside ``with``.
        self.session_id: str | None = None
        self._user = f"{type(user).__name__}#{user.number}"
        self._redial = user.redial
        self._scenario = scenario
        self._ice_path = ice_path
        self._offer = offer
        self._listen = self.is_agent if listen is None else listen
        self._engine: EngineClient | None = None
        self._spec: CallSpec | None = None
        self._connected_at = 0.0
        arrival = user.arrival
        self._arrival = arrival if arrival is None or not arrival.placed else None
        #: Seconds that this call is to be talked: drawn from ``--call-duration``.
        self.duration = self._arrival.duration_s if self._arrival else swarm.draw_duration()
        self._arrival_number = arrival.number if arrival else None
        self._over = False

    @property
    def is_agent(self) -> bool:
        """Whether the mode promises somebody who talks, rather than an echo."""
        try:
            return resolve_mode(self.mode) != "echo"
        except ValueError:
            return True

    @property
    def time_left(self) -> float:
        """Seconds of ``--call-duration`` that are left; negative when it is over."""
        return self._connected_at + self.duration - time.monotonic()

    def __enter__(self) -> Call:
        now = time.monotonic()
        if self._arrival is not None:
            self._arrival.placed = True
        self._spec = CallSpec(
            intended=self._arrival.intended if self._arrival else now,
            user=self._user,
            scenario=self._scenario,
            arrival=self._arrival_number,
            mode=self.mode,
            call_sid=self.call_sid,
            listen=self._listen,
            ice_path=self._ice_path,
            offer=self._offer,
        )
        self._redial.began(now)
        try:
            self._engine = self._swarm.place(self._spec)
        except RunRefused as exc:
            raise StopUser(str(exc)) from exc
        except EngineLost as exc:
            self._redial.failed(Stage.PLACE)
            raise CallOver({"outcome": Outcome.FAILED, "code": "ENGINE_LOST", "message": str(exc)}) from exc
        try:
            connected = self._command("wait_connected", self._settings.connect_timeout)
        except BaseException as exc:
            if isinstance(exc, CallOver):
                self._redial_after(exc)
            # A killed user, a gevent.Timeout of the script: the call must not go on without anybody.
            self._end(Outcome.CANCELLED)
            raise
        self._connected_at = time.monotonic()
        self._redial.connected()
        self.session_id = connected["session_id"]
        self._swarm.call_connected(self._spec.call_id, connected["setup_ms"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, CallOver):
            self._redial_after(error)
            return
        if kind is None:
            self._end(Outcome.COMPLETED)
            self._wait_for_record()
        elif issubclass(kind, GreenletExit | StopUser | RescheduleTask):
            self._end(Outcome.CANCELLED)
        else:
            # The script's own fault: Locust shows its traceback, the record says that the call was cut off.
            sentence = f"{kind.__name__}: {error}"[:500]
            self._end(Outcome.FAILED, {"stage": Stage.SCRIPT, "code": "SCRIPT_ERROR", "message": sentence})

    def talk(self, seconds: float | None = None, sample: str | None = None) -> None:
        """Speak a sample over and over.

        :param seconds: how long; what is left of ``--call-duration`` when not given.
        :param sample: in place of ``--sample``.
        """
        duration = max(0.0, self.time_left) if seconds is None else seconds
        self._command("talk", duration, sample=self._path(sample), seconds=duration)

    def say(self, sample: str | None = None) -> None:
        """Speak a sample once; returns when its last packet was sent. A turn begins."""
        self._command("say", _LONGEST_SAMPLE_S, sample=self._path(sample))

    def interrupt(
        self, sample: str | None = None, after: float = 1.0, timeout: float | None = None
    ) -> float | None:
        """Wait until the agent has talked for ``after`` seconds, and speak a sample into that: a turn begins.

        Returns the turn's ``barge_in_stop_ms`` when the agent has stopped; None when it talked on. The call fails
        with NO_RESPONSE when nothing is said within ``timeout`` (``--agent-timeout``).
        """
        return self._listening(
            "interrupt", timeout, extra=after + _LONGEST_SAMPLE_S, sample=self._path(sample), after=after
        )

    def pause(self, seconds: float) -> None:
        """Say nothing for so long."""
        self._command("pause", seconds, seconds=seconds)

    def wait_for_agent(self, timeout: float | None = None) -> float | None:
        """Wait until the agent has greeted and fallen silent; returns the record's ``greeting_ms``.

        The call fails with NO_RESPONSE when nothing is said within ``timeout`` (``--agent-timeout``).
        """
        return self._listening("wait_for_agent", timeout)

    def wait_for_reply(self, timeout: float | None = None) -> float | None:
        """Wait until the agent has replied to the last ``say`` and fallen silent; returns the turn's latency in ms.

        The call fails with NO_RESPONSE when nothing is said within ``timeout`` (``--agent-timeout``).
        """
        return self._listening("wait_for_reply", timeout)

    def _listening(
        self, command: str, timeout: float | None, extra: float = 0.0, **args: Any
    ) -> float | None:
        if not self._listen:
            raise RuntimeError(f"{command}() needs a call that listens: self.call(listen=True)")
        seconds = self._settings.agent_timeout if timeout is None else timeout
        within = seconds + 4 * self._settings.connect_timeout + extra
        value = self._command(command, within, timeout=seconds, **args)
        return None if value is None else float(value)

    def _path(self, sample: str | None) -> str:
        return str(find_sample(sample or self._settings.sample, self._settings.samples_dir).resolve())

    def _command(self, name: str, within: float, /, **args: Any) -> Any:
        assert self._engine is not None
        assert self._spec is not None
        reply = self._engine.command(self._spec.call_id, name, within + _MARGIN_S, **args)
        if reply.get("stalled"):
            message = f"engine {self._engine.name} did not answer {name!r} in time"
            self._end(Outcome.FAILED, {"stage": Stage.MEDIA, "code": "ENGINE_STALLED", "message": message})
            raise CallOver({"outcome": Outcome.FAILED, "code": "ENGINE_STALLED", "message": message})
        if "ended" in reply:
            self._over = True
            raise CallOver(reply["ended"])
        if "sample_error" in reply:
            raise SampleError(*reply["sample_error"])
        return reply["value"]

    def _end(self, outcome: Outcome, error: dict[str, str] | None = None) -> None:
        assert self._engine is not None
        assert self._spec is not None
        if not self._over:
            self._over = True
            self._engine.end(self._spec.call_id, outcome, error)

    def _redial_after(self, over: CallOver) -> None:
        if over.outcome == Outcome.FAILED:
            self._redial.failed(over.stage)

    def _wait_for_record(self) -> None:
        """A caller places the next call when this one has ended, not while it is still hanging up."""
        assert self._engine is not None
        assert self._spec is not None
        self._engine.wait_until_over(self._spec.call_id, _GOODBYE_S)


def _task_name() -> str:
    """Name of the task function that places the call: the caller of the caller."""
    return sys._getframe(2).f_code.co_name
