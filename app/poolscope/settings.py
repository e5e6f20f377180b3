"""One frozen Settings, read once: from POOLSCOPE_* in the environment or a .env file, then from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from poolscope.errors import BadParameters, ParameterError
from poolscope.limits import LIMITS, OF_A_RUN

PREFIX = "POOLSCOPE_"
GENERATED = "auto"
SHORTEST_TOKEN = 16
SECRETS = ("token", "secret")


def limit(name: str) -> Any:
    """The field of a limit; `demo_has_limits_of_its_own` gives it the demo's value."""
    return Field(LIMITS[name].usual, ge=LIMITS[name].least, description=LIMITS[name].description)


def usual_data_folder() -> Path:
    """Where runs are kept unless another place is named."""
    return user_data_path("poolscope")


class Settings(BaseSettings):
    """Every setting has a default that suits one person at their own machine; `demo` is for a public one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rising precedence: the environment, a .env file, what is passed in. The first of the tuple counts."""
        return init_settings, dotenv_settings, env_settings

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data: Path = Field(
        default_factory=usual_data_folder,
        description="Folder for the SQLite file with all runs, or the file itself (.sqlite, .db).",
    )
    demo: bool = Field(
        False,
        description="Public demo, for strangers: built-in work only, within narrower limits; visitors see, stop "
        "and delete only their own runs.",
    )
    token: str = Field(
        "",
        description="Token that every request must carry, at least 16 characters. `auto` generates one if others "
        "can reach the server, unless `demo` or `insecure` is set.",
    )
    insecure: bool = Field(False, description="Let anybody who can reach the server do anything, as on 127.0.0.1.")
    secret: str = Field(
        "", description="Key that cookies are signed with. If empty, one is generated and kept beside the SQLite file."
    )
    trusted_proxies: str = Field(
        "",
        description="Comma-separated addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto "
        "are trusted; * trusts whoever connects, but only the last entry.",
    )
    most_workers: int = limit("most_workers")
    most_threads: int = limit("most_threads")
    most_seconds: int = limit("most_seconds")
    most_items: int = limit("most_items")
    most_repeats: int = limit("most_repeats")
    run_s: int = limit("run_s")
    run_cpu_s: int = limit("run_cpu_s")
    records_mib: int = limit("records_mib")
    live_limit: int = limit("live_limit")
    live_of_visitor: int = limit("live_of_visitor")
    busy_limit: int = limit("busy_limit")
    process_limit: int = limit("process_limit")
    memory_mib: int = limit("memory_mib")
    queue_limit: int = limit("queue_limit")
    queued_of_visitor: int = limit("queued_of_visitor")
    starts_per_minute: int = limit("starts_per_minute")
    starts_of_address: int = limit("starts_of_address")
    gone_after: int = limit("gone_after")
    viewers: int = limit("viewers")
    streams_of_visitor: int = limit("streams_of_visitor")
    keep_runs: int = Field(500, ge=1, description="How many ended runs to keep; the oldest are deleted first.")
    journal_mib: int = Field(1024, ge=1, description="How large the SQLite file may grow, in MiB.")
    allowed_hosts: str = Field(
        "localhost,127.0.0.1,[::1]",
        description="Host names the server answers to, comma-separated; * for any. Guards against DNS rebinding.",
    )
    pythons: str = Field(
        "",
        description="Other Pythons to compare, comma-separated: a path, or label=path. Those found on this machine "
        "are added, unless the list contains `none`.",
    )
    workloads: str = Field(
        "",
        description="Functions of your own to offer on the page, comma-separated: module:function@items, optionally "
        "followed by +setup; imported from the folder in which Poolscope was started.",
    )
    executors: str = Field(
        "",
        description="Executors of your own to offer on the page, comma-separated: name=module:factory, where "
        "factory(workers) returns a concurrent.futures.Executor.",
    )
    cluster: str = Field(
        "",
        description="Address of an existing cluster: a dask scheduler such as tcp://10.0.0.5:8786 for the kind dask, "
        "or ray://10.0.0.5:10001 for the kind ray. Without it, a run starts workers on this machine and stops them "
        "afterwards.",
    )
    restart_seconds: int = Field(
        0,
        ge=0,
        le=600,
        description="How many seconds live runs may go on after SIGTERM, while new ones are refused, so that a restart "
        "loses nothing. Waiting runs are kept for the next start in any case.",
    )
    log: Literal["text", "json"] = Field(
        "text", description="How the server logs: lines of text, or one JSON object per line."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="How much the server logs.")

    @model_validator(mode="before")
    @classmethod
    def demo_has_limits_of_its_own(cls, given: Any) -> Any:
        """What is set counts in the demo, too."""
        if str(given.get("demo", False)).lower() not in ("true", "1", "yes", "on", "t", "y"):
            return given
        return {**{name: each.demo for name, each in LIMITS.items()}, **given}

    @field_validator("token")
    @classmethod
    def token_is_long_enough(cls, token: str) -> str:
        if token not in ("", GENERATED) and len(token) < SHORTEST_TOKEN:
            raise ValueError(f"a token must have at least {SHORTEST_TOKEN} characters")
        return token

    @property
    def cpu_s_of_one_run(self) -> int | None:
        """CPU seconds that one run may take, None for any."""
        return self.run_cpu_s or None

    @property
    def run_limits(self) -> dict[str, int]:
        """What a run may ask for, by the limits' names as parameters know them, where that is less than usual."""
        given = {name: getattr(self, name) for name in OF_A_RUN}
        return {name: value for name, value in given.items() if value and value < (LIMITS[name].usual or value + 1)}

    @property
    def journal_path(self) -> Path:
        """The SQLite file: `data` itself where it names a file, else poolscope.sqlite in that folder."""
        return self.data if self.data.suffix in (".sqlite", ".db") else self.data / "poolscope.sqlite"


def read_settings(options: Mapping[str, Any] | None = None) -> Settings:
    """The settings, by what was given on the command line; None stands for an option that was not.

    Raises BadParameters, which names option and variable.
    """
    try:
        return Settings(**{name: value for name, value in (options or {}).items() if value is not None})
    except ValidationError as error:
        raise BadParameters(
            tuple(
                ParameterError(name, f"{option(name)} ({variable(name)}): {item['msg']}{_quoted(name, item['input'])}.")
                for item in error.errors()
                for name in [str(item["loc"][0])]
            )
        ) from None


def _quoted(name: str, value: object) -> str:
    """Quotes what was given, unless nobody but its user may know it."""
    return "" if name in SECRETS else f"; {value!r} is not"


def option(name: str) -> str:
    """A setting's name on the command line: '--live-limit'."""
    return f"--{name.replace('_', '-')}"


def variable(name: str) -> str:
    """A setting's name in the environment: 'POOLSCOPE_LIVE_LIMIT'."""
    return f"{PREFIX}{name.upper()}"
