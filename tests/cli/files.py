"""Small files to import, and what an import of them is asked for."""

from pathlib import Path

MAPPING = (
    "--firm", "marlow",
    "--map", "external_ref=Ref",
    "--map", "client_name=Client",
    "--map", "client_email=Mail",
    "--map", "staff_email=With",
    "--map", "start=Start",
    "--map", "status=Came",
    "--default", "type=Review",
    "--status-map", "Yes=completed",
    "--status-map", "No=no_show:client",
    "--status-map", "Off=cancelled:staff",
    "--status-map", "Open=confirmed",
)  # fmt: skip
HEADER = "Ref,Client,Mail,With,Start,Came"


def write(
    folder: Path, *rows: str, header: str = HEADER, name: str = "old.csv", encoding: str = "utf-8"
) -> Path:
    """A file of a header and rows."""
    path = folder / name
    path.write_text("\n".join([header, *rows, ""]), encoding=encoding, newline="")
    return path


def row(ref: str, *, client: str = "Ada Byron", start: str = "2026-01-05T10:00", came: str = "Yes") -> str:
    """One row, with Lena."""
    return f"{ref},{client},,lena@marlow.example,{start},{came}"
