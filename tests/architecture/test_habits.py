"""The habits that no linter knows. Every failure says how to mend it, and every rule is shown to bite."""

import ast

import pytest

from tests.support import habits, templates
from tests.support.habits import Module, Rule, modules

CORE = (
    "vocabulary.py",
    "clock.py",
    "config.py",
    "localtime.py",
    "models",
    "lifecycle",
    "queries",
    "delivery",
)
WEB = (
    "flask",
    "flask_sqlalchemy",
    "flask_wtf",
    "jinja2",
    "werkzeug",
    "wtforms",
    "webapp.extensions",
    "webapp.ui",
)


def broken(rule: Rule, among: list[Module]) -> list[str]:
    return [place for module in among for place in module.breaks(rule)]


def told(places: list[str], advice: str) -> str:
    return f"{advice}\n" + "\n".join(f"  {place}" for place in places)


def test_only_the_clock_reads_the_clock() -> None:
    places = broken(habits.reads_a_clock, modules("webapp", but="webapp/clock.py"))
    assert not places, told(
        places,
        "Take `now` as an argument; an entry point (a view, a command, the worker) calls webapp.clock.now().",
    )


def test_only_the_settings_read_the_environment() -> None:
    places = broken(habits.reads_the_environment, modules("webapp", but="webapp/config.py"))
    assert not places, told(
        places, "Add a field to webapp.config.Settings and read it in Settings.from_env()."
    )


def test_a_migration_knows_nothing_of_the_application() -> None:
    places = broken(habits.imports("webapp"), modules("migrations"))
    assert not places, told(
        places,
        "Write tables and values out with sa types: a migration must run against tomorrow's code too.",
    )


def test_the_pages_ask_queries_and_lifecycle_not_the_tables() -> None:
    places = broken(habits.imports("webapp.models", "sqlalchemy", "flask_sqlalchemy"), modules("webapp/ui"))
    assert not places, told(places, "Read through webapp.queries and write through webapp.lifecycle.")


def test_only_recording_assigns_a_status() -> None:
    places = broken(habits.assigns_a_status, modules("webapp", but="webapp/lifecycle/recording.py"))
    assert not places, told(
        places,
        "Call webapp.lifecycle.recording: it writes the stamp, the history and the outbox beside the status.",
    )


def test_nothing_below_the_web_imports_it() -> None:
    core = [module for layer in CORE for module in modules(f"webapp/{layer}")]
    letters = modules("webapp/delivery")  # mail has templates of its own
    places = broken(habits.imports(*WEB), [module for module in core if module not in letters])
    places += broken(habits.imports(*(name for name in WEB if name != "jinja2")), letters)
    assert not places, told(
        places, "Take plain values as arguments; what knows of requests lives in ui, api or app."
    )


def test_one_noun_of_the_pages_never_imports_another() -> None:
    nouns = {module.path.parent.name for module in modules("webapp/ui") if module.path.name == "views.py"}
    places = [
        place
        for noun in sorted(nouns)
        for place in broken(
            habits.imports(*(f"webapp.ui.{other}" for other in nouns - {noun})), modules(f"webapp/ui/{noun}")
        )
    ]
    assert not places, told(
        places,
        "Put what both need beside the packages (webapp/ui/<what>.py), or lower, into queries or lifecycle.",
    )


def test_no_module_is_too_long_to_read() -> None:
    lengths = {module.name: len(module.text.splitlines()) for module in modules("webapp")}
    long = [f"{name}: {lines} lines" for name, lines in lengths.items() if lines > habits.MAX_LINES]
    assert not long, told(long, f"Cut it along a seam: {habits.MAX_LINES} lines is the most.")


def test_templates_hold_nothing_the_policy_refuses() -> None:
    found = [fault for path in templates.all_templates() for fault in templates.faults_in(path)]
    assert not found, told(found, "Each line says how to mend it.")


def test_the_rules_look_at_something() -> None:
    assert modules("webapp")
    assert modules("migrations")
    assert templates.all_templates()


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (habits.reads_a_clock, "from datetime import datetime\ndatetime.now()"),
        (habits.reads_a_clock, "import datetime as dt\ndt.date.today()"),
        (habits.reads_a_clock, "import datetime\nstamp = field(default_factory=datetime.datetime.utcnow)"),
        (habits.reads_a_clock, "from time import time"),
        (habits.reads_the_environment, "import os\nos.environ['A']"),
        (habits.reads_the_environment, "from os import getenv"),
        (habits.imports("webapp"), "from webapp import models"),
        (habits.imports("webapp"), "def upgrade():\n    import webapp.vocabulary"),
        (habits.imports("webapp.models"), "from webapp import models"),
        (habits.assigns_a_status, "appointment.status = Status.DONE"),
        (habits.assigns_a_status, "Appointment(title='x', status=s)"),
        (habits.assigns_a_status, "row.appointment.status, n = a, b"),
        (habits.assigns_a_status, "setattr(appointment, 'status', s)"),
        (habits.assigns_a_status, "update(Appointment).where(x).values(version=2, status=s)"),
        (habits.assigns_a_status, "sa.update(appointment_table).values({'status': s})"),
        (habits.assigns_a_status, "session.query(Appointment).update({Appointment.status: s})"),
        (habits.assigns_a_status, "statement.values(status=s)"),
    ],
)
def test_a_rule_finds_what_it_forbids(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (habits.reads_a_clock, "from webapp import clock\nclock.now()"),
        (habits.reads_a_clock, "import time\ntime.monotonic()"),
        (habits.imports("webapp"), "import webapps"),
        (habits.assigns_a_status, "response.status = 'x'\nstatus = 1\nstatus: str"),
        (habits.assigns_a_status, "update(Poll).values(status=s)"),
        (habits.assigns_a_status, "insert(Appointment).values(status=s)"),
        (habits.assigns_a_status, "counts.update({'status': 1})\nparams.update(status='x')"),
        (habits.assigns_a_status, "if appointment.status == s: pass"),
    ],
)
def test_a_rule_leaves_the_rest_alone(rule: Rule, source: str) -> None:
    assert not list(rule(ast.parse(source)))


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ('<p {% if a > b %}class="x"{% endif %} style="color: red">', "style"),
        ("<style>p { color: red }</style>", "style"),
        ("<script>go()</script>", "script"),
        ('<script type="application/json">{}</script>', "script"),
        ('<button onclick="go()">', "onclick"),
        ('<button hx-on::after-swap="go()">', "hx-on"),
        ('<div hx-trigger="every 5s [visible()]">', "hx-trigger"),
        ('<div hx-vals="js:{a: 1}">', "hx-vals"),
        ('<a href="javascript:go()">', "href"),
        ("{{ text|safe }}", "safe"),
        ("{% autoescape false %}{{ text }}{% endautoescape %}", "autoescape"),
        ('{% include "no/such/file.html" %}', "does not exist"),
        ("{% if %}", "does not parse"),
        ("\n" * (templates.MAX_LINES + 1), "lines"),
    ],
)
def test_a_template_fault_is_found(source: str, word: str) -> None:
    (fault,) = templates.faults(source, "made-up.html")
    assert word in fault[1]


def test_a_plain_template_has_no_fault() -> None:
    source = (
        '{# style="x" #}<form action="{{ url_for("a", b="c") }}" hx-post="x" hx-trigger="submit, every 5s">'
        '<script src="/static/app.js" defer></script><input name="once" value="{{ "[" }}"></form>'
    )
    assert not list(templates.faults(source, "made-up.html"))
