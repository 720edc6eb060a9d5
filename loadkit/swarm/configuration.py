"""What this Locust process runs with: its settings, the gateway, whom the token is for, and what engines are told."""

from __future__ import annotations

import secrets
from pathlib import Path

from locust.env import Environment
from locust.runners import WorkerRunner

from loadkit.call.destination import Destination
from loadkit.engine.link import Message
from loadkit.errors import SettingsError
from loadkit.media.samples import read_sound
from loadkit.settings import Settings
from loadkit.signaling.tls import client_tls
from loadkit.signaling.urls import shown_host
from loadkit.swarm import open_files, preflight
from loadkit.swarm.options import NOT_ON_THE_PAGE, OF_THE_MACHINE, read_options
from loadkit.swarm.reachability import check_reachable
from loadkit.swarm.spread import Spread
from loadkit.transport.addresses import is_loopback
from loadkit.unix_clock import unix_offset


class Configuration:
    """Locust's options and host as they are now; the page may change them between two runs.

    :raises SettingsError: with every fault of the options.
    """

    def __init__(self, environment: Environment) -> None:
        assert environment.parsed_options is not None
        self._environment = environment
        self._options = environment.parsed_options
        worker = isinstance(environment.runner, WorkerRunner)
        own = OF_THE_MACHINE if worker else NOT_ON_THE_PAGE
        self._own = {name: getattr(self._options, name) for name in own}
        self.settings: Settings
        self.read()
        #: The host that a token given by the user is for; None when there is no such token.
        self._host_of_token = self.host if self.settings.token() and not worker else None
        #: Whether only who may use this machine, or has logged in, can say so; as it is now: the page can be asked to
        #: change these options, too.
        self._page_is_private = getattr(self._options, "web_login", False) or is_loopback(
            getattr(self._options, "web_host", None) or ""
        )

    def read(self) -> None:
        """Take the options as they are now, less what only the command line and the environment may say.

        Locust's page can be asked to change any option, shown or not; a worker's options are the master's.

        :raises SettingsError: with every fault.
        """
        vars(self._options).update(self._own)
        self.settings = read_options(self._options)

    @property
    def host(self) -> str:
        """The gateway, as it was given; empty when it was not."""
        hosts = [self._environment.host] + [user.host for user in self._environment.user_classes]
        return next((host for host in hosts if host), "")

    def make_up_token(self) -> None:
        """A token for this run alone; workers get it with the master's options."""
        self._own["auth_token"] = secrets.token_urlsafe(18)
        self.read()

    def use_own_gateway(self, host: str) -> None:
        """Calls go to the gateway that this process has started, and the token is for that one."""
        self._environment.host = host
        if self._host_of_token is not None:
            self._host_of_token = host

    def spread(self) -> Spread:
        """Every worker begins at another place, so that few calls of many workers are spread, too."""
        runner = self._environment.runner
        first = int(runner.worker_index) if isinstance(runner, WorkerRunner) else 0
        return Spread(self.settings.ice_path, self.settings.local_address, first)

    def check_files(self) -> None:
        """Read every sample and certificate once.

        :raises LoadkitError: one of them cannot be used.
        """
        for sample in self._samples():
            read_sound(sample)
        client_tls(self.settings.tls_ca)

    def check_gateway_answers(self) -> None:
        """Connect to it once.

        :raises SettingsError: the host cannot be used, or not from a local address.
        :raises GatewayUnreachable: nothing answers there.
        """
        preflight.check_host(self.host)
        preflight.check_reach(self.settings, self.host)
        check_reachable(self.settings, self.host)

    def check_token_may_go_there(self) -> None:
        """A page that everybody can reach must not send the token to whatever host somebody types there.

        :raises SettingsError: it would; the host is put back.
        """
        if self._host_of_token is None or self.host == self._host_of_token or self._page_is_private:
            return
        asked, self._environment.host = self.host, self._host_of_token
        raise SettingsError(
            [
                f"--host {shown_host(asked)!r} was set on Locust's page, which anybody can reach, and the token is for "
                f"{self._host_of_token}; start again with that --host, or with --web-host 127.0.0.1"
            ]
        )

    def for_engines(self, engines: int, *, gateway: bool) -> Message:
        """What an engine is told, settings with the secret and all.

        :param engines: how many this process has.
        :param gateway: whether the embedded gateway is beside them.
        :raises SettingsError: the host or a local address cannot be used, or too few files can be open.
        """
        host, settings = self.host, self.settings
        preflight.check_host(host)
        preflight.check_local_addresses(settings)
        preflight.check_reach(settings, host)
        open_files.check(settings, host, self._environment, engines, gateway=gateway)
        return {
            "settings": {**settings.public(), "auth_token": settings.token() or None},
            "destination": Destination.of(host, settings).to_message(),
            "samples": [str(path) for path in self._samples()],
            # Of one clock for all engines, also one that takes a dead one's place after the clock was set.
            "unix_offset": unix_offset(),
        }

    def _samples(self) -> list[Path]:
        named = [name for user in self._environment.user_classes for name in getattr(user, "samples", [])]
        return preflight.samples(self.settings, named)
