"""Reads a page as strictly as a validator would: what is not balanced, twice there or from elsewhere is a mistake."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
ADDRESSES = {"href", "src", "action", "hx-get", "hx-post", "hx-sse:connect", "spec", "poster", "data", "formaction"}
REFERENCES = {"for", "aria-labelledby", "aria-describedby", "aria-controls", "list", "form"}
NO_CHILDREN_OF = {  # what a browser would silently close or move, and a morph then trip over
    "p": {"p", "div", "dl", "ol", "ul", "table", "section", "article", "header", "form", "figure", "pre", "h1", "h2"},
    "a": {"a", "button", "input", "select"},
    "button": {"a", "button", "input", "select", "form"},
    "form": {"form"},
    "label": {"label"},
}
PARENTS = {
    "li": {"ul", "ol", "menu"},
    "tr": {"thead", "tbody", "tfoot"},
    "td": {"tr"},
    "th": {"tr"},
    "dt": {"dl", "div"},
    "dd": {"dl", "div"},
    "option": {"select", "datalist"},
    "summary": {"details"},
}

Element = dict[str, str | None]


@dataclass
class Form:
    """A form as a browser without JavaScript would send it, by its submit button without a name."""

    action: tuple[str, str]
    values: dict[str, str | list[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)  # of all fields, those that send nothing included


class Markup(HTMLParser):
    """A page or a part of one. `mistakes` says what is wrong with it; `roots` are the ids of its outermost elements."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.mistakes: list[str] = []
        self.ids: set[str] = set()
        self.roots: list[str] = []
        self.forms: dict[str, Form] = {}
        self.forms_by_action: dict[str, Form] = {}
        self._found: list[tuple[str, Element, list[str]]] = []
        self._open: list[tuple[str, Element, list[str]]] = []
        self._references: list[str] = []
        self._words: list[str] = []
        self._form: Form | None = None
        self._disabled = 0
        self._select = ""
        self._sends_words = False
        self._whole = html.startswith("<!doctype html>")
        self.feed(html)
        self.close()
        self.mistakes += [f"<{tag}> is never closed" for tag, _, _ in self._open]
        if self._whole:
            self.mistakes += [f"nothing has the id {name!r}" for name in self._references if name not in self.ids]

    # What tests ask for

    @property
    def text(self) -> str:
        """All words as a person sees them, with plain spaces."""
        return plain("".join(self._words))

    @property
    def title(self) -> str:
        """The page's title; pictures have titles too."""
        return self.texts("title")[0]

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            element
            for name, element, _ in self._found
            if name == tag and all(element.get(key) == value for key, value in attributes.items())
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    def texts(self, tag: str) -> list[str]:
        return [plain("".join(words)) for name, _, words in self._found if name == tag]

    def text_of(self, tag: str, **attributes: str) -> str:
        wanted = self.one(tag, **attributes)
        return next(plain("".join(words)) for _, element, words in self._found if element is wanted)

    # What the parser calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._enter(tag, attrs)
        if tag in VOID:
            self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID and not any(name == "svg" for name, _, _ in self._open):
            self.mistakes.append(f"<{tag}/> closes itself")
        self._enter(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            inside = f" inside <{self._open[-1][0]}>" if self._open else ""
            self.mistakes.append(f"</{tag}>{inside}, line {self.getpos()[0]}")
            return
        _, element, _ = self._open.pop()
        if tag == "form":
            self._form = None
        if tag == "fieldset" and "disabled" in element:
            self._disabled -= 1

    def handle_data(self, data: str) -> None:
        inside = [tag for tag, _, _ in self._open]
        if {"script", "style"} & set(inside):
            if data.strip():
                self.mistakes.append(f"something stands in <{inside[-1]}>: {data[:40]!r}")
            return
        if (
            data.strip()
            and inside
            and inside[-1] in ("table", "thead", "tbody", "tr", "ul", "ol", "dl", "menu", "select")
        ):
            self.mistakes.append(f"words stand in <{inside[-1]}>: {data.strip()[:40]!r}")
        if not {"title", "noscript", "head"} & set(inside):
            self._words.append(data)
        for _, _, words in self._open:
            words.append(data)
        if self._sends_words and self._form is not None and inside[-1:] == ["option"]:
            self._form.values[self._select], self._sends_words = data.strip(), False

    def _enter(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element: Element = dict(attrs)
        where = f"<{tag}>, line {self.getpos()[0]}"
        if len(element) != len(attrs):
            self.mistakes.append(f"an attribute stands twice in {where}")
        self._check_place(tag, where)
        for name, value in element.items():
            self._check_attribute(where, name, value)
        if tag == "style" or (tag == "script" and "src" not in element):
            self.mistakes.append(f"an inline {where}")
        if not self._open:
            self.roots.append(element.get("id") or "")
        words: list[str] = []
        self._found.append((tag, element, words))
        self._open.append((tag, element, words))
        self._words.append(" " if tag not in ("b", "em", "span", "strong", "a", "code") else "")
        self._note_form(tag, element)

    def _check_place(self, tag: str, where: str) -> None:
        inside = [name for name, _, _ in self._open]
        if "svg" in inside:
            return
        for outer, forbidden in NO_CHILDREN_OF.items():
            if outer in inside and tag in forbidden:
                self.mistakes.append(f"{where} stands in <{outer}>")
        if tag in PARENTS and inside and inside[-1] not in PARENTS[tag]:
            self.mistakes.append(f"{where} stands in <{inside[-1]}>")

    def _check_attribute(self, where: str, name: str, value: str | None) -> None:
        if name == "style" or (name.startswith("on") and name.isalpha()) or name.startswith("hx-on"):
            self.mistakes.append(f"{name} in {where}")
        if name == "id":
            if not value or " " in value or value in self.ids:
                self.mistakes.append(f"the id {value!r} of {where} is empty, has a space or is there twice")
            self.ids.add(value or "")
        if name in REFERENCES:
            self._references += (value or "").split()
        if name == "href" and (value or "").startswith("#") and value != "#":
            self._references.append((value or "")[1:])
        own = (value or "").startswith(("/", "#", "?", "data:image/")) and not (value or "").startswith("//")
        if name in ADDRESSES and not own:
            self.mistakes.append(f"{name}={value!r} in {where} leads elsewhere")

    def _note_form(self, tag: str, element: Element) -> None:
        match tag:
            case "form":
                self._form = Form((element.get("method") or "get", element.get("action") or ""))
                if element.get("id"):
                    self.forms[element["id"] or ""] = self._form
                self.forms_by_action.setdefault(self._form.action[1], self._form)
            case "fieldset" if "disabled" in element:
                self._disabled += 1
            case "select":
                self._select = element.get("name") or ""
                if self._form is not None:
                    self._form.names.add(self._select)
            case "datalist":
                self._select = ""  # its options are suggestions, which nobody sends
            case "option" if self._select and self._form is not None and not self._disabled:
                # The first option counts until one is selected; without a value its words are sent.
                if "selected" in element or self._select not in self._form.values:
                    self._form.values[self._select] = element.get("value") or ""
                    self._sends_words = "value" not in element
            case "input" if self._form is not None and not self._disabled and element.get("name"):
                name, value = element["name"] or "", element.get("value") or ""
                self._form.names.add(name)
                if element.get("type") != "checkbox":
                    self._form.values[name] = value
                elif "checked" in element:
                    self._form.values[name] = [*self._form.values.get(name, ()), value]
            case _:
                pass


def plain(words: str) -> str:
    """Words with one plain space where there is any space."""
    return " ".join(words.split())
