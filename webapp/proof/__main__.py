"""``python -m proof FILE --key PUBLIC_KEY``: check an exported history or the proof of a dossier."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .formulas import key_id
from .verifier import Finding, check_export, kept_in


def main(argv: Sequence[str] | None = None) -> int:
    """Check an export from the command line; 0 if all is as recorded, 1 with what is not."""
    parser = argparse.ArgumentParser(description="Check an exported history without a database.")
    parser.add_argument("export", type=Path)
    parser.add_argument(
        "--key", action="append", required=True, help="a trusted public key, 64 hexadecimal digits"
    )
    parser.add_argument(
        "--seals", type=Path, action="append", default=[], help="seals that were kept outside"
    )
    asked = parser.parse_args(argv)
    keys = {key_id(bytes.fromhex(key)): bytes.fromhex(key) for key in asked.key}
    kept = kept_in(asked.seals)
    wrong = 0
    with asked.export.open(encoding="utf-8") as lines:
        for result in check_export(lines, kept, keys):
            if isinstance(result, Finding):
                wrong += 1
                print(f"Firm {result.firm_id}, {result.place}: {result.sentence}")
            else:
                print(result)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
