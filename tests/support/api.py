"""A program that calls the JSON API with a token of its own."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import World
from webapp.lifecycle import tokens
from webapp.models import StaffUser
from webapp.vocabulary import Scope

API = "/api/v1"


def token_of(
    session: Session, world: World, user: StaffUser | None = None, *, scopes: Collection[Scope] = Scope
) -> str:
    """A token ``Website`` of the firm that acts for somebody (Lena unless named), committed."""
    _token, text = tokens.make(
        session,
        actor=world.acting(world.owner),
        name="Website",
        scopes=set(scopes),
        staff_user_id=(user or world.staff).staff_user_id,
        now=world.now,
    )
    session.commit()
    return text


@dataclass
class Program:
    """Calls addresses below ``/api/v1``; ``token`` empty calls without one."""

    client: FlaskClient
    token: str

    def call(self, method: str, path: str, json: Any = None, **headers: str) -> TestResponse:
        """Header names as keywords: ``If_Match='"7"'``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        address = path if path.startswith(API) else API + path
        more = {} if json is None else {"json": json}
        return self.client.open(address, method=method, headers=sent, **more)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, json: Any, **headers: str) -> TestResponse:
        return self.call("POST", path, json, **headers)

    def patch(self, path: str, json: Any, **headers: str) -> TestResponse:
        return self.call("PATCH", path, json, **headers)

    def pages(self, path: str, key: str) -> list[list[dict[str, Any]]]:
        """The list's pages, each what ``key`` holds, up to the one whose ``next`` is null."""
        found = []
        following: str | None = path
        while following:
            answer = self.get(following)
            assert answer.status_code == 200, answer.get_data(as_text=True)
            found.append(answer.json[key])
            following = answer.json["next"]
        return found


def fields(answer: TestResponse) -> list[str]:
    """Which fields a problem names."""
    return [error["field"] for error in answer.json["errors"]]


def without(scope: Scope) -> set[Scope]:
    """Every scope but one."""
    return set(Scope) - {scope}
