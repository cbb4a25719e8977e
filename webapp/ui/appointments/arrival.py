"""Arrived, and not arrived after all: the front desk's own fact of attendance."""

from flask import Response, g, request

from webapp.extensions import db
from webapp.lifecycle import attendance, transaction
from webapp.ui.appointments import answers
from webapp.ui.appointments.taking import load
from webapp.ui.guards import me, requires
from webapp.vocabulary import AttendanceSide, AttendanceSource, Permission


@requires(Permission.ACT)
def arrive(appointment_id: int) -> Response:
    """POST says that the client is here; with ``undo`` it takes that back."""
    undo = request.values.get("undo") == "1"

    def work() -> str:
        actor, appointment = me().actor, load(appointment_id)
        if undo:
            attendance.withdraw(db.session(), appointment, actor=actor, side=AttendanceSide.CLIENT, now=g.now)
            return f"Taken back: {appointment.client_name} has not arrived."
        attendance.record(
            db.session(),
            appointment,
            actor=actor,
            side=AttendanceSide.CLIENT,
            source=AttendanceSource.FRONT_DESK,
            joined_at=g.now,
            now=g.now,
        )
        return f"{appointment.client_name} has arrived."

    return answers.done(appointment_id, transaction.run(db.session(), work))
