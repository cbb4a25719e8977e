"""The Flask extensions, unbound; the app factory binds them."""

from typing import Any

from flask import has_request_context
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


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "class_": FirmSession})
migrate = Migrate()
csrf = CSRFProtect()
compress = Compress()
