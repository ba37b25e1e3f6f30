"""API tokens: some of one's own actions, until a day, kept as a hash."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from tests.desk.conftest import World

from clewline.desk.accounts import services
from clewline.desk.accounts.models import ApiToken
from clewline.errors import UsageError


def test_a_token_lets_in_until_it_expires(world: World) -> None:
    token = services.new_token(world.person("analyst"), "import", ["sighting.record"], 5)
    found = services.find_token(token)
    assert found is not None
    assert (found.user, found.scopes) == (world.person("analyst"), ["sighting.record"])
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert services.find_token(token) is None


def test_a_revoked_or_foreign_token_lets_nobody_in(world: World) -> None:
    token = services.new_token(world.person("analyst"), "import", ["sighting.record"], 5)
    services.revoke(ApiToken.objects.get())
    assert services.find_token(token) is None
    assert services.find_token("clw_" + "x" * 43) is None


def test_who_is_locked_out_has_no_token(world: World) -> None:
    token = services.new_token(world.person("analyst"), "import", ["sighting.record"], 5)
    services.set_active(world.person("analyst"), active=False)
    assert services.find_token(token) is None


@pytest.mark.parametrize("scopes", [[], ["people.change"], ["no.such"], ["sighting.record", "x"]])
def test_a_token_does_no_more_than_its_owner(world: World, scopes: list[str]) -> None:
    with pytest.raises(UsageError):
        services.new_token(world.person("analyst"), "import", scopes, 5)


def test_the_token_itself_is_nowhere(world: World) -> None:
    client = world.client(world.person("analyst"))
    answer = client.post(
        "/account/tokens/", {"name": "import", "days": "5", "scopes": ["sighting.record"]}
    )
    token = answer.context["token"]
    assert token.startswith("clw_") and token in answer.content.decode()
    assert token not in client.get("/account/").content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apitoken")
        assert token not in str(cursor.fetchall())


def test_a_token_of_others_cannot_be_revoked(world: World) -> None:
    services.new_token(world.person("analyst"), "import", ["sighting.record"], 5)
    token = ApiToken.objects.get()
    client = world.client(world.person("investigator"))
    assert client.post(f"/account/tokens/{token.id}/revoke/").status_code == 404
    assert ApiToken.objects.get().is_valid
