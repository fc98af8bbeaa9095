"""Asking search APIs by plain HTTP: politely, page after page, with every end explained."""

import time
from collections.abc import Mapping
from typing import Self

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.providers.api_answers import ApiAnswer, read_answer
from cosmop.collecting.providers.api_options import ApiPagingOptions, ApiProviderOptions
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.provider_key import PLACE, ProviderKey
from cosmop.collecting.web.blocking_client import BlockingClient, Page
from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits, seconds_to_wait

__all__ = ["ApiPagingOptions", "ApiProviderOptions", "ApiSearch"]

_LONGEST_ANSWER_BYTES = 20_000_000
_REFUSALS = {401, 403, 429}
_LATE = {"timeout", "too_slow"}
_BUSY_WAIT_S = 5.0  # what MediaWiki's manual says for maxlag, where no Retry-After says more


class ApiSearch:
    """Asks the APIs of providers; keeps their pace over all queries.

    Args:
        host_addresses: Host name to ``"IP:PORT"`` for hosts that are not where DNS says.
        user_agent: An honest name with a contact.
        evidence: Where answers that were not understood are kept.
        keys: Provider name to its secret key, for those that have one.

    Raises:
        InputError: A key that cannot be sent.
    """

    how = "API"

    def __init__(
        self,
        host_addresses: Mapping[str, str],
        user_agent: str,
        *,
        evidence: Evidence | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self._keys = {name: ProviderKey(name, key) for name, key in (keys or {}).items()}
        self._client = BlockingClient(user_agent=user_agent, host_addresses=host_addresses)
        self._evidence = evidence
        self._next_request: dict[str, float] = {}

    def find(self, provider: ApiProviderOptions, query: str, limit: int) -> Outcome:
        """Return at most `limit` images, answer by answer until one is the last.

        Raises:
            InputError: The provider's address wants a key, and there is none.
        """
        wanted = min(limit, provider.max_results)
        found: dict[str, FoundImage] = {}
        continuation: Mapping[str, str] = {}
        last = Outcome("no_results")
        for number in range(provider.paging.max_pages if provider.has_pages else 1):
            answer = self._ask(provider, query, provider.url(query, number, continuation))
            last, known = answer.outcome, len(found)
            for image in last.found:
                found.setdefault(image.location, image)
            is_last = not _has_more(provider, answer, number, is_new=len(found) > known)
            if len(found) >= wanted or is_last:
                break
            continuation = answer.continuation
        if not found:
            return last
        images = tuple(found.values())[:wanted]
        is_whole = last.status in ("ok", "no_results")
        return Outcome("ok", images, "" if is_whole else last.reason, last.evidence)

    def _ask(self, provider: ApiProviderOptions, query: str, url: str) -> ApiAnswer:
        """Ask once, and once more where the API says soon enough when that may help."""
        answer, wait_s = self._ask_once(provider, query, url)
        if wait_s is None or wait_s > provider.max_wait_s:
            return answer
        time.sleep(wait_s)
        return self._ask_once(provider, query, url)[0]

    def _ask_once(
        self, provider: ApiProviderOptions, query: str, url: str
    ) -> tuple[ApiAnswer, float | None]:
        """Return an answer, and after how many seconds it is worth asking again (None: never)."""
        try:
            page = self._fetch(provider, url)
        except FetchError as error:
            return ApiAnswer(_outcome_of(error)), _wait_s(provider, error)
        hide = self._key(provider).hide
        answer = read_answer(provider, page.text, hide(page.url), hide)
        if answer.outcome.status == "layout_changed" and self._evidence:
            file = self._evidence.keep(provider.name, query, hide(page.text))
            outcome = Outcome("layout_changed", (), answer.outcome.reason, file)
            answer = ApiAnswer(outcome)
        return answer, _asked_to_wait_s(page) if answer.is_busy else None

    def _fetch(self, provider: ApiProviderOptions, url: str) -> Page:
        key = self._key(provider)
        address, headers = key.address(url), key.headers(provider.headers)
        now = time.monotonic()
        time.sleep(max(0.0, self._next_request.get(provider.name, now) - now))
        limits = FetchLimits(
            connect_s=provider.timeout_s,
            headers_s=provider.timeout_s,
            total_s=provider.timeout_s,
            max_bytes=_LONGEST_ANSWER_BYTES,
            max_redirects=0 if PLACE in url else FetchLimits.max_redirects,
        )
        try:
            return self._client.fetch(address, limits, headers=headers)
        finally:
            self._next_request[provider.name] = time.monotonic() + provider.interval_s

    def _key(self, provider: ApiProviderOptions) -> ProviderKey:
        return self._keys.get(provider.name) or ProviderKey(provider.name)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _has_more(
    provider: ApiProviderOptions, answer: ApiAnswer, number: int, *, is_new: bool
) -> bool:
    if answer.outcome.status != "ok":
        return False
    if provider.paging.continuation_path:
        return bool(answer.continuation)
    return is_new and (answer.pages is None or number + 1 < answer.pages)


def _outcome_of(error: FetchError) -> Outcome:
    if error.status in _REFUSALS:
        return Outcome("blocked", reason=str(error))
    return Outcome("timeout" if error.kind in _LATE else "failed", reason=str(error))


def _wait_s(provider: ApiProviderOptions, error: FetchError) -> float | None:
    """Return what the server asks for; without a word of it, a pause where that may help."""
    if error.retry_after_s is not None:
        return error.retry_after_s
    is_refusal = error.status in _REFUSALS
    return provider.interval_s if error.is_worth_retrying and not is_refusal else None


def _asked_to_wait_s(page: Page) -> float:
    asked = [value for name, value in page.headers if name.lower() == "retry-after"]
    wait_s = seconds_to_wait(asked[0]) if asked else None
    return _BUSY_WAIT_S if wait_s is None else wait_s
