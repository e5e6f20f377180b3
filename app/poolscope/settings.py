"""One frozen Settings, read once: from POOLSCOPE_* in the environment or a .env file, then from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from poolscope.errors import BadParameters, ParameterError

PREFIX = "POOLSCOPE_"
DEMO_STARTS_PER_MINUTE = 12
DEMO_CPU_S = 300


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
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data: Path = Field(
        default_factory=lambda: user_data_path("poolscope"),
        description="Folder of the SQLite file with all runs, or that file itself (.sqlite, .db).",
    )
    demo: bool = Field(
        False, description="Public demo: one client may start 12 runs a minute, and nobody can delete runs."
    )
    live_limit: int = Field(8, ge=1, le=64, description="Live runs side by side; measured runs always take turns.")
    queue_limit: int = Field(20, ge=1, le=1000, description="Runs that may wait; one more is refused with 503.")
    starts_per_minute: int = Field(60, ge=1, description="Runs that one client may start in a minute, else 429.")
    busy_limit: int = Field(
        0,
        ge=0,
        description="Threads and processes of all live runs that may want a CPU at once; what does not fit waits. "
        "0: 48 for each usable CPU, at least 96, with which the server still answers at once.",
    )
    process_limit: int = Field(
        0,
        ge=0,
        description="Processes and threads of all live runs; 0: the container's limit less 64, or 1,024.",
    )
    memory_mib: int = Field(
        0,
        ge=0,
        description="Memory of all live runs, in MiB; 0: three quarters of what the machine or its container has, and "
        "256 less than that at the most.",
    )
    run_cpu_s: int = Field(
        0, ge=0, description="CPU seconds that one run may take; 0: any. In the demo 300, for others wait for the CPUs."
    )
    records_mib: int = Field(
        256, ge=1, description="Size that one run's records may reach, in MiB: the server holds those of live runs."
    )
    keep_runs: int = Field(500, ge=1, description="Ended runs kept; the oldest beyond are deleted.")
    journal_mib: int = Field(1024, ge=1, description="Size that the SQLite file may reach, in MiB.")
    viewers: int = Field(2000, ge=1, description="Open live streams; one more is refused with 503.")
    allowed_hosts: str = Field(
        "localhost,127.0.0.1,[::1]",
        description="Host names that the server answers to, comma-separated; * for any. Guards against DNS rebinding.",
    )
    pythons: str = Field(
        "",
        description="Other Pythons to compare, comma-separated: a path, or label=path. Those that are found on this "
        "machine are added, unless `none` stands among them.",
    )
    workloads: str = Field(
        "",
        description="Your own work to choose on the page, comma-separated: module:function@items, or with +setup "
        "behind it; imported from the folder where Poolscope was started.",
    )
    log: Literal["text", "json"] = Field(
        "text", description="How the server logs: lines of text, or a JSON object a line."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="How much the server logs.")

    @property
    def starts_of_one_client(self) -> int:
        """Runs that one client may start in a minute."""
        return min(self.starts_per_minute, DEMO_STARTS_PER_MINUTE) if self.demo else self.starts_per_minute

    @property
    def cpu_s_of_one_run(self) -> int | None:
        """CPU seconds that one run may take, None for any."""
        return self.run_cpu_s or (DEMO_CPU_S if self.demo else None)

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
                ParameterError(name, f"{option(name)} ({variable(name)}): {item['msg']}; {item['input']!r} is not.")
                for item in error.errors()
                for name in [str(item["loc"][0])]
            )
        ) from None


def option(name: str) -> str:
    """A setting's name on the command line: '--live-limit'."""
    return f"--{name.replace('_', '-')}"


def variable(name: str) -> str:
    """A setting's name in the environment: 'POOLSCOPE_LIVE_LIMIT'."""
    return f"{PREFIX}{name.upper()}"
