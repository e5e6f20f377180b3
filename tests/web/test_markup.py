"""The reader of pages notices what it is there to notice."""

from __future__ import annotations

import pytest

from tests.web.markup import Markup


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("<p><b>x</p></b>", "</p> inside <b>"),
        ("<div>", "<div> is never closed"),
        ("</div>", "</div>"),
        ("<p id=a></p><p id=a></p>", "is there twice"),
        ('<p id=""></p>', "is empty"),
        ("<p class=a class=b></p>", "an attribute stands twice"),
        ('<p style="color:red"></p>', "style in <p>"),
        ('<button onclick="x()"></button>', "onclick in <button>"),
        ("<script>x()</script>", "an inline <script>"),
        ("<style>p{}</style>", "an inline <style>"),
        ('<script src="/x.js">x()</script>', "something stands in <script>"),
        ('<script src="https://cdn.example/x.js"></script>', "leads elsewhere"),
        ('<a href="//cdn.example/">x</a>', "leads elsewhere"),
        ('<a href="javascript:x()">x</a>', "leads elsewhere"),
        ("<p><div></div></p>", "<div>, line 1 stands in <p>"),
        ("<form><form></form></form>", "<form>, line 1 stands in <form>"),
        ("<ul><div></div>x</ul>", "words stand in <ul>"),
        ("<tr></tr><table><tr></tr></table>", "stands in <table>"),
        ("<div/>", "closes itself"),
        ('<!doctype html><label for="x"></label>', "nothing has the id 'x'"),
    ],
)
def test_a_mistake_is_noticed(html: str, says: str) -> None:
    assert says in " ".join(Markup(html).mistakes)


def test_a_form_is_read_as_a_browser_would_send_it() -> None:
    form = Markup(
        '<form id="f" method="post" action="/x"><input name="a" value="1"><input name="b">'
        '<fieldset disabled><input name="c" value="3"></fieldset><button name="d" value="4">x</button>'
        '<select name="e"><option value="">all</option><option selected>some</option></select>'
        '<select name="g"><option>first</option><option>second</option></select></form>'
    )
    assert form.mistakes == []
    assert form.forms["f"].action == ("post", "/x")
    assert form.forms["f"].values == {"a": "1", "b": "", "e": "some", "g": "first"}
