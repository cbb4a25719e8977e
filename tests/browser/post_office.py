"""A mail server as a process of its own: each mail that it takes becomes a file in the folder given to it.

It prints its address, then a line for each mail: the number of the file.
"""

import signal
import sys
from pathlib import Path

from tests.support.smtp import mail_server


class Shelf(list[bytes]):
    """Mails in the order in which they came, each a file as well."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def append(self, mail: bytes) -> None:
        """Keep a mail, and only then say so."""
        super().append(mail)
        (self.folder / f"{len(self):03}.eml").write_bytes(mail)
        print(len(self), flush=True)


def main(folder: str) -> None:
    with mail_server() as server:
        server.taken = Shelf(Path(folder))
        print(server.url, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(sys.argv[1])
