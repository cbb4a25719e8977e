"""Types, staff, and when they are free."""

from dataclasses import asdict
from datetime import timedelta

from webapp.api.operations import Answer, Call, operation
from webapp.api.shapes import Named
from webapp.api.shapes.team import (
    FreeDay,
    FreeSlotsOut,
    FreeSlotsQuery,
    StaffOut,
    TeamOut,
    TypeOut,
    TypesOut,
)
from webapp.lifecycle import slots
from webapp.lifecycle.errors import Invalid
from webapp.localtime import LAST_DATE
from webapp.queries import staff_records, types
from webapp.queries.staff_records import Wanted
from webapp.vocabulary import Scope

TAG = "Staff, types and free time"


@operation(
    "GET", "/types", scope=Scope.APPOINTMENTS_READ, answer=TypesOut, tag=TAG, summary="List appointment types"
)
def list_types(call: Call) -> Answer:
    """All of them: a firm has few."""
    found = types.all_types(call.session, firm_id=call.firm_id)
    return Answer(TypesOut(types=[TypeOut(**asdict(each)) for each in found]))


@operation("GET", "/staff", scope=Scope.APPOINTMENTS_READ, answer=TeamOut, tag=TAG, summary="List the staff")
def list_staff(call: Call) -> Answer:
    """All of them: a firm has few."""
    found = staff_records.everybody(call.session, firm_id=call.firm_id)
    return Answer(TeamOut(staff=[StaffOut(**asdict(each)) for each in found]))


@operation(
    "GET",
    "/free-slots",
    scope=Scope.APPOINTMENTS_READ,
    answer=FreeSlotsOut,
    query=FreeSlotsQuery,
    tag=TAG,
    summary="Find free time",
)
def list_free_slots(call: Call, query: FreeSlotsQuery) -> Answer:
    """On the firm's grid, and ahead. Only a hint: who books first has it."""
    if (query.appointment_type_id is None) == (query.minutes is None):
        raise Invalid("Send either appointment_type_id or minutes.", field="minutes")
    if query.from_ + timedelta(days=query.days - 1) > LAST_DATE:
        raise Invalid("The calendar ends with 2100. Send fewer days.", field="days")
    whose = _whose(call, query)
    minutes = query.minutes or whose.minutes or 0
    found = slots.offers(
        call.session,
        firm=call.caller.firm,
        staff_user_id=query.staff_user_id,
        first=query.from_,
        days=query.days,
        minutes=minutes,
        now=call.now,
    )
    shown = FreeSlotsOut(
        staff_user=Named(id=query.staff_user_id, name=whose.name),
        zone=call.caller.firm.timezone,
        minutes=minutes,
        days=[FreeDay(day=each.day, starts=list(each.starts)) for each in found],
    )
    return Answer(shown)


def _whose(call: Call, query: FreeSlotsQuery) -> Wanted:
    whose = staff_records.wanted(
        call.session,
        firm_id=call.firm_id,
        staff_user_id=query.staff_user_id,
        appointment_type_id=query.appointment_type_id,
    )
    if whose is None:
        raise Invalid("Nobody of this number takes appointments. See /staff.", field="staff_user_id")
    if query.appointment_type_id is not None and whose.minutes is None:
        raise Invalid("No type of this number is booked. See /types.", field="appointment_type_id")
    return whose
