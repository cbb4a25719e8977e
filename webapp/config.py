"""Settings, read once from the environment and frozen. The only module that looks at the environment."""

import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

ENVIRONMENTS = ("development", "production")
LOGS = ("text", "json")
MIN_SECRET_LENGTH = 32


class ConfigError(Exception):
    """The environment cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Daybook cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


def _default_instance() -> Path:
    """A folder outside the source tree, per the XDG base directory convention."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "daybook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that differs between installations.

    ``tls`` says whether browsers reach the site by HTTPS; it decides cookie names and HSTS.
    ``proxies`` is the number of trusted reverse proxies in front (for the client's address).
    ``base_url`` is how people outside reach the site; links in mail begin with it. ``smtp_url`` empty keeps
    mail in the local outbox. ``api_rate`` is how many requests an API token may make in a minute.
    ``webhook_networks`` are networks inside the house that webhooks may reach, also without encryption.
    ``seal_key`` is the seed of the Ed25519 key that seals the history (64 hexadecimal digits; empty: one made
    from ``secret_key``), ``seal_trusted`` are public keys that sealed it before.
    ``log`` is how lines are written, ``text`` or ``json``; ``metrics_token`` opens ``/metrics``.
    """

    database_url: str
    secret_key: str = field(repr=False)
    port: int = 8000
    env: str = "development"
    instance_path: Path = field(default_factory=_default_instance)
    tls: bool = False
    proxies: int = 0
    base_url: str = "http://127.0.0.1:8000"
    smtp_url: str = field(default="", repr=False)
    mail_from: str = "daybook@localhost"
    api_rate: int = 600
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    seal_key: str = field(default="", repr=False)
    seal_trusted: tuple[str, ...] = ()
    log: str = "text"
    metrics_token: str = field(default="", repr=False)

    @property
    def production(self) -> bool:
        return self.env == "production"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check the environment.

        Raises:
            ConfigError: with every problem found, not only the first.
        """
        env_map = os.environ if environ is None else environ
        problems: list[str] = []
        env = env_map.get("DAYBOOK_ENV") or "development"
        if env not in ENVIRONMENTS:
            problems.append(f"DAYBOOK_ENV is {env!r}; it must be one of {', '.join(ENVIRONMENTS)}.")
        instance = Path(env_map.get("DAYBOOK_INSTANCE") or _default_instance()).expanduser()
        if not instance.is_absolute():
            problems.append(f"DAYBOOK_INSTANCE is {str(instance)!r}; it must be an absolute folder.")
        port = _integer(env_map, "PORT", 8000, 1, 65535, problems)
        proxies = _integer(env_map, "DAYBOOK_PROXIES", 0, 0, 10, problems)
        tls = _flag(env_map, "DAYBOOK_TLS", env == "production", problems)
        url = _database_url(env_map.get("DATABASE_URL", ""), instance, problems)
        secret = _secret(env_map.get("SECRET_KEY", ""), env, instance, problems)
        base_url = _base_url(env_map.get("BASE_URL", ""), port, problems)
        smtp_url = _smtp_url(env_map.get("SMTP_URL", ""), problems)
        mail_from = env_map.get("MAIL_FROM") or f"daybook@{urlsplit(base_url).hostname or 'localhost'}"
        if "@" not in mail_from or any(character.isspace() for character in mail_from):
            problems.append(f"MAIL_FROM is {mail_from!r}; it must be an e-mail address.")
        api_rate = _integer(env_map, "DAYBOOK_API_RATE", 600, 1, 1_000_000, problems)
        networks = _networks(env_map.get("DAYBOOK_WEBHOOK_NETWORKS", ""), problems)
        seal_key = _digits(env_map.get("DAYBOOK_SEAL_KEY", ""), "DAYBOOK_SEAL_KEY", problems)
        trusted = tuple(
            _digits(each.strip(), "DAYBOOK_SEAL_TRUSTED", problems)
            for each in env_map.get("DAYBOOK_SEAL_TRUSTED", "").split(",")
        )
        log = env_map.get("DAYBOOK_LOG") or "text"
        if log not in LOGS:
            problems.append(f"DAYBOOK_LOG is {log!r}; it must be one of {', '.join(LOGS)}.")
        metrics_token = _token(env_map.get("DAYBOOK_METRICS_TOKEN", ""), problems)
        if problems:
            raise ConfigError(problems)
        return cls(
            database_url=url,
            secret_key=secret,
            port=port,
            env=env,
            instance_path=instance,
            tls=tls,
            proxies=proxies,
            base_url=base_url,
            smtp_url=smtp_url,
            mail_from=mail_from,
            api_rate=api_rate,
            webhook_networks=networks,
            seal_key=seal_key,
            seal_trusted=tuple(filter(None, trusted)),
            log=log,
            metrics_token=metrics_token,
        )


def _integer(
    env: Mapping[str, str], name: str, default: int, low: int, high: int, problems: list[str]
) -> int:
    text = env.get(name) or str(default)
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    problems.append(f"{name} is {text!r}; it must be a whole number from {low} to {high}.")
    return default


def _flag(env: Mapping[str, str], name: str, default: bool, problems: list[str]) -> bool:
    text = (env.get(name) or ("1" if default else "0")).lower()
    if text not in {"0", "1", "false", "true", "no", "yes"}:
        problems.append(f"{name} is {text!r}; it must be 1 or 0.")
    return text in {"1", "true", "yes"}


def _database_url(text: str, instance: Path, problems: list[str]) -> str:
    if not text:
        return f"sqlite:///{instance / 'daybook.sqlite3'}"
    if text.startswith("postgres://"):
        text = "postgresql://" + text.removeprefix("postgres://")
    scheme = urlsplit(text).scheme
    if scheme == "sqlite" and not text.startswith("sqlite:///"):
        problems.append("DATABASE_URL for SQLite must look like sqlite:////absolute/path/daybook.sqlite3.")
    elif scheme not in {"sqlite", "postgresql", "postgresql+psycopg"}:
        problems.append(f"DATABASE_URL has the scheme {scheme!r}; use sqlite:/// or postgresql://.")
    return text


def _base_url(text: str, port: int, problems: list[str]) -> str:
    text = (text or f"http://127.0.0.1:{port}").rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        problems.append(f"BASE_URL is {text!r}; it must look like https://desk.example.com.")
    return text


def _smtp_url(text: str, problems: list[str]) -> str:
    try:
        parts = urlsplit(text)
        bad = parts.scheme not in {"smtp", "smtps", "smtp+starttls"} or not parts.hostname or parts.port == 0
    except ValueError:  # a port or an address in brackets that is none
        bad = True
    if text and bad:
        problems.append(
            "SMTP_URL must look like smtp://user:password@host:25, smtps://… or smtp+starttls://…."
        )
    return text


def _networks(text: str, problems: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        try:
            found.append(ip_network(part))
        except ValueError as error:
            problems.append(
                f"DAYBOOK_WEBHOOK_NETWORKS has {part!r} in it ({error}); name networks with commas between "
                "them, such as 10.20.0.0/16,127.0.0.0/8."
            )
    return tuple(found)


def _digits(text: str, name: str, problems: list[str]) -> str:
    if text and not re.fullmatch("[0-9a-fA-F]{64}", text):
        problems.append(f"{name} must be 64 hexadecimal digits (the trusted ones with commas between them).")
    return text.lower()


def _token(text: str, problems: list[str]) -> str:
    if text and (len(text) < MIN_SECRET_LENGTH or not text.isascii()):
        problems.append(f"DAYBOOK_METRICS_TOKEN needs at least {MIN_SECRET_LENGTH} ASCII characters.")
    return text


def _secret(text: str, env: str, instance: Path, problems: list[str]) -> str:
    if text:
        if len(text) < MIN_SECRET_LENGTH:
            problems.append(f"SECRET_KEY has {len(text)} characters; it needs at least {MIN_SECRET_LENGTH}.")
        return text
    if env != "development":
        problems.append("SECRET_KEY is not set; production needs one of at least 32 random characters.")
        return ""
    return _development_secret(instance / "secret-key", problems)


def _development_secret(path: Path, problems: list[str]) -> str:
    """Make a key once and keep it outside the repository, readable by its owner alone.

    It is written aside and then linked into place, so that of two first starts both get the same whole key.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f"{path.name}.{os.getpid()}")
            with os.fdopen(
                os.open(aside, os.O_WRONLY | os.O_CREAT, stat.S_IRUSR | stat.S_IWUSR), "w"
            ) as file:
                file.write(secrets.token_urlsafe(48) + "\n")
            with suppress(FileExistsError):
                os.link(aside, path)
            aside.unlink()
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        problems.append(f"SECRET_KEY is not set and {path} cannot be written ({error.strerror}).")
        return ""
