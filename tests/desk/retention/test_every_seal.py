"""Every sealed column has a class and something that erases it, whoever adds one."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from clewline import vocab
from clewline.desk.ledger import Sealed
from clewline.desk.retention import takes


def sealed() -> dict[str, set[str]]:
    """Return model → its sealed columns, as the models themselves say."""
    found: dict[str, set[str]] = {}
    for model in apps.get_models():
        names = {
            field.attname
            for field in model._meta.concrete_fields
            if field.attname.endswith("_sealed")
        }
        if issubclass(model, Sealed):
            assert {f"{name}_sealed" for name in model.SEALED} == names, model._meta.label
        if names:
            found[model._meta.label] = names
    return found


def test_each_sealed_column_is_erased_with_a_record_of_a_class() -> None:
    owner = {label: kind for kind in takes.KINDS for label in takes.belongings(kind)}
    for label, names in sealed().items():
        if label in takes.ELSEWHERE:
            continue
        assert names <= set(takes.TAKEN.get(label, ())), f"{label}: say in retention/takes.py"
        assert label in owner, f"{label}: no kind of takes.KINDS erases it"
    classes = set(vocab.retention_classes())
    assert all(kind.retention_class in classes | {""} for kind in takes.KINDS)
    # Nothing is named that no run and no person would ever erase.
    assert set(takes.TAKEN) == set(owner)
    assert set(takes.ELSEWHERE) <= set(sealed())


def test_every_way_leads_to_a_record_with_a_key() -> None:
    for label in takes.TAKEN:
        model: Any = apps.get_model(label)
        for step in takes.key_path(label).split("__")[:-1]:
            model = model._meta.get_field(step).related_model
        assert issubclass(model, Sealed), label
