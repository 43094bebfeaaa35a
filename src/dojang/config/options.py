"""What can be set from outside: environment variables and ``dojang.toml``.

The environment wins over the file. Figures a bank may change live in the file's ``[policy.<concern>]``
tables and become a `Policy`, over the figures of the preset the file names. A setting that cannot be is
refused here, at start, with a sentence that names it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from dojang.config.figures import faults_of
from dojang.config.home import Home, default_home
from dojang.config.postgres import PrivatePostgres
from dojang.journeys.product import LIFE, WINDOW
from dojang.pki.errors import DojangError
from dojang.pki.rules import MAX_ANSWER_LIFE, MAX_LIST_LIFE
from dojang.ports.policy import PolicyError
from dojang.ports.policy.moved import MOVED
from dojang.ports.signer_keys import MOST_WRONG_PINS
from dojang.products import PRODUCTS
from dojang.products.presets import AS_PRINTED, PRESETS, policy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dojang.ports.policy import Policy
    from dojang.ports.policy.certificates import StatusPolicy
    from dojang.ports.policy.runs import SessionPolicy

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?")


class OptionsError(DojangError):
    """A setting is impossible; `data` has its name and the reason."""

    code: ClassVar[str] = "setting_wrong"


class Options(BaseSettings):
    """Everything a start depends on. Frozen; made by `load_options`."""

    model_config = SettingsConfigDict(env_prefix="DOJANG_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=default_home)
    config: Path | None = None  #: the file the other values may come from
    database_url: str = ""  #: empty: the private server of `home`
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str = ""  #: empty: follows from host and port
    status_url: str = ""  #: base of the addresses inside certificates; empty: the public host, by http
    secure: bool | None = None  #: cookies over https only; None: follows from `public_url`
    allowed_hosts: tuple[str, ...] = ()
    proxies: int = Field(default=0, ge=0, le=8)  #: proxies of ours in front, each adding to X-Forwarded-For
    sandbox: bool = True
    serve: Literal["all", "web", "api", "va"] = "all"  #: what the HTTP processes answer
    run_once: bool = False
    workers: int = Field(default=1, ge=1, le=64)  #: HTTP worker processes
    threads: int = Field(default=8, ge=1, le=256)  #: threads of each
    log_level: str = "INFO"
    push_services: tuple[str, ...] = ()  #: hosts that may be pushed to; empty: the browser makers' own
    push_trust: Path | None = None  #: PEM file of the authority behind a push service of one's own
    push_contact: str = ""  #: ``mailto:`` or ``https:``, for the services' people; empty: our postmaster
    preset: str = AS_PRINTED  #: which of the shipped settings the policy starts from
    policy: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, then the file."""
        del dotenv_settings, file_secret_settings
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        place = _config_file()
        if place is not None:
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=place))
        return tuple(sources)

    @property
    def folder(self) -> Home:
        """The data folder with its places."""
        return Home(self.home.absolute())

    @property
    def dsn(self) -> str:
        """Address of the database: the one given, else the private server's."""
        return self.database_url or PrivatePostgres(self.folder).url()

    @property
    def base_url(self) -> str:
        """Public address without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def status_base(self) -> str:
        """Base of CRL, OCSP and AIA addresses: http always, on the port for it when customers use https."""
        if self.status_url:
            return self.status_url.rstrip("/")
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        # A name without a dot means nothing to others: the linters refuse it inside a certificate.
        shown = "127.0.0.1" if host == "localhost" else f"[{host}]" if ":" in host else host
        port = f":{parts.port}" if parts.port and parts.scheme != "https" else ""
        return f"http://{shown}{port}{parts.path}".rstrip("/")

    @property
    def is_secure(self) -> bool:
        """Whether customers reach the centre over https."""
        return self.base_url.startswith("https://") if self.secure is None else self.secure

    def build_policy(self) -> Policy:
        """Return the bank's figures: those of `policy` over those of the preset.

        Raises `OptionsError` naming the first figure that cannot be.
        """
        policy, faults = self._figures()
        for fault in faults:
            raise fault
        assert policy is not None
        return policy

    def figure_faults(self) -> list[OptionsError]:
        """Return every figure that cannot be."""
        return self._figures()[1]

    def _figures(self) -> tuple[Policy | None, list[OptionsError]]:
        """Return the figures, unless one alone cannot be read, and everything that is wrong with them."""
        faults = []
        preset = policy_of(self.preset)
        for part in _one_by_one(self.policy):
            try:
                _refuse_misplaced(part)
                preset.changed(part)
            except PolicyError as failure:
                faults.append(OptionsError(str(failure), name=failure.name, why=failure.why))
        if faults:
            return None, faults
        addresses = {"public_url": self.base_url, "status_url": self.status_base}
        try:
            policy = preset.changed({**self.policy, "addresses": addresses})
        except PolicyError as failure:
            return None, [OptionsError(str(failure), name=failure.name, why=failure.why)]
        return policy, impossible_figures(policy)


def _one_by_one(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give each figure of each table by itself, so that each that cannot be is found."""
    for concern, given in figures.items():
        if not isinstance(given, dict) or not given:
            yield {concern: given}
            continue
        for name, value in given.items():
            yield {concern: {name: value}}


