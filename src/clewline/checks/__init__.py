"""A service that an exchange asks before a withdrawal and after a deposit.

`register` keeps what was registered and its alerts, `judging` screens it in small batches, `shapes`
says what requests and answers look like, `application` is the web. docs/CHECKS.md says what for.
"""
