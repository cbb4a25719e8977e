"""Behind an invitee's personal link. Looking changes nothing; a link that does not work tells nothing."""

from typing import Any

from flask import Blueprint, Response, flash, g, make_response, render_template, request

from webapp.extensions import csrf, db
from webapp.lifecycle import links, transaction
from webapp.lifecycle.errors import Conflict, Invalid
from webapp.lifecycle.polls import answering
from webapp.queries import poll_invitee
from webapp.queries.poll_invitee import Invitation
from webapp.ui.forms import PublicForm
from webapp.ui.guards import public
from webapp.ui.htmx import go
from webapp.ui.invitees.forms import InviteeForm, votes_of
from webapp.vocabulary import Answer, PollStatus, Status

bp = Blueprint("invitees", __name__)

ANSWERS = {"accept": Answer.ACCEPTED, "decline": Answer.DECLINED}


@bp.route("/i/<token>", methods=["GET", "POST"])
@public
@csrf.exempt  # the form checks the token itself and is shown again, ready to be sent, when it is stale
def reply(token: str) -> Response:
    seen = _invitation(token)
    if seen is None:
        return _private(make_response(render_template("links/gone.html", me=None), 404))
    form = InviteeForm.showing(seen)
    if not form.accepted():
        return _private(_page(form, seen))
    return _private(_act(token, form, seen))


def _invitation(token: str) -> Invitation | None:
    """What the link opens; one look-up by hash whatever is wrong with it."""
    link = links.resolve(db.session(), token=token, now=g.now)
    if link is None or link.poll_invitee_id is None:
        return None
    return poll_invitee.invitation(db.session(), firm_id=link.firm_id, poll_invitee_id=link.poll_invitee_id)


def _act(token: str, form: InviteeForm, seen: Invitation) -> Response:
    """Do what the button says, then show the page anew; refused with what has become of the poll."""
    try:
        said = transaction.run(db.session(), lambda: _effect(form, seen))
    except Invalid as error:
        form.refuse(error)
        return _page(form, seen)
    except Conflict as error:
        now_seen = _invitation(token) or seen
        return _page(InviteeForm.showing(now_seen, formdata=None), now_seen, refused=error.sentence)
    if said:
        flash(said, "success")
        return go(f"/i/{token}")
    return _page(form, _invitation(token) or seen)


def _effect(form: InviteeForm, seen: Invitation) -> str:
    """The sentence to say on the next page; none after a change of zone, which keeps what was chosen."""
    who: dict[str, Any] = {"firm_id": seen.firm_id, "poll_invitee_id": seen.poll_invitee_id}
    step = form.step.data or ""
    if step == "zone":
        answering.choose_zone(db.session(), timezone=form.timezone.data or "", **who)
        return ""
    if step in ANSWERS:
        answering.answer(db.session(), poll_slot_id=form.slot_id(), given=ANSWERS[step], now=g.now, **who)
        return "Thank you, you accepted." if step == "accept" else "Thank you, you declined."
    answering.vote(
        db.session(),
        votes=votes_of(request.form.to_dict()),
        comment=form.comment.data or "",
        now=g.now,
        **who,
    )
    return "Thank you, your reply is saved. You can change it until the deadline."


def _page(form: PublicForm, seen: Invitation, refused: str = "") -> Response:
    chosen = {slot_id: vote.value for slot_id, vote in seen.votes.items()}
    if request.method == "POST" and not refused:
        chosen |= {
            slot.poll_slot_id: request.form[f"vote-{slot.poll_slot_id}"]
            for slot in seen.slots
            if f"vote-{slot.poll_slot_id}" in request.form
        }
    shown = render_template(
        "invitees/page.html",
        me=None,
        firm_name=seen.firm_name,
        form=form,
        form_errors=form.errors_list(),
        poll=seen,
        local=seen.local,
        chosen=chosen,
        refused=refused,
        can_vote=seen.can_vote(g.now),
        can_answer=seen.can_answer(g.now),
        outcome=_outcome(seen),
    )
    return make_response(shown, 409 if refused else form.status)


def _outcome(seen: Invitation) -> str:
    """How it stands, in one calm sentence; empty while there is something to do."""
    if seen.can_vote(g.now) or seen.can_answer(g.now):
        return ""
    if seen.status is PollStatus.OPEN:
        return f"Voting has closed. {seen.firm_name} chooses a time and writes to you."
    if seen.status is PollStatus.HELD:
        return f"The time for answers has passed. {seen.firm_name} writes to you."
    if seen.status is PollStatus.TIMED_OUT:
        return "Not everybody could confirm in time, so no time was fixed. There is nothing to do."
    if seen.status is PollStatus.CANCELLED or seen.start_time is None or seen.end_time is None:
        return "The meeting was called off. There is nothing to do."
    if seen.appointment_status is Status.CANCELLED:
        return "The meeting was called off. There is nothing to do."
    local = seen.local
    day, span = local.full_day(local.day_of(seen.start_time)), local.range(seen.start_time, seen.end_time)
    verb = "is" if seen.end_time > g.now else "was"
    return f"The meeting {verb} on {day}, {span} ({local.city()})."


def _private(response: Response) -> Response:
    """The address is a secret: no page it leads to learns it, and no search engine keeps it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
