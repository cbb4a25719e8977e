"""What has arrived outside, and how often."""

import re
from collections import Counter
from dataclasses import dataclass, field

from tests.support.receiver import Ledger, Receiver
from tests.support.smtp import MailServer

MESSAGE = re.compile(rb"^Message-ID: <mail-(\d+)\.", re.M)


@dataclass
class Post:
    """Mail by its number; ``heard`` knows the appointments from webhooks alone."""

    mails: Counter[int] = field(default_factory=Counter)
    heard: Ledger = field(default_factory=lambda: Ledger(""))

    def collect(self, mail: MailServer, hooks: Receiver) -> None:
        """Take in what has come since, and forget the texts."""
        with mail.lock:
            mails, mail.taken[:] = list(mail.taken), []
        with hooks.lock:
            said, hooks.taken[:] = list(hooks.taken), []
        self.mails.update(int(number) for raw in mails for number in MESSAGE.findall(raw))
        for taken in said:
            self.heard.take(taken)

    @property
    def repeated(self) -> int:
        """How many mails and webhooks came more than once."""
        return sum(times - 1 for times in self.mails.values()) + self.heard.repeated
