"""How many searches a workstation may make: the box is no oracle of other people's identities (issue of abuse, insi.md 6 [R]).

Two counts over an hour, in memory: all searches, and those that found nobody or several, which is what guessing looks like; one that tries
more given names than people have is several. What the box asks by itself for a workstation (its lists, the patients it writes, what it
deferred) is counted apart: a file may hold hundreds of patients INSi does not know, so that it is suspended only when they are more than
the people it found. Only people whom the structure did not know count: its own patients, asked for again, vouch for no guess.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.kernel.config import Insi
from gateway.kernel.errors import Refused

SUSPENDED = "insi.search-limit"
"""Act of the audit trail."""
_HOUR = 3600.0
_HONEST_CALLS = 5
"""Given names one by one, then all together, of somebody with four [R]."""


class SearchLimit(Refused):
    """More searches, or more fruitless ones, than a practice makes in an hour."""

    code = "search-limit"
    status = 429
    title = "Trop de recherches d'identité"
    who = "le secrétariat"
    what = "Ce poste a fait trop de recherches d'identité en une heure : les suivantes sont suspendues."
    gesture = "Réessayez dans une heure. Si vous n'avez pas fait ces recherches, prévenez votre installateur."


class WorkstationSuspended(SearchLimit):
    """The same as everybody else is told of it; `name` is that of the workstation."""

    what = "Le poste « {name} » a fait trop de recherches d'identité en une heure : les suivantes sont suspendues."
    gesture = "Demandez à ce poste ce qu'il cherchait. Si personne n'a fait ces recherches, prévenez votre installateur."


class TooManyUnknown(SearchLimit):
    """INSi knows few of the patients that a workstation had the box ask for: guesses, or columns exchanged. They wait an hour."""

    code = "too-many-unknown"
    title = "Trop de patients inconnus"
    what = "INSi ne connaît pas la plupart des patients donnés par ce poste : Relais attend une heure avant de demander les suivants."
    gesture = (
        "Vérifiez que le nom de naissance, les prénoms, le sexe et la date de naissance sont à leur place dans la liste ou le logiciel "
        "métier. Si personne n'a demandé ces vérifications, prévenez votre installateur."
    )


class SearchLimits:
    """Counts by workstation. `monotonic` gives seconds."""

    def __init__(self, settings: Insi, monotonic: Callable[[], float]) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._searches: dict[str, deque[float]] = {}
        self._misses: dict[str, deque[float]] = {}
        self._people: dict[str, dict[str, float]] = {}
        self._unknown: dict[str, deque[float]] = {}
        self._refused_at: dict[str, float] = {}
        self._told_at: dict[str, float] = {}

    def enter(self, workstation: str) -> None:
        """Count one search; raises SearchLimit, which says after how many seconds one may be made again, and counts nothing then."""
        searches, misses = self._recent(self._searches, workstation), self._recent(self._misses, workstation)
        wait = max(self._wait(searches, self._settings.searches_per_hour), self._wait(misses, self._settings.misses_per_hour))
        if wait > 0:
            self._refused_at[workstation] = self._monotonic()
            refusal = SearchLimit()
            refusal.least_wait = wait
            raise refusal
        searches.append(self._monotonic())

    def miss(self, workstation: str, guesses: int = 1) -> None:
        """A search found nobody, or several; or was as good as so many of them (`guesses`)."""
        self._recent(self._misses, workstation).extend([self._monotonic()] * guesses)

    def answered(self, workstation: str, *, guesses: int, person: str | None = None) -> None:
        """INSi answered what the box asked by itself for this workstation: as `miss`, and whom it found that the structure did not know
        (a pseudonym; counted once an hour). Nothing is counted for no workstation (the box's own walks)."""
        if not workstation:
            return
        self._recent(self._unknown, workstation).extend([self._monotonic()] * guesses)
        if person is not None:
            self._people.setdefault(workstation, {})[person] = self._monotonic()

    def suspended(self, workstation: str) -> float:
        """Seconds for which the box asks nothing more by itself for this workstation; 0 when it may."""
        unknown = self._recent(self._unknown, workstation)
        return self._wait(unknown, self._settings.misses_per_hour) if len(unknown) > self._found(workstation) else 0.0

    def to_tell(self, workstation: str) -> bool:
        """True for the first refusal of a workstation, then once an hour: one alert, however insistent a software is."""
        now = self._monotonic()
        if now - self._told_at.get(workstation, now - _HOUR) < _HOUR:
            return False
        self._told_at[workstation] = now
        return True

    def alerted(self) -> tuple[str, ...]:
        """Workstations refused within the last hour, and those for which the box asks nothing."""
        now = self._monotonic()
        refused = {one for one, at in self._refused_at.items() if now - at < _HOUR}
        return tuple(sorted(refused | {one for one in tuple(self._unknown) if self.suspended(one) > 0}))

    def _found(self, workstation: str) -> int:
        """People of this hour."""
        people, now = self._people.get(workstation, {}), self._monotonic()
        for one in [name for name, at in people.items() if now - at >= _HOUR]:
            del people[one]
        return len(people)

    def _wait(self, line: deque[float], most: int) -> float:
        """Seconds until fewer than `most` are of this hour."""
        if len(line) < most:
            return 0.0
        return _HOUR if most <= 0 else _HOUR - (self._monotonic() - line[-most])

    def _recent(self, table: dict[str, deque[float]], workstation: str) -> deque[float]:
        line = table.setdefault(workstation, deque())
        while line and self._monotonic() - line[0] >= _HOUR:
            line.popleft()
        return line


def guesses_of(calls: int, *, found: bool) -> int:
    """How many guesses a search of so many calls is worth: one when it finds nobody, and one for each given name beyond an honest list."""
    return (0 if found else 1) + max(0, calls - _HONEST_CALLS)
