"""Made-up facts, profile and schema. The schema is our own, with the faults that real ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FACTS: dict[str, Any] = {
    "alert": "A-17",
    "customer": "C-204",
    "role": "paid",
    "institution": {"name": "Example Exchange (made up)"},
    "transfers": [
        {
            "reference": "W-1",
            "time": "2026-02-01T10:00:00+00:00",
            "asset": "BTC",
            "amount": "0.00123",
            "direction": "from_customer",
            "address": "1BitcoinEaterAddressDontSendf59kuE",
            "link": "direct",
            "standing": "control",
            "txid": "ab" * 32,
            "output": 1,
            "fiat_amount": "51.30",
            "fiat_currency": "XTS",
            "rate_source": "example rates, close of day",
        },
        {
            "reference": "W-2",
            "time": "2026-02-03T10:00:00+00:00",
            "asset": "BTC",
            "amount": "0.5",
            "direction": "from_customer",
            "address": "=HYPERLINK(1)",
            "link": "indirect",
            "standing": "mention",
            "hops": 3,
            "fiat_amount": "20000",
            "fiat_currency": "XTS",
            "rate_source": "example rates, close of day",
        },
    ],
    "list_version": "9f2c",
    "list_issuer": "Example Hotline (made up)",
    "list_as_of": "2026-02-05",
    "method": "Screened with Clewline, direct links and exposure.",
    "reviewed_by": ["R-1", "R-2"],
    "review_reason": "Repeated equal payments to one listed address.",
    "indicators": ["listed"],
}

PROFILE = """\
source: made up for tests
rentity_id: 7
report_code: STR
currency_code_local: XTS
country: ZZ
funds_code: CRPTC
transmode_code: DAWLT
currencies: {BTC: XBT}
indicators: {listed: TEST1}
customer_account: {institution_name: Example Exchange, account: C-204, personal_account_type: CRYWT}
wallet_account: {institution_name: not known, personal_account_type: CRYWT}
"""

_SIDE = """
  <xs:complexType name="{0}_side">
    <xs:sequence>
      <xs:element name="{0}_funds_code" type="xs:string"/>
      <xs:element name="{0}_transaction_additional_info" minOccurs="0">
        <xs:complexType><xs:sequence>
          <xs:element name="virtual_address" type="xs:string"/>
        </xs:sequence></xs:complexType>
      </xs:element>
      <xs:element name="{0}_foreign_currency" type="money" minOccurs="0"/>
      <xs:choice>
        <xs:element name="{0}_account" type="account"/>
        <xs:element name="{0}_person" type="xs:string"/>
      </xs:choice>
      <xs:element name="{0}_country" type="xs:string"/>
    </xs:sequence>
  </xs:complexType>
"""

SCHEMA = f"""<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="report">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="rentity_id" type="xs:int"/>
        <xs:element name="submission_code" type="xs:string"/>
        <xs:element name="report_code" type="code"/>
        <xs:element name="entity_reference" type="xs:string"/>
        <xs:element name="submission_date" type="xs:dateTime"/>
        <xs:element name="currency_code_local" type="code"/>
        <xs:element name="reason" type="xs:string"/>
        <xs:element name="transaction" maxOccurs="unbounded">
          <xs:complexType>
            <xs:sequence>
              <xs:element name="transactionnumber" type="xs:string"/>
              <xs:element name="internal_ref_number" type="xs:string" minOccurs="0"/>
              <xs:element name="transaction_location" type="name"/>
              <xs:element name="transaction_description" type="xs:string"/>
              <xs:element name="date_transaction" type="xs:dateTime"/>
              <xs:element name="transmode_code" type="code"/>
              <xs:element name="amount_local" type="xs:decimal"/>
              <xs:choice>
                <xs:element name="t_from_my_client" type="from_side"/>
                <xs:element name="t_from" type="from_side"/>
              </xs:choice>
              <xs:choice>
                <xs:element name="t_to_my_client" type="to_side"/>
                <xs:element name="t_to" type="to_side"/>
              </xs:choice>
            </xs:sequence>
          </xs:complexType>
        </xs:element>
        <xs:element name="report_indicators" minOccurs="0">
          <xs:complexType><xs:sequence>
            <xs:element name="indicator" type="xs:string" maxOccurs="unbounded"/>
          </xs:sequence></xs:complexType>
        </xs:element>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
  <xs:complexType name="account">
    <xs:complexContent><xs:extension base="institution"><xs:sequence>
      <xs:element name="account" type="xs:string"/>
      <xs:element name="currency_code" type="xs:string"/>
      <xs:element name="personal_account_type" type="xs:string" minOccurs="0"/>
    </xs:sequence></xs:extension></xs:complexContent>
  </xs:complexType>
  <xs:complexType name="institution">
    <xs:sequence><xs:element name="institution_name" type="xs:string"/></xs:sequence>
  </xs:complexType>
  <xs:complexType name="money">
    <xs:sequence>
      <xs:element name="foreign_currency_code" type="xs:string"/>
      <xs:element name="foreign_amount" type="xs:decimal"/>
      <xs:element name="foreign_exchange_rate" type="xs:decimal"/>
    </xs:sequence>
  </xs:complexType>
  {_SIDE.format("from")}{_SIDE.format("to")}
  <xs:simpleType name="code">
    <xs:restriction base="xs:string"><xs:pattern value="^[A-Z]{{3,5}}$"/></xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="name">
    <xs:restriction base="xs:string">
      <xs:pattern value="^[a-zA-Z0-9-+ .()]*$"/>
    </xs:restriction>
  </xs:simpleType>
</xs:schema>
"""


def write(directory: Path, **changes: Any) -> tuple[Path, Path, Path]:
    """Write facts, profile and schema; `changes` to the facts."""
    files = directory / "facts.json", directory / "profile.yaml", directory / "fiu.xsd"
    for file, text in zip(files, (json.dumps(FACTS | changes), PROFILE, SCHEMA), strict=True):
        file.write_text(text)
    return files