def load_options(**overrides: Any) -> Options:
    """Read the settings. Raises `OptionsError` with the name of the first impossible one."""
    options, faults = look_over(**overrides)
    for fault in faults:
        raise fault
    assert options is not None
    return options


def look_over(**overrides: Any) -> tuple[Options | None, list[OptionsError]]:
    """Read the settings; return them, unless they have no form, and everything that is wrong with them."""
    try:
        faults = _unknown_settings()
        options = Options(**overrides)
    except ValidationError as failure:
        return None, [
            OptionsError(f"{name}: {why}", name=_spoken(name), why=why)
            for name, why in ((".".join(map(str, item["loc"])), item["msg"]) for item in failure.errors())
        ]
    except SettingsError as failure:  # a variable whose value has to be JSON and is not
        named = re.search(r'field "(\w+)"', str(failure))
        name = _spoken(named[1]) if named else "DOJANG_CONFIG"
        return None, [OptionsError(f"{name}: not JSON", name=name, why="it must be JSON")]
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        return None, [OptionsError(str(failure), name="DOJANG_CONFIG", why=str(failure))]
    except OptionsError as fault:
        return None, [fault]

    def refuse(name: str, why: str) -> None:
        faults.append(OptionsError(f"{name}: {why}", name=name, why=why))

    try:
        _refuse_addresses(options, refuse)
    except ValueError as failure:  # an address that cannot even be taken apart
        refuse("DOJANG_PUBLIC_URL", f"not a web address: {failure}")
        return options, faults
    if options.log_level.upper() not in _LEVELS:
        refuse("DOJANG_LOG_LEVEL", f"it must be one of {', '.join(_LEVELS)}")
    _refuse_push(options, refuse)
    if options.preset not in PRESETS:
        refuse("DOJANG_PRESET", f"it must be one of {', '.join(PRESETS)}")
    else:
        faults += options.figure_faults()
    return options, faults


def _refuse_addresses(options: Options, refuse: Callable[[str, str], None]) -> None:
    """Refuse addresses nobody could reach, or that could not stand in a certificate."""
    if options.database_url and not options.database_url.startswith(("postgresql://", "postgres://")):
        refuse("DOJANG_DATABASE_URL", "it must begin with postgresql://")
    public = urlsplit(options.base_url)
    if public.scheme not in {"http", "https"}:
        refuse("DOJANG_PUBLIC_URL", "it must begin with http:// or https://")
    elif not public.hostname:
        refuse("DOJANG_PUBLIC_URL", "it names no host")
    try:
        ipaddress.ip_address(options.host)
    except ValueError:
        why = f"{options.host} is no address of this machine, such as 127.0.0.1 or 0.0.0.0"
        refuse("DOJANG_HOST", why)
    status = urlsplit(options.status_base)
    host = status.hostname or ""
    if status.scheme != "http":
        refuse("DOJANG_STATUS_URL", "it must begin with http://")
    elif "." not in host and ":" not in host:
        refuse("DOJANG_STATUS_URL", f"{host} is no full host name and no address")
    for name, parts in (("DOJANG_PUBLIC_URL", public), ("DOJANG_STATUS_URL", status)):
        if parts.query or parts.fragment or not parts.geturl().isascii():
            refuse(name, "it must be plain: no ? and no #, and in ASCII letters")


def _unknown_settings() -> list[OptionsError]:
    """Find names in the file that are no setting: a misspelt one would be passed over in silence."""
    place = _config_file()
    names = set() if place is None else set(tomllib.loads(place.read_text("utf-8"))) - {*Options.model_fields}
    return [OptionsError(f"{name} is not known", name=name, why="no such setting") for name in sorted(names)]


def _refuse_push(options: Options, refuse: Callable[[str, str], None]) -> None:
    """Refuse hosts that cannot be hosts, a contact nobody can write to, and a file that is not there."""
    for entry in options.push_services:
        if _HOST.fullmatch(entry) is None:
            refuse("DOJANG_PUSH_SERVICES", f"{entry} is no host, nor host and port")
    if options.push_contact and not options.push_contact.startswith(("mailto:", "https://")):
        refuse("DOJANG_PUSH_CONTACT", "it must begin with mailto: or https://")
    if options.push_trust is not None and not options.push_trust.is_file():
        refuse("DOJANG_PUSH_TRUST", f"{options.push_trust} is not a file")
    elif options.push_trust is not None:
        try:
            ssl.create_default_context(cafile=str(options.push_trust))
        except (OSError, ssl.SSLError):
            refuse("DOJANG_PUSH_TRUST", f"{options.push_trust} holds no certificate (PEM)")


