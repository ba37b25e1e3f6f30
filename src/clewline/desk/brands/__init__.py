"""Which pages are one brand and which brands one group: reasons, judgements, merged views."""
