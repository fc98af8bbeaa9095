"""What the search for near-duplicates is measured against: faiss, imagededup and plain NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Near = list[tuple[int, int]]  # (query, other), the query itself left out
Query = Callable[[int, int], Near]  # answers the queries from … to …
Peer = Callable[[Hashes, int], Query]


def _faiss_multi(nhash: int, bits: int) -> Peer:
    def prepare(hashes: Hashes, radius: int) -> Query:
        import faiss  # noqa: PLC0415

        index = faiss.IndexBinaryMultiHash(64, nhash, bits)
        index.nflip = radius // nhash
        return _faiss_query(index, hashes, radius)

    return prepare


def _faiss_flat(hashes: Hashes, radius: int) -> Query:
    import faiss  # noqa: PLC0415

    return _faiss_query(faiss.IndexBinaryFlat(64), hashes, radius)


def _faiss_query(index: Any, hashes: Hashes, radius: int) -> Query:
    import faiss  # noqa: PLC0415

    faiss.omp_set_num_threads(1)
    codes = hashes.view(np.uint8).reshape(-1, 8)
    index.add(codes)

    def query(start: int, stop: int) -> Near:
        limits, _, labels = index.range_search(codes[start:stop], radius + 1)
        query_of = np.repeat(np.arange(start, stop), np.diff(limits.astype(np.int64)))
        apart = labels != query_of
        return list(zip(query_of[apart].tolist(), labels[apart].tolist(), strict=True))

    return query


def _imagededup(search_class: str) -> Peer:
    def prepare(hashes: Hashes, radius: int) -> Query:
        from imagededup.handlers.search import bktree, brute_force_cython  # noqa: PLC0415

        texts = {str(at): f"{code:016x}" for at, code in enumerate(hashes.tolist())}
        kinds = {
            "BruteForceCython": brute_force_cython.BruteForceCython,
            "BKTree": bktree.BKTree,
        }
        searcher = kinds[search_class](texts, _text_distance)

        def query(start: int, stop: int) -> Near:
            return [
                (at, int(other))
                for at in range(start, stop)
                for other, _ in searcher.search(query=texts[str(at)], tol=radius)
                if int(other) != at
            ]

        return query

    return prepare


def _text_distance(one: str, other: str) -> int:
    """As imagededup's own, `Hashing.hamming_distance`, without its check for 64 bits."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _numpy_rows(hashes: Hashes, radius: int) -> Query:
    def query(start: int, stop: int) -> Near:
        return [
            (at, int(other))
            for at in range(start, stop)
            for other in np.flatnonzero(np.bitwise_count(hashes ^ hashes[at]) <= radius)
            if other != at
        ]

    return query


MULTI = "faiss_multi_index"
PEERS: dict[str, tuple[Peer, int]] = {  # and up to how many hashes it is asked
    f"{MULTI}_3x21": (_faiss_multi(3, 21), 1_000_000),
    f"{MULTI}_4x16": (_faiss_multi(4, 16), 1_000_000),
    "faiss_flat": (_faiss_flat, 1_000_000),
    "numpy_brute_force": (_numpy_rows, 1_000_000),
    "imagededup_brute_force_cython": (_imagededup("BruteForceCython"), 100_000),
    "imagededup_bktree": (_imagededup("BKTree"), 22_000),
}
