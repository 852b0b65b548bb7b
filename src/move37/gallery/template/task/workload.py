"""What is rendered: pages that are rendered again and again, and letters that are rendered once. Fixed.

The templates of the search stand here. Those of the hold-out are made at random (`random_templates`) when the
task is set up. All values are drawn from `MOVE37_SEED`: no two trials render the same texts.
"""

import json
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
CONTEXTS = 24
"""So many times a page is rendered in a case, each time with other values."""
LETTERS = 10
"""So many letters are written in a case, each from a template of its own."""

WORDS = (
    "alder birch cedar date elm fir gum hazel iris juniper kapok larch maple nutmeg oak pine quince "
    "rowan spruce teak umbrella vine willow yew R&D a<b \"so\" it's Köln 東京"
).split()

PARTIALS = {
    "address": "{{#address}}{{street}}\n{{zip}} {{city}}\n{{/address}}",
    "tag": "<em>{{.}}</em>",
    "line": "{{count}} x {{title}}: {{price}}{{#sale}} (now {{price}}){{/sale}}\n",
}

PAGES = {
    "invoice": """\
Dear {{user.first}} {{user.last}},
{{> address}}
your order {{number}} of {{date}}:
{{#items}}
  {{> line}}
{{/items}}
{{^items}}
  nothing at all
{{/items}}
Total: {{total}}{{! with tax }}
""",
    "list": """\
<h1>{{title}}</h1>
<ul>
{{#items}}
<li class="{{kind}}"><a href="{{{url}}}">{{title}}</a> {{#tags}}{{> tag}} {{/tags}}{{^tags}}-{{/tags}}</li>
{{/items}}
</ul>
""",
    "profile": """\
{{#user}}
<p>{{first}} {{last}}{{#admin}} <b>admin</b>{{/admin}}{{^admin}} member{{/admin}}</p>
<p>{{address.street}}, {{address.zip}} {{address.city}}</p>
{{#friends}}<a>{{first}}</a>{{/friends}}
{{/user}}
{{missing}}{{user.missing}}
""".replace("\n", "\r\n"),
    "code": """\
{{=<% %>=}}
struct <% title %> {
<%# fields %>
    <% type %> <% name %>; /* <%& note %> */
<%/ fields %>
};
<%={{ }}=%>
{{#sale}}#define SALE {{total}}{{/sale}}
""",
    "news": """\
{{! the front page }}
{{#news}}
## {{title}} ({{date}})
{{{html}}}
{{#tags}}#{{.}} {{/tags}}
{{#author}}by {{first}} {{last}}{{/author}}
---
{{/news}}
Read more at {{{url}}}, or write to {{user.first}}.
""",
}
ONCE = ("invoice", "profile", "news")
"""Pages that are letters, too."""


def cases(seed: int, *, holdout: bool = False) -> dict[str, dict]:
    """The requests of a trial, by name: see `stand.py`."""
    pages, once, partials = PAGES, ONCE, PARTIALS
    if holdout:
        hidden = json.loads((HERE / "holdout" / "templates.json").read_text())
        pages, once, partials = hidden["pages"], hidden["once"], hidden["partials"]
    made = {}
    for name, template in pages.items():
        dice = Random(f"{seed} page {name}")
        renders = [[template, values(dice)] for _ in range(CONTEXTS)]
        made[f"page {name}"] = {"partials": partials, "renders": renders}
    for name in once:
        dice = Random(f"{seed} letter {name}")
        renders = [
            [f"{pages[name]}{{{{! {dice.random()} }}}}{dice.choice(WORDS)}\n", values(dice)]
            for _ in range(LETTERS)
        ]
        made[f"letter {name}"] = {"partials": partials, "renders": renders}
    return made


def values(dice: Random) -> dict:
    """Something for every name that a template may use, and not always."""
    word, number = lambda: dice.choice(WORDS), lambda: dice.randrange(10_000)

    def several(what, most: int) -> list:
        return [what() for _ in range(dice.randrange(most))]

    def person() -> dict:
        address = {"street": f"{word()} street {number()}", "zip": number(), "city": word()}
        return {"first": word(), "last": word(), "address": address, "admin": dice.random() < 0.3}

    def item() -> dict:
        return {
            "title": f"{word()} {word()}",
            "kind": word(),
            "url": f"/{number()}?a={number()}&b=<{word()}>",
            "price": number() / 100,
            "count": number(),
            "sale": dice.random() < 0.3,
            "tags": several(word, 4),
        }

    def field() -> dict:
        return {"type": word(), "name": word(), "note": f"{word()} & {word()}"}

    def article() -> dict:
        author = person() if dice.random() < 0.7 else None
        return {**item(), "date": f"day {number()}", "html": f"<p>{word()}</p>", "author": author}

    return {
        **item(),
        "user": {**person(), "friends": several(person, 4)},
        "address": person()["address"],
        "number": number(),
        "date": f"day {number()}",
        "total": number() / 100,
        "items": several(item, 9),
        "fields": several(field, 9),
        "news": several(article, 5),
    }


# --- templates by chance, for the hold-out ------------------------------------------------------------

_TEXTS = ("total", "number", "date", "title", "url", "price", "user.first", "user.address.city")
_INNER = {
    "items": ("title", "price", "count", "kind", "url", "number"),
    "fields": ("type", "name", "note"),
    "news": ("title", "date", "html"),
    "user": ("first", "last", "address.zip", "missing"),
    "tags": (".",),
}
_PARTIALS = {
    "where": "{{#address}}{{city}} ({{zip}}), {{street}}{{/address}}",
    "price": "{{price}}{{^sale}} no sale{{/sale}}",
    "both": "[{{> where}}|{{> price}}]\n",
}


def random_templates(dice: Random) -> dict:
    """Five pages, of which three are letters, too."""
    pages = {f"hidden {number}": _page(dice) for number in range(5)}
    pages["hidden 2"] = pages["hidden 2"].replace("\n", "\r\n")
    return {"pages": pages, "once": sorted(pages)[:3], "partials": _PARTIALS}


def _page(dice: Random) -> str:
    return "".join(_part(dice, _TEXTS, 0) for _ in range(dice.randrange(6, 11))) + "\n"


def _part(dice: Random, names: tuple[str, ...], depth: int) -> str:
    choice = dice.random()
    if choice < 0.15:
        return f"<p>{dice.choice(WORDS)}</p>\n"
    if choice < 0.45:
        name = dice.choice(names)
        return dice.choice(("{{%s}} ", "{{{%s}}}\n", "{{& %s }} ", "<b>{{ %s }}</b>\n")) % name
    if choice < 0.55:
        return "{{! %s }}\n" % dice.choice(WORDS)
    if choice < 0.65:
        return "  {{> %s }}\n" % dice.choice(tuple(_PARTIALS))
    if choice < 0.75 and depth == 0:
        return "{{=| |=}}|%s| |={{ }}=|\n" % dice.choice(names)
    if depth > 1:
        return "{{^sale}}%s{{/sale}}{{#sale}}{{total}}{{/sale}}\n" % dice.choice(WORDS)
    section = dice.choice(tuple(_INNER))
    inside = "".join(
        _part(dice, _INNER[section], depth + 1) for _ in range(dice.randrange(1, 5))
    )
    return "{{#%s}}\n%s{{/%s}}\n{{^%s}}none{{/%s}}\n" % (section, inside, section, section, section)
