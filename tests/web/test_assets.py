"""The sheets and the scripts of pages: all that they are made of, in the encoding asked for, and no more."""

from __future__ import annotations

import re

import httpx
from poolscope.web.assets import SCRIPTS, compressed, content, folder, static

PLAIN = {"Accept-Encoding": "identity"}


def test_a_page_asks_for_one_script_and_the_bench_for_one_sheet_alone(client: httpx.Client) -> None:
    page = client.get("/").text
    sheets = r'<link rel="stylesheet" href="([^"]+)"'
    assert re.findall(sheets, page) == [static("poolscope.css")]
    assert re.findall(sheets, client.get("/guide").text) == [static("poolscope.css"), static("run.css")]
    assert re.findall(r'<script src="([^"]+)"', page) == [static("poolscope.js")]
    for name in ("poolscope.css", "run.css", "poolscope.js", "run.js"):
        answer = client.get(static(name))
        assert answer.content == content(name)
        assert "content-encoding" in answer.headers
        assert client.get(static(name), headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        plain = client.get(static(name), headers=PLAIN)
        assert plain.content == content(name)
        assert plain.headers["etag"] != answer.headers["etag"]
        assert len(compressed(name, "gzip")) < len(plain.content) / 2


def test_the_script_holds_all_scripts_in_order_without_their_comments() -> None:
    script = content("poolscope.js").decode()
    places = []
    for name in SCRIPTS["poolscope.js"]:
        text = (folder("static") / name).read_text()
        said = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("//")]
        places.append(script.index("\n".join(said)))
    assert places == sorted(places)
    assert not re.search(r"^\s*//", script, re.MULTILINE)


def test_the_sheet_holds_pico_in_its_own_layer_before_ours() -> None:
    sheet = content("poolscope.css").decode()
    assert "@import" not in sheet
    order, pico, ours = (sheet.index(part) for part in ("@layer pico,tokens", "@layer pico{", "@layer tokens{"))
    assert order < pico < ours
    # The licence of what is not ours stays; a comment of ours does not.
    assert re.findall(r"/\*(.)", sheet) == ["!"]


def test_every_variable_that_pico_reads_is_set() -> None:
    """Its colours come from our sheet alone."""
    sheet = content("poolscope.css").decode()
    read = set(re.findall(r"var\((--pico-[\w-]+)\)", sheet))
    missing = read - set(re.findall(r"(--pico-[\w-]+):", sheet))
    # Cards and small print beside a wrong field have a look of their own.
    assert {name for name in missing if not re.search("-card-|-del-color", name)} == set()
