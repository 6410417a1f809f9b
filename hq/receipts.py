"""The receipts that answer what has been stored. Pure."""

from collections import defaultdict
from collections.abc import Iterable

from hq.accounts import runs_of
from hq.arrivals import Account, Arrival
from terminal.contract.identity import digest_of_ids
from terminal.contract.messages import Receipt, StoredRange
from terminal.contract.topics import MQTT, Lane


def receipts(epoch: str, stored: Iterable[Arrival], clashes: frozenset[Account]) -> list[tuple[str, str, Receipt]]:
    """The receipts for what brokers brought, as (realm, unit, receipt); alarms by their ids too, and those first."""
    places: dict[tuple[Account, Lane], dict[int, str]] = defaultdict(dict)
    alarms: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in stored:
        if not one.credible or one.bearer != MQTT:
            continue
        if one.account is not None and one.place is not None:
            places[one.account, one.lane][one.place.seq] = one.id
        if one.lane is Lane.ALARM:
            alarms[one.realm, one.unit].append(one.id)
    by_id = [(realm, unit, Receipt(epoch=epoch, ids=tuple(ids))) for (realm, unit), ids in alarms.items()]
    by_place = [
        (account.realm, account.unit, _receipt(epoch, account, lane, ids, clash=account in clashes))
        for (account, lane), ids in places.items()
    ]
    return by_id + by_place


def _receipt(epoch: str, account: Account, lane: Lane, ids: dict[int, str], *, clash: bool) -> Receipt:
    return Receipt(epoch=epoch, outbox=account.outbox, lane=lane, stored=() if clash else _ranges(ids), clash=clash)


def _ranges(ids: dict[int, str]) -> tuple[StoredRange, ...]:
    return tuple(
        StoredRange(first, last, digest_of_ids([ids[seq] for seq in range(first, last + 1)]))
        for first, last in runs_of(ids)
    )
