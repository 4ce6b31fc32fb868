"""The pronunciation dictionary above the built-in tables: a layer for each source and one for each commune.

An entry is tested when it is saved: its example must be said as its owner expects, and no other example of the layer
may change by it. It decides on submissions from then on; what was approved before stays as it was approved.
"""

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import files
from broadcaster.domain.place import Layer
from broadcaster.domain.roles import EVERYWHERE, Actor, Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.reading import Dictionary, Pronunciation, Reading, read
from broadcaster.reading.dictionary import normal
from broadcaster.reading.numerals import DIGITS
from broadcaster.reading.reader import DICTIONARY
from broadcaster.store import journal
from broadcaster.store.bulk import IN_ONE_STATEMENT
from broadcaster.store.journal import Action
from broadcaster.store.tables import CommuneRow, PronunciationRow

LANGUAGE = "vi"
COLUMNS = ("written", "spoken", "example", "example_spoken")
LONGEST_WRITTEN, LONGEST_SPOKEN, LONGEST_EXAMPLE = 100, 300, 500
_KEEPERS = (Role.WRITER, Role.OPERATOR, Role.ADMINISTRATOR)
_MARKS = frozenset(" ,.-'’")
NUMBER_TO_CALL = re.compile(r"[0-9]{4}|(?<![0-9])11[1-5](?![0-9])")
SITE = re.compile(r"\w\.\w|@")
SPOKEN_NUMBER = re.compile(rf"(?:\b(?:{'|'.join(DIGITS)})\b[ ,]*){{4}}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A written form, its words, and a sentence with it; without `example_spoken`, that is said as it is said now."""

    written: str
    spoken: str
    example: str = ""
    example_spoken: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """One layer of one source (by its name) or commune (by its code)."""

    layer: Layer
    name: str

    @property
    def chain(self) -> str:
        """The journal's chain in which its changes are told."""
        return self.name if self.layer is Layer.COMMUNE else journal.SYSTEM


def dictionary(session: Session, source: str | None, commune: str | None) -> Dictionary:
    """What is added to the rules for a bulletin of a source in a commune. Raises InputError for an unknown commune."""
    if commune is None:
        return dictionaries(session, source or "", [])[""]
    _check_commune(session, commune)
    return dictionaries(session, source or "", [commune])[commune]


def dictionaries(session: Session, source: str, communes: Sequence[str]) -> Mapping[str, Dictionary]:
    """The dictionary of each commune for a source, and that of the source alone under ""; equal ones are one object."""
    of_source = _pronunciations(entries(session, Owner(Layer.SOURCE, source)))
    own: dict[str, list[PronunciationRow]] = defaultdict(list)
    of_communes = select(PronunciationRow).where(PronunciationRow.layer == Layer.COMMUNE)
    if len(communes) <= IN_ONE_STATEMENT:
        of_communes = of_communes.where(PronunciationRow.owner.in_(communes))
    for row in session.scalars(of_communes):
        own[row.owner].append(row)
    plain = Dictionary(of_source)
    wanted = {code: Dictionary(of_source, _pronunciations(own[code])) for code in communes if code in own}
    return {code: wanted.get(code, plain) for code in ("", *communes)}


def entries(session: Session, owner: Owner) -> list[PronunciationRow]:
    """The entries of one layer, in the order of their written forms."""
    query = select(PronunciationRow).where(PronunciationRow.layer == owner.layer, PronunciationRow.owner == owner.name)
    return list(session.scalars(query.order_by(PronunciationRow.written)))


def save(session: Session, owner: Owner, given: Sequence[Entry], actor: Actor, now: datetime) -> int:
    """Set entries of a layer, all or none; returns how many are new or changed.

    Raises InputError with a line for each entry that cannot be used, or whose example is said otherwise.
    """
    _require(session, owner, actor)
    kept = {row.written: row for row in entries(session, owner)}
    wanted: dict[str, Entry] = {}
    faults: list[InputError] = []
    for entry in given:
        try:
            checked = _checked(entry)
            if checked.written in wanted:
                raise InputError("{written} stands twice.", written=checked.written)
            wanted[checked.written] = checked
        except InputError as fault:
            faults.append(fault)
    if not faults:
        faults += _tested(wanted, kept)
    if faults:
        raise InputError("{faults}", faults=faults[:20])
    changed = [entry for entry in wanted.values() if not _is_kept(entry, kept.get(entry.written))]
    for entry in changed:
        _keep(session, owner, entry, kept.get(entry.written), actor, now)
    return len(changed)


def remove(session: Session, owner: Owner, written: str, actor: Actor, now: datetime) -> None:
    """Take an entry out of a layer. Raises InputError where there is none."""
    _require(session, owner, actor)
    row = session.get(PronunciationRow, (owner.layer, owner.name, normal(written)))
    if row is None:
        raise InputError("{owner} has no entry {written}.", owner=owner.name, written=written)
    session.delete(row)
    _tell(session, Action.PRONUNCIATION_REMOVED, owner, actor, now, row)


def from_csv(content: bytes) -> list[Entry]:
    """The entries of a CSV file in UTF-8 with the columns written, spoken and, if wanted, example, example_spoken."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("The file is not written in UTF-8. Save it as “CSV UTF-8”.") from error
    separator = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    names = tuple(rows.fieldnames or ())
    if not {"written", "spoken"} <= set(names) or not set(names) <= set(COLUMNS) or len(set(names)) < len(names):
        raise InputError(
            "The first line must name the columns: {columns}; it is: {found}.",
            columns=",".join(COLUMNS),
            found=",".join(names)[:200] or "-",
        )
    try:
        return [_entry_of(row, rows.line_num) for row in rows]
    except csv.Error as error:
        raise InputError("Line {line} is no CSV: {error}", line=rows.line_num, error=error) from error


def _entry_of(row: Mapping[str | None, str | None], line: int) -> Entry:
    """A row with more cells than columns has a comma that should stand in quotes: nothing of it is dropped."""
    if None in row:
        raise InputError("Line {line} has more cells than columns. Put a text with a comma into quotes.", line=line)
    return Entry(*(_plain_cell(row.get(column) or "") for column in COLUMNS))


def to_csv(rows: Iterable[PronunciationRow]) -> str:
    """The entries as `from_csv` takes them, safe to open in a spreadsheet."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([files.safe_cell(getattr(row, column)) for column in COLUMNS] for row in rows)
    return out.getvalue()


def _plain_cell(cell: str) -> str:
    """A cell without the apostrophe that `files.safe_cell` puts before what looks like a formula."""
    return cell[1:] if cell.startswith("'") and files.safe_cell(cell[1:]) == cell else cell


def _require(session: Session, owner: Owner, actor: Actor) -> None:
    actor.require(*_KEEPERS)
    if owner.layer is Layer.COMMUNE:
        _check_commune(session, owner.name)
        is_allowed = not actor.communes(*_KEEPERS).isdisjoint({owner.name, EVERYWHERE})
    else:
        is_allowed = any(
            grant.role in _KEEPERS and (grant.source == owner.name or grant.commune == EVERYWHERE)
            for grant in actor.grants
        )
    if not is_allowed:
        raise NotAllowedError("{person} may not change the words of {owner}.", person=actor.person, owner=owner.name)


def _check_commune(session: Session, code: str) -> None:
    if session.get(CommuneRow, code) is None:
        raise InputError("There is no commune {commune}.", commune=code)


def _checked(entry: Entry) -> Entry:
    """The entry in its normal form. Raises InputError where it cannot be looked up or said."""
    written, spoken = normal(entry.written), " ".join(unicodedata.normalize("NFC", entry.spoken).split())
    if not any(c.isalnum() for c in written) or not spoken:
        raise InputError("An entry needs a written form and the words to say for it.")
    if len(written) > LONGEST_WRITTEN or len(spoken) > LONGEST_SPOKEN or len(entry.example) > LONGEST_EXAMPLE:
        raise InputError("{written}: shorten the entry or its example.", written=written[:40])
    if any(unicodedata.category(c)[0] == "C" for c in written + spoken):
        raise InputError("{written} holds an invisible character. Type it again.", written=repr(written[:40]))
    unsaid = next((c for c in spoken if not c.isalpha() and c not in _MARKS), None)
    if unsaid is not None or not any(c.isalpha() for c in spoken):
        raise InputError(
            "{written}: write the words to say with letters only, as they are heard; {character} is no word.",
            written=written,
            character=unsaid or spoken,
        )
    if NUMBER_TO_CALL.search(written) or SITE.search(written) or SPOKEN_NUMBER.search(spoken.lower()):
        raise InputError(
            "{written}: numbers to call, codes and sites are said as they are written, and no entry changes that.",
            written=written,
        )
    return Entry(written, spoken, normal(entry.example) or written, " ".join(entry.example_spoken.split()))


def _tested(wanted: dict[str, Entry], kept: Mapping[str, PronunciationRow]) -> Iterator[InputError]:
    """What is wrong with the entries, or becomes wrong by them, with all of the layer in use.

    An example whose reading nobody has given gets the one that it has now.
    """
    merged = {row.written: _of(row) for row in kept.values()} | wanted
    layer = Dictionary([Pronunciation(entry.written, entry.spoken) for entry in merged.values()])
    for written, entry in merged.items():
        reading = read(entry.example, LANGUAGE, layer)
        said = " ".join(reading.spoken.split())
        if written in wanted and not _uses(reading, entry):
            yield InputError(
                "{written} is not used in its example “{example}”: a longer entry or rule says it, or it is not there.",
                written=written,
                example=entry.example,
            )
        elif entry.example_spoken and _heard(said) != _heard(entry.example_spoken):
            yield InputError(
                "{written}: “{example}” would be said “{said}”, not “{expected}”.",
                written=written,
                example=entry.example,
                said=said,
                expected=entry.example_spoken,
            )
        elif written in wanted:
            wanted[written] = Entry(written, entry.spoken, entry.example, entry.example_spoken or said)


def _uses(reading: Reading, entry: Entry) -> bool:
    return any(
        span.rule == DICTIONARY and normal(reading.written[span.start : span.end]).lower() == entry.written.lower()
        for span in reading.spans
    )


def _heard(words: str) -> list[str]:
    """Words without what is not heard: case and punctuation."""
    return re.findall(r"\w+", words.lower())


def _of(row: PronunciationRow) -> Entry:
    return Entry(row.written, row.spoken, row.example, row.example_spoken)


def _is_kept(entry: Entry, row: PronunciationRow | None) -> bool:
    return row is not None and _of(row) == entry


def _keep(
    session: Session, owner: Owner, entry: Entry, row: PronunciationRow | None, actor: Actor, now: datetime
) -> None:
    if row is None:
        row = PronunciationRow(layer=owner.layer, owner=owner.name, written=entry.written, version=0)
        session.add(row)
    row.spoken, row.example, row.example_spoken = entry.spoken, entry.example, entry.example_spoken
    row.version += 1
    row.changed_by, row.changed_at = actor.person, now
    session.flush()
    _tell(session, Action.PRONUNCIATION_SET, owner, actor, now, row)


def _tell(session: Session, action: Action, owner: Owner, actor: Actor, now: datetime, row: PronunciationRow) -> None:
    journal.append(
        session,
        chain=owner.chain,
        action=action,
        now=now,
        actor=actor,
        subject=row.written[:64],
        data={"layer": owner.layer, "owner": owner.name, "written": row.written, "spoken": row.spoken}
        | {"version": row.version},
    )


def _pronunciations(rows: Iterable[PronunciationRow]) -> list[Pronunciation]:
    return [Pronunciation(row.written, row.spoken) for row in rows]
