"""What a person may do, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from broadcaster.errors import NotAllowedError

EVERYWHERE = "*"


class Role(StrEnum):
    """A person can hold several; none lets anyone approve their own work."""

    WRITER = "writer"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    EDITOR = "editor"
    """Writes for a source, for whichever communes it reaches."""
    AUDITOR = "auditor"
    """Reads everything, changes nothing."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of one person, for one commune (`*`: every commune) or for one source."""

    role: Role
    commune: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person known to the commune (None: the program itself) and the user of the operating system."""

    person: str | None
    os_user: str
    grants: tuple[Grant, ...] = ()

    def can(self, *roles: Role) -> bool:
        return any(grant.role in roles for grant in self.grants)

    def communes(self, *roles: Role) -> frozenset[str]:
        """The communes in which the person holds one of the roles; may hold `*`."""
        return frozenset(grant.commune for grant in self.grants if grant.role in roles and grant.commune)

    def require_in(self, communes: Iterable[str], *roles: Role) -> None:
        """Raise NotAllowedError unless the person holds one of the roles in all these communes.

        A role for a source, or one given without a place, reaches whichever communes: there their approver decides.
        """
        self.require(*roles)
        permitted = self.communes(*roles)
        outside = sorted(set(communes) - permitted)
        if (
            EVERYWHERE in permitted
            or not outside
            or any(grant.role in roles and not grant.commune for grant in self.grants)
        ):
            return
        raise NotAllowedError(
            "{person} may not do this in: {communes}.", person=self.person, communes=", ".join(outside[:10])
        )

    def require(self, *roles: Role) -> None:
        """Raise NotAllowedError, naming the roles that would do, unless the person holds one of them."""
        if self.can(*roles):
            return
        needed = ", ".join(roles)
        if self.person is None:
            raise NotAllowedError("This needs a person with the role: {roles}. Add --as CODE.", roles=needed)
        raise NotAllowedError("{person} does not have the role this needs: {roles}.", person=self.person, roles=needed)