def _config_file() -> Path | None:
    given = os.environ.get("DOJANG_CONFIG")
    if given:
        place = Path(given)
        if not place.is_file():
            raise OptionsError(f"{place} is not a file", name="DOJANG_CONFIG", why=f"{place} is not a file")
        return place
    place = Path(os.environ.get("DOJANG_HOME") or default_home()) / "dojang.toml"
    return place if os.access(place, os.R_OK) else None


_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _spoken(name: str) -> str:
    return f"DOJANG_{name.upper()}" if "." not in name else name


def _refuse_misplaced(figures: Mapping[str, Any]) -> None:
    """Refuse what is set elsewhere: the centre's addresses, and a product's figure outside its table."""
    if "addresses" in figures:
        why = "set public_url and status_url at the top of the file, outside [policy]"
        raise PolicyError("policy.addresses", why)
    for name in figures:
        product, _, figure = name.partition("_")
        if figure and product in PRODUCTS and name not in MOVED:
            raise PolicyError(f"policy.{name}", f"no such figure; see [policy.products.{product}]")


def _refuse_hours(policy: Policy, refuse: Callable[[str, str], None]) -> None:
    """Refuse hours that are no hours, and products nobody issues."""
    services = {f"{product}{purpose}" for product in PRODUCTS for purpose in ("", "-issue", "-reissue")}
    for name in policy.service_hours.products:
        if name not in services:
            why = f"{name} is no product, nor product-issue or product-reissue"
            refuse("service_hours.products", why)
    given = {f"products.{name}": hours for name, hours in policy.service_hours.products.items()}
    for name, hours in {"usual": policy.service_hours.usual, **given}.items():
        begins, dash, ends = hours.partition("-")
        if not dash or _TIME.fullmatch(begins) is None or _TIME.fullmatch(ends) is None:
            refuse(f"service_hours.{name}", "it must be HH:MM-HH:MM")


def _refuse_products(policy: Policy, refuse: Callable[[str, str], None]) -> None:
    """Refuse products nobody issues, lives their profiles do not allow, and choices they do not offer."""
    for name, given in policy.products.items():
        product = PRODUCTS.get(name)
        if product is None:
            refuse(f"products.{name}", f"there is no such product, only {', '.join(PRODUCTS)}")
            continue
        ways: Mapping[str, Sequence[str | bool | int]] = {
            LIFE: range(1, product.longest_life_days + 1),
            WINDOW: range(product.life_under(policy) + 1) if type(given.get(LIFE, 0)) is int else (),
            **product.choices,
        }
        for setting, value in given.items():
            place = f"products.{name}.{setting}"
            if setting not in ways:
                refuse(place, f"no such figure, only {', '.join(ways)}")
                continue
            allowed = ways[setting]
            if isinstance(allowed, range) and (type(value) is not int or value not in allowed):
                refuse(place, f"it must be a number of days from {allowed.start} to {allowed.stop - 1}")
            elif not any(value is one or (type(value) is type(one) and value == one) for one in allowed):
                refuse(place, f"it must be one of {', '.join(str(one) for one in allowed)}")


def _refuse_lengths(sessions: SessionPolicy, refuse: Callable[[str, str], None]) -> None:
    if sessions.idle_warning >= sessions.idle:
        refuse("sessions.idle_warning", "the warning must come before the idle time-out")
    if sessions.idle > sessions.absolute:
        refuse("sessions.idle", "it must not be longer than sessions.absolute")


def _refuse_lives(status: StatusPolicy, refuse: Callable[[str, str], None]) -> None:
    """Refuse lives of status that the refresh job or the signer cannot keep to."""
    if status.ocsp_life < 60:  # noqa: PLR2004 - a minute is the refresh job's own rhythm
        refuse("status.ocsp_life", "answers must live for at least 60 seconds")
    lives = (("ocsp_life", status.ocsp_life, MAX_ANSWER_LIFE), ("crl_life", status.crl_life, MAX_LIST_LIFE))
    for name, life, most in lives:
        if life > most.total_seconds():
            refuse(f"status.{name}", f"the signer signs nothing that lives longer than {most.days} days")


def impossible_figures(policy: Policy) -> list[OptionsError]:
    """Find figures no bank can mean: unreadable names, a warning after the end, products nobody has."""
    found: list[OptionsError] = []

    def refuse(name: str, why: str) -> None:
        found.append(OptionsError(f"policy.{name}: {why}", name=f"policy.{name}", why=why))

    for name, why in faults_of(policy):
        refuse(name, why)
    _refuse_hours(policy, refuse)
    _refuse_products(policy, refuse)
    _refuse_lengths(policy.sessions, refuse)
    if policy.wrong_entries.pin.count > MOST_WRONG_PINS:
        refuse("wrong_entries.pin", f"the signer locks a key after {MOST_WRONG_PINS} at the latest")
    _refuse_lives(policy.status, refuse)
    return found
