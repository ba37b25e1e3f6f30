import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from clewline.reports.case import Pack, btc, reference
from clewline.reports.limits import ALTERNATIVES, ALWAYS, INFERENCES
from clewline.reports.page import index_page, pack_page
from clewline.reports.record import pack_record

TAGS = {"html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "h3"}
TAGS |= {"p", "div", "span", "strong", "bdi", "ul", "ol", "li", "dl", "dt", "dd"}
TAGS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "colspan"}
ATTRIBUTES |= {"role", "tabindex", "aria-label"}
VOID = {"meta"}
CSS = files("clewline.reports").joinpath("page.css").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Read a page: tags, attributes, text; refuse what is not balanced."""

    def __init__(self, data):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.open, self.text = Counter(), Counter(), [], []
        self.headings, self.policy, self.style = [], "", ""
        self.feed(data.decode())
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes.update(name for name, _ in attrs)
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag == "th":
            assert given["scope"] in {"row", "col", "colgroup"}
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text.append(data)


@pytest.fixture(scope="module")
def hostile_pack(made, case):
    return Pack(made.hostile[0], "x", tuple(case.movements), (made.hostile[0],))


@pytest.fixture(scope="module", params=["pack", "index", "nothing"])
def page(request, made, case, hostile_pack):
    run = made.run_info(note=made.hostile[0], case_reference=made.hostile[0])
    if request.param == "pack":
        return Page(pack_page(run, hostile_pack, case.walks))
    packs = [hostile_pack] if request.param == "index" else []
    return Page(index_page(run, packs, case.walks))


def test_hostile_names_make_no_tag_and_no_attribute(page):
    assert set(page.tags) <= TAGS
    assert set(page.attributes) <= ATTRIBUTES
    assert "<script>alert(1)</script>" in "".join(page.text)


def test_the_policy_allows_this_style_and_nothing_else(page):
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert page.policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|https?:", page.style)


def test_pages_have_one_title_and_headings_in_order(page):
    assert page.tags["title"] == page.tags["h1"] == page.tags["main"] == 1
    assert page.headings[0] == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)
    assert page.tags["caption"] == page.tags["table"] > 0


def test_every_movement_is_there_whole(case, hostile_pack):
    text = "".join(Page(pack_page(case.run, hostile_pack, case.walks)).text)
    for movement in case.movements:
        assert text.count(reference(case.run.network, movement)) == 2
        assert text.count(movement.outpoint) == 2
        assert all(f"{step.txid}:{step.vout}" in text for step in movement.path)
        assert f"{movement.value:,} sat" in text
        assert movement.basis.address in text
    assert f"script {case.movements[3].script}" in text


def test_a_path_marks_this_movement_and_what_was_asked_about(made):
    one = made.movement(0, steps=4)
    asked = one.path[0].address
    run = made.run_info(subjects=(asked, f"{one.path[1].txid}:{one.path[1].vout}"))
    text = "".join(Page(pack_page(run, Pack("A", "a", (one,), ()), [])).text)
    marks = ("asked about", "asked about", None, "this movement")
    for step, mark in zip(one.path, marks, strict=True):
        (after,) = re.findall(f"{step.txid}:{step.vout}( · [a-z ]+)?2024", text)
        assert after == (f" · {mark}" if mark else "")


def test_the_first_words_say_what_is_asked_and_of_whom(made):
    movements = tuple(made.movement(n, steps=1) for n in (0, 1, 2))
    pack = Pack("Exchange A", "exchange-a", movements, ("exchange",))
    text = "".join(Page(pack_page(made.run_info(), pack, [])).text)
    start = text.index("We ask")
    assert text[start:].startswith(
        "We ask Exchange A to name the holder of the account behind each of 3 movements "
        "(2 deposits to you and 1 withdrawal from you): outputs worth "
        f"{btc(sum(m.value for m in movements))} BTC, between 2024-01-01 00:00:00 UTC and "
        "2024-01-01 04:19:14 UTC."
    )


def test_limits_are_those_of_the_inferences_used(made):
    own = made.movement(0, steps=1)
    text = "".join(Page(pack_page(made.run_info(), Pack("A", "a", (own,), ()), [])).text)
    assert INFERENCES["direct"].shows_not in text
    assert INFERENCES["own_label"].shows_not in text
    assert INFERENCES["path"].shows_not not in text
    assert INFERENCES["inherited_label"].shows_not not in text
    assert ALTERNATIVES["reassigned"].text in text
    assert all(note.text in text for note in ALWAYS)


def test_the_rest_is_printed_to_the_satoshi(case, hostile_pack):
    text = "".join(Page(pack_page(case.run, hostile_pack, case.walks)).text)
    for walk in case.walks:
        for value in (walk.total, walk.unspent, walk.coinjoin, walk.capped, walk.fees):
            assert f"{btc(value)}{value:,}" in text


def test_a_long_list_of_subjects_leaves_the_first_screen_and_loses_none(made):
    subjects = tuple(f"bcrt1qmadeup{n:04d}" for n in range(300))
    run = made.run_info(subjects=subjects)
    text = "".join(Page(index_page(run, [], [])).text)
    assert "Asked about: 300 addresses or outputs, listed at the end." in text
    assert all(subject in text for subject in subjects)


def test_a_pack_names_no_other_exchange(made):
    mine = made.movement(0, entity="Exchange A")
    walks = made.walks_for([mine, made.movement(2, entity="Exchange B")])
    page = pack_page(made.run_info(), Pack("Exchange A", "exchange-a", (mine,), ()), walks)
    assert b"Exchange B" not in page


def test_a_pack_tells_of_no_subject_that_its_paths_do_not_touch(made):
    mine, other = made.movement(0), made.movement(2)
    run = made.run_info(subjects=(mine.path[0].address, other.path[0].address))
    pack = Pack("Exchange A", "exchange-a", (mine,), ())
    text = "".join(Page(pack_page(run, pack, [])).text)
    assert "Asked about, 1 on the paths below, out of 2 addresses or outputs:" in text
    assert run.subjects[0] in text
    assert run.subjects[1] not in text
    record = pack_record(run, pack, [])
    assert record["run"]["subjects"] == [run.subjects[0]]
    assert record["run"]["subjects_in_run"] == 2


def test_nothing_found_is_not_called_nothing_there(case):
    text = "".join(Page(index_page(case.run, [], case.walks)).text)
    assert "That is no statement about money that was not followed" in text


def luminance(colour):
    """Return relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_is_readable_on_its_ground_and_layers_differ():
    schemes = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    assert len(schemes) == 3
    for scheme in schemes:
        colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", scheme))
        inks = {name: colours[name] for name in ("observed", "inferred", "attributed", "lead")}
        assert len(set(inks.values())) == 4
        for ink in (*inks.values(), colours["text"], colours["quiet"]):
            for ground in (colours["ground"], colours["panel"]):
                light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5
