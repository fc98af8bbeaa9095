"""What is run inside a result page: looking, scrolling, recording, and a provider's extractor."""

import json

from cosmop.collecting.providers.providers import PageProviderOptions, SignOptions
from cosmop.collecting.providers.result_rows import LONGEST_TEXT

MOST_ROWS = 5_000
_MOST_ANSWERS = 500
_MOST_ANSWER_CHARACTERS = 5_000_000

# One look at the page: all that is asked while waiting, in one round trip. A sign's selector counts
# only where it can be seen; visible text is read only while there is no item, for it costs layout.
LOOK = """
const wanted = arguments[0];
const all = selector => selector ? [...document.querySelectorAll(selector)] : [];
const seen = selector => all(selector).some(e => e.getClientRects().length > 0);
const items = all(wanted.items).length;
const text = items ? "" : (document.title + " " + (document.body?.innerText ?? "")).toLowerCase();
const signs = {};
for (const [name, sign] of Object.entries(wanted.signs)) {
  const address = sign.urls.find(part => location.href.includes(part));
  const words = sign.texts.find(part => text.includes(part.toLowerCase()));
  if (address) signs[name] = "the address " + address;
  else if (words) signs[name] = "the words " + words;
  else if (seen(sign.selector)) signs[name] = "the element " + sign.selector;
}
const statuses = [
  performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0,
  ...(window.recordedAnswers?.statuses ?? []),
];
return {
  url: location.href, items, signs, statuses,
  error: location.protocol === "chrome-error:"
    ? document.querySelector(".error-code")?.textContent ?? "an error page" : "",
  isReady: all(wanted.ready).length > 0,
  isEnd: all(wanted.end).length > 0,
  images: document.images.length,
};
"""

CLICK = """
const seen = [...(arguments[0] ? document.querySelectorAll(arguments[0]) : [])]
  .find(e => e.getClientRects().length > 0);
seen?.click();
"""

# Back and forth: a page that watches whether its end comes into view must see it come.
TO_THE_END = """
const page = document.documentElement;
window.scrollTo(0, page.scrollHeight - 3 * window.innerHeight);
requestAnimationFrame(() => requestAnimationFrame(() => window.scrollTo(0, page.scrollHeight)));
"""

HTML = "return document.documentElement?.outerHTML ?? ''"

_EXTRACT = """
const parse = text => { try { return JSON.parse(text) } catch { return null } };
const rows = (function (answers, parse) { %s })(window.recordedAnswers?.texts ?? [], parse);
const short = value => typeof value === "string" ? value.slice(0, %d)
  : typeof value === "number" ? value : null;
return Array.from(rows ?? []).slice(0, %d).map(row => row && Object.fromEntries(
  Object.entries(row).map(([name, value]) => [name, short(value)])));
"""

# The page's own requests, as it makes them: nothing is asked twice, and no token has to be guessed.
_RECORD = """
(() => {
  const wanted = %s, kept = {texts: [], statuses: []};
  Object.defineProperty(window, "recordedAnswers", {value: kept});
  const isWanted = url => wanted.some(part => String(url).includes(part));
  const keep = (status, text) => {
    if (kept.texts.length >= %d) return;
    kept.statuses.push(status);
    kept.texts.push(text.slice(0, %d));
  };
  const fetched = window.fetch;
  window.fetch = async function (...given) {
    const answer = await fetched.apply(this, given);
    if (isWanted(answer.url)) {
      answer.clone().text().then(text => keep(answer.status, text), () => {});
    }
    return answer;
  };
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...given) {
    this.addEventListener("load", () => {
      if (!isWanted(this.responseURL)) return;
      const isText = ["", "text"].includes(this.responseType);
      const isJson = this.responseType === "json";
      keep(this.status, isText ? this.responseText : isJson ? JSON.stringify(this.response) : "");
    });
    return send.apply(this, given);
  };
})();
"""


def extracting(provider: PageProviderOptions) -> str:
    """Return the script that gives the rows of the page as it stands, values short and simple."""
    return _EXTRACT % (provider.extractor, LONGEST_TEXT, MOST_ROWS)


def recording(provider: PageProviderOptions) -> str:
    """Return the script that, run before the page's own, keeps answers to its requests."""
    wanted = json.dumps(provider.recorded_requests)
    return _RECORD % (wanted, _MOST_ANSWERS, _MOST_ANSWER_CHARACTERS)


def looking(provider: PageProviderOptions) -> dict[str, object]:
    """Return what `LOOK` shall look for."""
    signs = {
        "no_results": provider.no_results,
        "consent": provider.consent,
        "blocked": provider.blocked,
    }
    return {
        "ready": provider.ready_selector,
        "items": provider.scroll.item_selector,
        "end": provider.scroll.end_selector,
        "signs": {name: _sign(sign) for name, sign in signs.items()},
    }


def _sign(sign: SignOptions) -> dict[str, object]:
    return {"selector": sign.selector, "texts": sign.texts, "urls": sign.urls}
