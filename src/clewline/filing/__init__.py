"""What an exchange keeps and drafts after a hit was reviewed: outcomes, and drafts of reports.

`outcomes` is the ledger of what was done with an account; `facts` what a report is made of,
`narrative` and `goaml` the drafts, `schema` an FIU's own XSD. Nothing here sends anything: a report
is filed by a person who read it.
"""
