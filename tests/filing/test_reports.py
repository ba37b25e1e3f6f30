"""Drafts for FinCEN and goAML: facts read strictly, key terms, an FIU's schema with its faults."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from tests.filing.made import FACTS, PROFILE, SCHEMA, write
from typer.testing import CliRunner

from clewline.cli import app
from clewline.errors import DataError, UsageError
from clewline.filing.facts import read_facts
from clewline.filing.goaml import draft, read_profile
from clewline.filing.narrative import ALTERNATIVES, DRAFT, LONGEST, narrative, package
from clewline.filing.schema import load, xsd_pattern
from clewline.filing.terms import TERMS, misspelt


def transfer(**changes: Any) -> list[dict[str, Any]]:
    return [FACTS["transfers"][0] | changes]


def test_the_narrative_holds_what_an_authority_searches_for(tmp_path: Path) -> None:
    facts = read_facts(write(tmp_path)[0])
    text = narrative(facts, TERMS["ocse"])
    assert text.startswith(DRAFT)
    # The strings that FIN-2021-NTC3 asks for, to the letter.
    files = package(facts, TERMS["ocse"])
    fields = json.loads(files["fields.json"])
    assert "\nOCSE-FIN-2021-NTC3\n" in text
    assert fields["2_filing_institution_note_to_fincen"] == "OCSE-FIN-2021-NTC3"
    assert fields["38_z_other_suspicious_activity"] == "OCSE"
    assert fields["spelling"] == []
    assert "0.50123 BTC, 20051.30 XTS" in text
    assert "1 of these went to an address that a source says the operator controls" in text
    assert all(sentence in text for sentence in ALTERNATIVES)
    assert "[TO FILL IN]" in text
    assert not re.search(r"guilty|criminal|offender|perpetrator", text, re.IGNORECASE)


def test_sums_and_rates_keep_all_digits(tmp_path: Path) -> None:
    """More digits than a decimal has by default, and a rate of a thousand to a wei."""
    large, small = "12345678901234567890.123456789012345678", "0.000000000000000001"
    worth = {"fiat_amount": "1000", "asset": "ETH"}
    both = [
        *transfer(amount=large, **worth),
        *transfer(amount=small, reference="W-9", **worth),
    ]
    facts_file, profile, schema = write(tmp_path, transfers=both)
    facts = read_facts(facts_file)
    assert "12345678901234567890.123456789012345679 ETH" in narrative(facts, TERMS["ocse"])
    made = draft(facts, read_profile(profile), load(schema), day="2026-03-01")
    assert b"<foreign_exchange_rate>1000000000000000000000.00000000<" in made.document


def test_a_mention_is_never_called_a_payment(tmp_path: Path) -> None:
    file, *_ = write(tmp_path, transfers=transfer(standing="mention"))
    text = narrative(read_facts(file), TERMS["ocse"])
    assert "this is a lead, not a payment for anything" in text
    assert "an address that a source says the operator controls" not in text


def test_the_package_is_complete_and_repeats(tmp_path: Path) -> None:
    facts = read_facts(write(tmp_path)[0])
    files = package(facts, TERMS["sextortion"])
    assert files == package(facts, TERMS["sextortion"])
    manifest = json.loads(files["manifest.json"])
    assert manifest["draft"] is True
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    assert b",'=HYPERLINK(1)," in files["transfers.csv"]
    assert b"indirect,mention,from_customer,BTC,1,0.5,3" in files["exposure.csv"]
    assert "FIN-2025-SEXTORTION" in files["narrative.txt"].decode()


def test_a_narrative_that_is_too_long_is_refused_not_shortened(tmp_path: Path) -> None:
    file, *_ = write(tmp_path, known=["x" * 3_999] * 6)
    with pytest.raises(DataError, match=f"the form takes {LONGEST}"):
        narrative(read_facts(file), TERMS["ocse"])


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("OCSE-FIN-2021-NTC8", "OCSE-FIN-2021-NTC3"),
        ("ocse-fin-2021-ntc3", "OCSE-FIN-2021-NTC3"),
        ("FIN-2025-SEXTORSION", "FIN-2025-SEXTORTION"),
    ],
)
def test_misspelt_terms_are_found(wrong: str, meant: str) -> None:
    assert list(misspelt(f"Key term {wrong}, see above.")) == [(wrong, meant)]
    assert not list(misspelt(f"Key term {meant} of notice FIN-2021-NTC3."))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"surprise": 1}, "no key 'surprise'"),
        ({"role": "guilty"}, "role: 'guilty' is none of"),
        ({"reviewed_by": ["R-1", "R-1"]}, "two different people"),
        ({"reviewed_by": ["R-1", " r-1", ""]}, "two different people"),
        ({"institution": {"name": "a\u0000b"}}, "institution: holds characters"),
        ({"customer_details": {"a": [{"b": "\ud800"}]}}, "customer_details: holds characters"),
        ({"transfers": transfer(time="20260201T100000Z")}, "no time such as"),
        ({"transfers": []}, "at least one"),
        ({"transfers": transfer(amount="1e3")}, "no decimal number"),
        ({"transfers": transfer(amount=1)}, "transfer 1, amount: is no str"),
        ({"transfers": transfer(time="2026-02-01T10:00:00")}, "not in UTC"),
        ({"transfers": transfer(time="2026-02-01T10:00:00+02:00")}, "not in UTC"),
        ({"transfers": transfer(txid="zz")}, "no transaction id"),
        ({"transfers": transfer(hops=2)}, "hops: is 1 where the link is direct"),
        ({"transfers": transfer(rate_source="")}, "needs fiat_currency and rate_source"),
        ({"transfers": transfer() * 2}, "stands there twice"),
        ({"institution": {}}, "institution: has a name"),
        ({"list_as_of": "today"}, "is a day"),
        ({"method": "a\u0000b"}, "do not print"),
        ({"method": None}, "method: is no str"),
    ],
)
def test_facts_that_cannot_be_are_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    file, *_ = write(tmp_path, **changes)
    with pytest.raises(DataError, match=re.escape(what)):
        read_facts(file)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"alert":1,"alert":2}', '{"transfers":[{"amount":1.5}]}', "[" * 100_000]
)
def test_json_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "facts.json"
    file.write_text(text)
    with pytest.raises(DataError, match=r"facts\.json"):
        read_facts(file)
    with pytest.raises(UsageError, match="cannot be read"):
        read_facts(tmp_path / "none.json")


def test_a_goaml_draft_is_valid_under_the_repaired_schema_alone(tmp_path: Path) -> None:
    facts, profile, schema = write(tmp_path)
    loaded = load(schema)
    assert [(one.before, one.after) for one in loaded.repairs] == [
        ("^[A-Z]{3,5}$", "[A-Z]{3,5}"),
        ("^[a-zA-Z0-9-+ .()]*$", r"[a-zA-Z0-9\-+ .()]*"),
    ]
    assert loaded.original == SCHEMA.encode()
    made = draft(read_facts(facts), read_profile(profile), loaded, day="2026-02-06")
    assert made.problems == ()
    assert made.unplaced == ()
    # As it came, the schema finds every report invalid: its anchors are letters.
    assert not etree.XMLSchema(etree.fromstring(loaded.original)).validate(
        etree.fromstring(made.document)
    )
    tree = etree.fromstring(made.document)
    assert [node.tag for node in tree][:3] == ["rentity_id", "submission_code", "report_code"]
    first = tree.find("transaction")
    assert first.find("t_from_my_client/from_account/account").text == "C-204"
    assert first.find("t_to/to_account/account").text == FACTS["transfers"][0]["address"]
    assert first.find("amount_local").text == "51.30"
    assert first.find("t_to/to_foreign_currency/foreign_currency_code").text == "XBT"
    assert tree.find("report_indicators/indicator").text == "TEST1"


def test_what_xml_cannot_hold_is_refused_with_its_place(tmp_path: Path) -> None:
    facts, profile, schema = write(tmp_path)
    profile.write_text(PROFILE.replace("account: C-204", r'account: "C\x01"'))
    with pytest.raises(DataError, match="from_account/account: holds a character"):
        draft(read_facts(facts), read_profile(profile), load(schema), day="2026-03-01")


def test_what_is_missing_or_has_no_place_is_said(tmp_path: Path) -> None:
    facts, profile, schema = write(tmp_path, customer_details={"shoe_size": "43"})
    profile.write_text(PROFILE.replace("rentity_id: 7", "rentity_id: 7\nrentity_branch: Main"))
    schema.write_text(SCHEMA.replace('name="reason"', 'name="reasons"'))
    made = draft(read_facts(facts), read_profile(profile), load(schema), day="2026-02-06")
    assert "report/rentity_branch" in made.unplaced
    assert "report/reason" in made.unplaced
    assert "report/transaction/t_from_my_client/from_account/shoe_size" in made.unplaced
    assert any("Expected is ( reasons )" in problem for problem in made.problems)


def test_values_and_codes_that_are_missing_stop_a_draft(tmp_path: Path) -> None:
    facts, profile, schema = write(tmp_path, transfers=transfer(fiat_currency="EUR"))
    with pytest.raises(DataError, match="transfer W-1: has no value in XTS"):
        draft(read_facts(facts), read_profile(profile), load(schema), day="2026-02-06")
    facts, profile, schema = write(tmp_path, indicators=["CSAM1"])
    with pytest.raises(DataError, match="no code for 'CSAM1'; there are: listed"):
        draft(read_facts(facts), read_profile(profile), load(schema), day="2026-02-06")


def test_money_that_came_in_stands_on_the_other_side(tmp_path: Path) -> None:
    facts, profile, schema = write(tmp_path, transfers=transfer(direction="to_customer"))
    made = draft(read_facts(facts), read_profile(profile), load(schema), day="2026-02-06")
    assert made.problems == ()
    one = etree.fromstring(made.document).find("transaction")
    assert one.find("t_to_my_client/to_account/account").text == "C-204"
    assert one.find("t_from/from_account/account").text == FACTS["transfers"][0]["address"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<a/>", "is no XML schema"),
        ("<xs:schema", "is no XML"),
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">&e;</xs:schema>',
            "document type",
        ),
        (
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
            '<xs:include schemaLocation="http://example.invalid/x.xsd"/></xs:schema>',
            "nothing is fetched",
        ),
        (
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
            '<xs:element name="report" type="none"/></xs:schema>',
            "does not compile",
        ),
    ],
)
def test_schemas_that_are_none_are_refused(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "x.xsd"
    file.write_text(text)
    with pytest.raises(DataError, match=what):
        load(file)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a", "is no mapping"),
        ("a: [", "is no YAML"),
        (PROFILE + "more: 1\n", "no key 'more'"),
        (PROFILE.replace("country: ZZ\n", ""), "country: is missing"),
        (PROFILE.replace("rentity_id: 7", "rentity_id: seven"), "rentity_id: is no int"),
        ("a: &x 1\nb: *x\n", "anchors"),
    ],
)
def test_profiles_that_are_none_are_refused(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "profile.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match=what):
        read_profile(file)


@given(st.text("abc^$|()[]-+\\09", max_size=12))
def test_a_pattern_is_repaired_once_and_for_all(pattern: str) -> None:
    once = xsd_pattern(pattern)
    assert xsd_pattern(once) == once


@given(
    st.lists(st.sampled_from(["[a-c]", "x", r"\^", r"\$", "(a|b)", "[0-9]{2}", "."]), max_size=6)
)
def test_a_pattern_of_xsd_is_left_alone(parts: list[str]) -> None:
    assert xsd_pattern("".join(parts)) == "".join(parts)
    anchored = "^" + "".join(parts) + "$"
    assert xsd_pattern(anchored) == "".join(parts)


def test_the_commands_write_drafts(tmp_path: Path) -> None:
    run = CliRunner()
    facts, profile, schema = (str(file) for file in write(tmp_path))
    result = run.invoke(app, ["filing", "fincen", facts, "--out", str(tmp_path / "fincen")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "fincen" / "narrative.txt").read_text().startswith("DRAFT")
    words = ["filing", "goaml", facts, "--schema", schema, "--profile", profile, "--out"]
    result = run.invoke(app, [*words, str(tmp_path / "goaml")])
    assert result.exit_code == 0, result.output
    names = sorted(file.name for file in (tmp_path / "goaml").iterdir())
    assert names == ["fiu.xsd", "repaired-fiu.xsd", "report.xml"]
    assert isinstance(run.invoke(app, [*words, str(tmp_path / "goaml")]).exception, UsageError)
    Path(schema).write_text(SCHEMA.replace('name="reason"', 'name="reasons"'))
    result = run.invoke(app, [*words, str(tmp_path / "invalid")])
    assert result.exit_code == 1
