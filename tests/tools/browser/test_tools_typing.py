"""Typing, forms, selections and keys, through an agent on a real Chromium."""

import pytest

from .hands import page_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def opened(hands, site, html):
    return await hands("navigate", url=site.show(html))


LOGGED = """<input aria-label=F value=old><p>-</p><script>
const f = document.querySelector('input'), p = document.querySelector('p');
let keys = 0; f.onkeydown = () => keys++; f.oninput = () => p.textContent = f.value + ' ' + keys;
</script>"""


@pytest.mark.parametrize(
    ("mode", "value"), [("fill", "new 0"), ("keys", "new 3"), ("append", "oldnew 4")]
)
async def test_text_is_filled_in_typed_key_by_key_or_added(hands, module_site, mode, value):
    await opened(hands, module_site, LOGGED)
    field = hands.ref("textbox", "F")
    told = await hands("type", ref=field, text="new", mode=mode)
    assert f'"{value}"' in told


async def test_text_is_added_at_the_end_of_several_lines(hands, module_site):
    await opened(hands, module_site, "<textarea aria-label=T>a\nb</textarea>")
    field = hands.ref("textbox", "T")
    await hands("type", ref=field, text="c", mode="append")
    assert page_of(await hands("read_page", mode="value", ref=field)) == "a\nbc"


async def test_typing_and_submitting_sends_the_form(hands, module_site):
    await opened(
        hands,
        module_site,
        "<form action='/other'><input aria-label=Q name=q></form>",
    )
    told = await hands("type", ref=hands.ref("textbox", "Q"), text="a b", submit=True)
    assert told.splitlines()[0] == f"t1 {module_site.url('/other?q=a+b')} '/other?q=a+b'"


@pytest.mark.parametrize(
    ("html", "role"),
    [
        ("<textarea aria-label=T></textarea>", "textbox"),
        ("<div contenteditable role=textbox aria-label=T>x</div>", "textbox"),
        ("<input type=search aria-label=T>", "searchbox"),
        ("<input type=number aria-label=T>", "spinbutton"),
    ],
)
async def test_every_kind_of_field_takes_text(hands, module_site, html, role):
    await opened(hands, module_site, html)
    told = await hands("type", ref=hands.ref(role, "T"), text="12")
    assert '"12"' in told


@pytest.mark.parametrize(("kind", "value"), [("date", "2026-01-31"), ("time", "14:30")])
async def test_dates_and_times_are_typed_as_iso(hands, module_site, kind, value):
    await opened(hands, module_site, f"<input type={kind} aria-label=D>")
    told = await hands("type", ref=hands.ref("textbox", "D"), text=value)
    assert f'"{value}"' in told
    refused = await hands.fails("type", ref=hands.ref("textbox", "D"), text="tomorrow")
    assert refused.startswith("action_failed: ")


@pytest.mark.parametrize(
    ("html", "role", "why"),
    [
        ("<input aria-label=F readonly value=x>", "textbox", "read-only"),
        ("<input aria-label=F disabled>", "textbox", "is disabled"),
        ("<button aria-label=F>x</button>", "button", "takes no text"),
    ],
)
async def test_what_takes_no_text_is_told_at_once(hands, module_site, html, role, why):
    await opened(hands, module_site, html)
    refused = await hands.fails("type", ref=hands.ref(role, "F"), text="new")
    assert refused.startswith("action_failed: ")
    assert why in refused


FORM = """<title>-</title><form oninput=show() onchange=show()>
<input aria-label=Name><label><input type=checkbox> Agree</label>
<label><input type=radio name=r value=1> One</label>
<label><input type=radio name=r value=2 checked> Two</label>
<select aria-label=Size><option>Small<option value=L>Large</select>
<input aria-label=City role=combobox list=c><textarea aria-label=Note></textarea></form>
<script>const show = () => { const e = document.forms[0].elements; document.title =
  [e[0].value, e[1].checked, e[2].checked, e[4].value, e[5].value, e[6].value].join('|') }</script>
"""


def fields(hands, **values):
    kinds = {
        "Name": "textbox", "Agree": "checkbox", "One": "radio", "Two": "radio",
        "Size": "combobox", "City": "combobox", "Note": "textbox",
    }  # fmt: skip
    return [{"ref": hands.ref(kinds[name], name), "value": value} for name, value in values.items()]


