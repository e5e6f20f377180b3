"""Static files with the right to be kept: for ever when the address carries their checksum, else for a few minutes.

Every page asks for one sheet and one script, every page but the bench for a second sheet, of what only they have, and a
run's page for a second script.
They are put together here from the files that they are kept in, without comments and indentation, and compressed
once: a first visit takes in a quarter less, and no visit costs compression.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

PACKAGE = Path(__file__).resolve().parent.parent
SHEETS = ("poolscope.css", "run.css")
SCRIPTS = {
    # In this order: the theme before anything is seen, and what extends htmx after it.
    "poolscope.js": ("theme.js", "vendor/htmx.min.js", "vendor/hx-sse.min.js", "live.js"),
    "run.js": ("run.js",),
}
TYPES = {**dict.fromkeys(SHEETS, "text/css"), **dict.fromkeys(SCRIPTS, "text/javascript")}

COMMENT = re.compile(r"/\*(?!!).*?\*/", re.DOTALL)  # a licence's begins with an exclamation mark and stays
SPACE = re.compile(r"\s*([{};,])\s*|\n\s*")
IMPORT = re.compile(r'@import url\("([^"]+)"\) layer\((\w+)\);')


def folder(name: str) -> Path:
    """The folder of templates or static files: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent.parent / name


@cache
def content(name: str) -> bytes:
    """What is served under a name: the file, or what is put together under it."""
    if name in SHEETS:
        return _rules(COMMENT.sub("", IMPORT.sub(_layer, _text(name)))).encode()
    if name in SCRIPTS:
        # A file that ends without a semicolon must not go on in the next.
        return "\n;\n".join("\n".join(_statements(_text(each))) for each in SCRIPTS[name]).encode()
    return (folder("static") / name).read_bytes()


@cache
def static(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it for ever."""
    return f"/static/{name}?v={hashlib.sha256(content(name)).hexdigest()[:12]}"


@cache
def zstd() -> ModuleType | None:
    """The better compression, which Python has since 3.14, where it was built with it."""
    try:
        return import_module("compression.zstd")
    except ImportError:
        return None


@cache
def compressed(name: str, encoding: str) -> bytes:
    better = zstd() if encoding == "zstd" else None
    return bytes(better.compress(content(name), 19)) if better else gzip.compress(content(name), 9, mtime=0)


class Assets(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        put_together = path in TYPES and scope["method"] in ("GET", "HEAD")
        response = put_together_response(path, Headers(scope=scope)) if put_together else None
        response = response or await super().get_response(path, scope)
        versioned = "v" in parse_qs(scope.get("query_string", b"").decode())
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if versioned else "public, max-age=300"
        )
        return response


def put_together_response(name: str, asked: Headers) -> Response:
    """The sheet or the script, in the best encoding that was asked for."""
    accepted = asked.get("accept-encoding", "")
    encoding = "zstd" if "zstd" in accepted and zstd() else "gzip" if "gzip" in accepted else ""
    # Another encoding is other bytes, which must not share a tag.
    headers = {"ETag": f'"{hashlib.sha256(content(name)).hexdigest()[:12]}{encoding}"', "Vary": "Accept-Encoding"}
    if encoding:
        headers["Content-Encoding"] = encoding
    if asked.get("if-none-match") == headers["ETag"]:
        return NotModifiedResponse(Headers(headers))
    return Response(compressed(name, encoding) if encoding else content(name), headers=headers, media_type=TYPES[name])


def _text(name: str) -> str:
    return (folder("static") / name).read_text(encoding="utf-8")


def _layer(found: re.Match[str]) -> str:
    """An imported sheet in the place of its import, in the same layer: one request less."""
    return f"@layer {found[2]} {{\n{_text(found[1])}\n}}"


def _rules(text: str) -> str:
    """The rules of a sheet in as few characters as mean the same; no string of ours has any of these in it."""
    text = SPACE.sub(lambda found: found[1] or " ", text).strip()
    return text.replace(": ", ":").replace(" > ", ">").replace(";}", "}")


def _statements(text: str) -> list[str]:
    """The lines of a script without indentation and those that are a comment; no string of ours goes over several."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("//")]
