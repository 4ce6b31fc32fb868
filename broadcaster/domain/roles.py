"""What a person may do, and where."""

from collections.abc import Collection
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

    def is_in(self, communes: Collection[str], *roles: Role) -> bool:
        """Whether the person holds one of the roles in all these communes, and in one at least.

        A role for a source reaches no commune, and one given without a place reaches nothing.
        """
        permitted = self.communes(*roles)
        return EVERYWHERE in permitted or (bool(permitted) and permitted.issuperset(communes))

    def is_of(self, source: str, *roles: Role) -> bool:
        """Whether the person holds one of the roles for this source."""
        mine = (grant for grant in self.grants if grant.role in roles and grant.commune in {None, EVERYWHERE})
        return bool(source) and any(grant.source == source for grant in mine)

    def require_in(self, communes: Collection[str], *roles: Role, source: str | None = None) -> None:
        """Raise NotAllowedError unless the person holds one of the roles in all these communes.

        `source` is whose bulletin this is about, where a role for exactly that source is enough.
        """
        self.require(*roles)
        if self.is_in(communes, *roles) or (source is not None and self.is_of(source, *roles)):
            return
        outside = sorted(set(communes) - self.communes(*roles))
        raise NotAllowedError(
            "{person} may not do this in: {communes}.", person=self.person, communes=", ".join(outside[:10]) or "-"
        )

    def require_source(self, sources: Collection[str], *roles: Role) -> None:
        """Raise NotAllowedError where the person holds the roles only for sources, and not for each of these."""
        held = [grant for grant in self.grants if grant.role in roles]
        mine = {grant.source for grant in held if grant.source}
        others = [source or "-" for source in sorted(set(sources) - mine)]
        if mine and others and not any(grant.commune for grant in held):
            raise NotAllowedError(
                "{person} writes for: {sources}; not for: {others}.",
                person=self.person, sources=", ".join(sorted(mine)), others=", ".join(others),
            )  # fmt: skip

    def require(self, *roles: Role) -> None:
        """Raise NotAllowedError, naming the roles that would do, unless the person holds one of them."""
        if self.can(*roles):
            return
        needed = ", ".join(roles)
        if self.person is None:
            raise NotAllowedError("This needs a person with the role: {roles}. Add --as CODE.", roles=needed)
        raise NotAllowedError("{person} does not have the role this needs: {roles}.", person=self.person, roles=needed)
