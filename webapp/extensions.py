"""The Flask extensions, unbound; the app factory binds them."""

from typing import Any

from flask import Response, has_request_context, request
from flask_compress import Compress
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf import CSRFProtect

from webapp.models import Base, tenancy


class FirmSession(Session):
    """Within a request a session has no firm's rows until it is known who asks; a command has all firms'."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.info |= {} if has_request_context() else tenancy.EVERY_FIRM


class Compressing(Compress):
    """Packs pages; static files come packed, and a part of one must stay the part that was asked for."""

    def after_request(self, response: Response | None) -> Response:
        if response is not None and request.endpoint == "static":
            return response
        packed: Response = super().after_request(response)
        return packed


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "class_": FirmSession})
migrate = Migrate()
csrf = CSRFProtect()
compress = Compressing()
