"""Where the key that signs cookies comes from."""

import stat
from pathlib import Path

import pytest

from webapp.config import MIN_SECRET_LENGTH, ConfigError, Settings

ROOT = Path(__file__).resolve().parents[1]


def test_development_makes_a_key_once_that_only_its_owner_reads(tmp_path: Path) -> None:
    environ = {"DAYBOOK_INSTANCE": str(tmp_path / "instance")}
    first, second = Settings.from_env(environ), Settings.from_env(environ)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= MIN_SECRET_LENGTH
    (file,) = (tmp_path / "instance").iterdir()
    assert file.read_text().strip() == first.secret_key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = Settings.from_env({"DAYBOOK_INSTANCE": str(tmp_path / "other")})
    assert other.secret_key != first.secret_key
    assert first.secret_key not in repr(first)


def test_the_key_lies_outside_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.from_env({})
    assert (settings.instance_path / "secret-key").is_file()
    assert settings.instance_path == tmp_path / ".local" / "share" / "daybook"
    assert ROOT not in settings.instance_path.parents


@pytest.mark.parametrize(
    ("key", "sentence"),
    [("", "SECRET_KEY is not set; production needs one"), ("x" * 31, "SECRET_KEY has 31 characters")],
)
def test_production_makes_no_key_and_takes_no_short_one(tmp_path: Path, key: str, sentence: str) -> None:
    environ = {
        "DAYBOOK_ENV": "production",
        "DAYBOOK_INSTANCE": str(tmp_path / "instance"),
        "SECRET_KEY": key,
    }
    with pytest.raises(ConfigError, match=sentence):
        Settings.from_env(environ)
    assert not (tmp_path / "instance").exists()
    assert Settings.from_env(environ | {"SECRET_KEY": "x" * 32}).production


def test_networks_that_webhooks_may_reach_are_named_and_checked(tmp_path: Path) -> None:
    environ = {"DAYBOOK_INSTANCE": str(tmp_path / "instance")}
    assert Settings.from_env(environ).webhook_networks == ()
    named = environ | {"DAYBOOK_WEBHOOK_NETWORKS": "10.20.0.0/16, 127.0.0.0/8,fd00::/8,"}
    found = [str(network) for network in Settings.from_env(named).webhook_networks]
    assert found == ["10.20.0.0/16", "127.0.0.0/8", "fd00::/8"]
    with pytest.raises(ConfigError) as refused:
        Settings.from_env(environ | {"DAYBOOK_WEBHOOK_NETWORKS": "10.20.0.1/16,127.0.0.1,crm.example.com"})
    assert len(refused.value.problems) == 2
    assert "'10.20.0.1/16' in it (10.20.0.1/16 has host bits set)" in refused.value.problems[0]
