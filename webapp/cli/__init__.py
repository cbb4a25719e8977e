"""The command line: ``daybook serve``, ``daybook db upgrade``, ``daybook import`` and the rest."""

from flask.cli import ScriptInfo
from flask_migrate.cli import db as migrations

from webapp.cli import (
    audit,
    backup,
    demo,
    firm,
    import_attendance,
    importing,
    report,
    serve,
    sweep,
    user,
    verify,
    worker,
)
from webapp.cli.base import Commands, load_app

cli = Commands(
    name="daybook",
    help="Appointments for a firm, each with its history. Settings come from the environment.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
cli.add_command(serve.serve)
cli.add_command(migrations)
cli.add_command(demo.demo)
cli.add_command(firm.firm)
cli.add_command(user.user)
importing.importing.add_command(import_attendance.attendance)
cli.add_command(importing.importing)
cli.add_command(report.report)
cli.add_command(verify.verify)
cli.add_command(audit.audit)
cli.add_command(backup.backup)
cli.add_command(backup.restore)
cli.add_command(backup.release)
cli.add_command(worker.worker)
cli.add_command(sweep.sweep)


def main() -> None:
    """The console script. The application is made when the first command asks for it."""
    cli(prog_name="daybook", obj=ScriptInfo(create_app=load_app, set_debug_flag=False))
