"""An instant some minutes after a stored one, computed by the database and comparable with stored ones."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.models.base import UTCDateTime


class minutes_after(FunctionElement[datetime]):
    """``minutes_after(column, minutes)``. On SQLite exact to the millisecond."""

    inherit_cache = True
    name = "minutes_after"
    type = UTCDateTime()


@compiles(minutes_after, "postgresql")
def _postgresql(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    column, minutes = element.clauses
    return (
        f"({compiler.process(column, **more)} + make_interval(mins => {compiler.process(minutes, **more)}))"
    )


@compiles(minutes_after, "sqlite")
def _sqlite(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    column, minutes = element.clauses
    return (
        f"strftime('%Y-%m-%d %H:%M:%f000', {compiler.process(column, **more)}, "
        f"{compiler.process(minutes, **more)} || ' minutes')"
    )
