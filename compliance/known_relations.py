"""Related rows that are at hand, given to an instance so that nobody asks the database for them."""

from collections.abc import Iterable

from django.db.models import Model


def set_known_related(instance: Model, name: str, rows: Iterable[Model]) -> None:
    """Give the instance all its rows of the relation `name`, as `prefetch_related` would have.

    Until they are changed by way of the instance, they are not read again.
    """
    known = getattr(instance, name).all()
    known._result_cache = list(rows)
    known._prefetch_done = True
    instance.__dict__.setdefault("_prefetched_objects_cache", {})[name] = known