async def test_a_form_is_filled_in_one_call(hands, module_site):
    await opened(hands, module_site, FORM)
    given = fields(hands, Name="Ada", Agree="true", One="true", Size="Large", City="Bern", Note="n")
    told = await hands("fill_form", fields=given)
    assert told.splitlines()[0] == "filled 6 fields"
    assert "'Ada|true|true|L|Bern|n'" in told
    off = [given[1] | {"value": "false"}]
    assert "'Ada|false|true|L|Bern|n'" in await hands("fill_form", fields=off)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Agree", "maybe", 'takes "true" or "false", not \'maybe\''),
        ("Two", "false", "is a radio button: choose another one of its group instead"),
        ("Note", "x", "is read-only"),
        ("Size", "Huge", "its choices are: Small, Large"),
    ],
)
async def test_one_bad_field_is_told_before_any_is_filled(hands, module_site, name, value, why):
    html = FORM.replace("textarea ", "textarea readonly ") if name == "Note" else FORM
    await opened(hands, module_site, html)
    refused = await hands.fails("fill_form", fields=fields(hands, Name="Ada", **{name: value}))
    assert why in refused
    assert "nothing was done" in refused
    assert "'-'" in await hands("read_page")


async def test_a_field_that_is_not_there_is_told_before_any_is_filled(hands, module_site):
    await opened(hands, module_site, FORM)
    given = [*fields(hands, Name="Ada"), {"ref": "e99", "value": "x"}]
    assert (await hands.fails("fill_form", fields=given)).startswith("stale_ref: ref 'e99'")
    assert "'-'" in await hands("read_page")


async def test_a_field_that_goes_away_meanwhile_is_told_with_what_was_filled(hands, module_site):
    script = "document.forms[0][0].oninput = () => document.forms[0][6].remove()"
    gone = f"{FORM}<script>{script}</script>"
    await opened(hands, module_site, gone)
    given = fields(hands, Name="Ada", Note="x")
    refused = await hands.fails("fill_form", fields=given)
    assert refused.startswith("stale_ref: ")
    assert f"filled before: {given[0]['ref']}" in refused


async def test_no_fields_are_refused(hands):
    assert await hands.fails("fill_form", fields=[]) == (
        "fields: give at least one, with ref and value"
    )


LISTS = """<select aria-label=One onchange=show()><option value=a>Apple<option value=p>Pear</select>
<select aria-label=Many multiple onchange=show()><option>1<option>2<option>3</select>
<button aria-label=No>x</button><title>-</title><script>const show = () => { document.title =
[...document.querySelectorAll('option:checked')].map(o => o.value).join() }</script>"""


@pytest.mark.parametrize(
    ("role", "name", "values", "title"),
    [
        ("combobox", "One", ["Pear"], "'p'"),
        ("combobox", "One", ["p"], "'p'"),
        ("listbox", "Many", ["1", "3"], "'a,1,3'"),
        ("listbox", "Many", [], "'a'"),
    ],
)
async def test_options_are_chosen_by_label_or_value(  # noqa: PLR0917  (each is a case's)
    hands, module_site, role, name, values, title
):
    await opened(hands, module_site, LISTS)
    told = await hands("select", ref=hands.ref(role, name), values=values)
    assert title in told.splitlines()[1]


async def test_a_choice_that_is_not_there_is_told_with_those_that_are(hands, module_site):
    await opened(hands, module_site, LISTS)
    field = hands.ref("combobox", "One")
    refused = await hands.fails("select", ref=field, values=["Plum"])
    assert refused.startswith(
        f"action_failed: {field} (combobox \"One\") has no choice 'Plum'; its choices are: Apple, "
        "Pear; nothing was done."
    )
    refused = await hands.fails("select", ref=field, values=["Apple", "Pear"])
    assert "takes one choice" in refused
    await hands("read_page")
    refused = await hands.fails("select", ref=hands.ref("button", "No"), values=["x"])
    assert refused.startswith("action_failed: ")
    assert "is no list" in refused


KEYS = """<input aria-label=F><title>-</title><script>onkeydown = e => { document.title =
[e.ctrlKey && 'ctrl', e.shiftKey && 'shift', e.key].filter(Boolean).join('+') }</script>"""


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("Enter", "Enter"),
        ("a", "a"),
        ("Control+a", "ctrl+a"),
        ("Control+Shift+ArrowDown", "ctrl+shift+ArrowDown"),
        ("Escape", "Escape"),
        ("PageDown", "PageDown"),
        ("+", "+"),
        ("Control++", "ctrl++"),
    ],
)
async def test_keys_and_combinations_are_pressed(hands, module_site, key, title):
    await opened(hands, module_site, KEYS)
    field = hands.ref("textbox", "F")
    assert f"'{title}'" in await hands("press", key=key)
    assert f"'{title}'" in await hands("press", key=key, ref=field)


@pytest.mark.parametrize("key", ["Foo", "Ctrl+a", "", "Control+", "Return", "é", "+a"])
async def test_a_key_that_is_none_is_told_with_those_that_are(hands, module_site, key):
    await opened(hands, module_site, KEYS)
    refused = await hands.fails("press", key=key)
    assert refused.startswith(f"key: {key!r} is no key")
    assert "Enter" in refused
    assert "Control" in refused
