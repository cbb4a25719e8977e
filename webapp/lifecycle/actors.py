"""Who acts. Entry points make an actor and pass it down; history rows print its label."""

from dataclasses import dataclass

from webapp.models import StaffUser
from webapp.vocabulary import PERMISSIONS, ActorKind, Permission, Role

SYSTEM_LABEL = "the system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A staff user, a client, or the system, always of one firm."""

    firm_id: int
    kind: ActorKind
    label: str
    staff_user_id: int | None = None
    role: Role | None = None
    granted: frozenset[Permission] | None = None
    """What a token lets through of the role; None where somebody acts in person."""

    @classmethod
    def of_staff(cls, user: StaffUser) -> "Actor":
        return cls(user.firm_id, ActorKind.STAFF, user.name, user.staff_user_id, user.role)

    @classmethod
    def of_client(cls, firm_id: int, name: str) -> "Actor":
        return cls(firm_id, ActorKind.CLIENT, name)

    @classmethod
    def system(cls, firm_id: int, label: str = SYSTEM_LABEL) -> "Actor":
        return cls(firm_id, ActorKind.SYSTEM, label)

    def can(self, permission: Permission) -> bool:
        """Whether the role includes it. Clients and the system have no role; the table names them itself."""
        if self.role is None or permission not in PERMISSIONS[self.role]:
            return False
        return self.granted is None or permission in self.granted
