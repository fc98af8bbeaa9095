"""Asking search APIs by plain HTTP: politely, page after page, with every end explained."""

import re
import time
from collections.abc import Mapping
from typing import Self

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.providers.api_answers import ApiAnswer, read_answer
from cosmop.collecting.providers.api_options import ApiPagingOptions, ApiProviderOptions
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.web.blocking_client import BlockingClient, Page
from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits, seconds_to_wait
from cosmop.errors import InputError

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
        self._keys = {name: _usable(name, key) for name, key in (keys or {}).items()}
        self._client = BlockingClient(user_agent=user_agent, host_addresses=host_addresses)
        self._evidence = evidence
        self._next_request: dict[str, float] = {}

    def find(self, provider: ApiProviderOptions, query: str, limit: int) -> Outcome:
        """Return at most `limit` images, answer by answer until one is the last."""
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
        answer = read_answer(provider, page.text, page.url)
        if answer.outcome.status == "layout_changed" and self._evidence:
            file = self._evidence.keep(provider.name, query, page.text)
            outcome = Outcome("layout_changed", (), answer.outcome.reason, file)
            answer = ApiAnswer(outcome)
        return answer, _asked_to_wait_s(page) if answer.is_busy else None

    def _fetch(self, provider: ApiProviderOptions, url: str) -> Page:
        now = time.monotonic()
        time.sleep(max(0.0, self._next_request.get(provider.name, now) - now))
        limits = FetchLimits(
            connect_s=provider.timeout_s,
            headers_s=provider.timeout_s,
            total_s=provider.timeout_s,
            max_bytes=_LONGEST_ANSWER_BYTES,
        )
        try:
            return self._client.fetch(url, limits, headers=self._key_header(provider))
        finally:
            self._next_request[provider.name] = time.monotonic() + provider.interval_s

    def _key_header(self, provider: ApiProviderOptions) -> dict[str, str]:
        key = self._keys.get(provider.name, "")
        has_key = bool(key and provider.authorization)
        return {"Authorization": provider.authorization.replace("{key}", key)} if has_key else {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _usable(name: str, key: str) -> str:
    """Return a key without white space around it; it is never quoted, not even when wrong."""
    text = key.strip()
    if not re.fullmatch(r"[\x21-\x7e]*", text):
        raise InputError(
            f"The provider {name!r} wants a key of printable ASCII without spaces, but got "
            f"{len(text)} characters with others among them; copy it again into provider_keys in "
            "conf/local/credentials.yml."
        )
    return text


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
