from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from clewline.reports.markup import Html, element, join
from clewline.reports.sheet import visible


class Read(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


@given(st.text(), st.text())
def test_text_stays_text(body, attribute):
    parser = Read()
    parser.feed(element("p", body, title=attribute))
    parser.close()
    assert parser.tags == [("p", [("title", visible(attribute))])]
    assert parser.text == visible(body)


def test_html_is_escaped_once():
    inner = element("b", "&")
    assert element("p", inner) == "<p><b>&amp;</b></p>"
    assert join("<", inner, Html("<br>")) == "&lt;<b>&amp;</b><br>"


def test_void_elements_have_no_end():
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
