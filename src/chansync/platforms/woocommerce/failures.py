"""What a store's refusals mean, in sentences that say what to do."""

from __future__ import annotations

from chansync.http.failures import Answer, Sentences
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable

#: What WooCommerce calls every refusal of a key; the message beside it may be in the store's language.
KEY_REFUSED = "woocommerce_rest_authentication_error"
#: The code of the refusal of a route that the store does not have.
NO_ROUTE = "no_route"

_WHERE = "WooCommerce → Settings → Advanced → REST API"


class Missing(SiteRefused):
    """WooCommerce says itself that it has no such thing (``woocommerce_rest_shop_order_invalid_id``, seen).

    A 404 of anybody else, a web server or a firewall, says nothing about what the store has.
    """


def refusal(answer: Answer, sentences: Sentences) -> SiteError:
    """What an answer of 400 to 499 means."""
    if not answer.is_json:
        return sentences.refusal(answer)
    site, said = sentences.site, sentences.said(answer)
    if answer.status == 401:
        return _unauthorised(answer, site, said)
    if answer.status == 403:
        if answer.code.startswith("woocommerce_"):
            return SiteRefused(
                f"The key's user may not do this at {site}{said}: give the key to a shop manager or administrator "
                f"under {_WHERE}.",
                code="missing_right",
            )
        return sentences.refusal(answer)
    if answer.code == "rest_no_route":
        return SiteRefused(
            f"{site} does not have this part of WooCommerce's REST API{said}: check that WooCommerce is active and "
            "up to date.",
            code=NO_ROUTE,
        )
    if answer.status == 404 and not answer.code:
        return sentences.refusal(answer)
    code = {404: "not_found", 413: "too_much"}.get(answer.status, "refused")
    reason = f" [{sentences.quote(answer.code)}]" if answer.code else ""
    kind = Missing if answer.status == 404 and answer.code.endswith("invalid_id") else SiteRefused
    return kind(f"{site} refuses the request with {answer.status}{said}{reason}.", code=code)


# What a refused key's message holds → code and sentence; without any of them the last.
_UNAUTHORISED = (
    (("timestamp",), "clock", "The clocks of {site} and of this computer differ by more than 15 minutes{said}: set the "
     "wrong one."),
    (("key is invalid",), "unknown_key", "{site} does not know the consumer key{said}: check it for a missing "
     "character, or make a new one under {where}."),
    (("secret is invalid", "signature"), "wrong_secret", "The consumer secret does not belong to the key at "
     "{site}{said}: enter it anew, or make a new key under {where}."),
    (("permission",), "missing_right", "The key lacks a right at {site}{said}: set its permissions to Read/Write under "
     "{where}."),
    (("",), "unauthorized", "{site} does not accept the key{said}: check the consumer key and secret, or make new ones "
     "under {where}."),
)  # fmt: skip


def _unauthorised(answer: Answer, site: str, said: str) -> SiteError:
    message = str(answer.fields.get("message", "")).lower()
    if "nonce" in message:
        return SiteUnavailable(f"{site} took a request for a repeated one{said}: try again.", code="nonce")
    code, sentence = next(
        (code, sentence) for words, code, sentence in _UNAUTHORISED if any(word in message for word in words)
    )
    return SiteRefused(sentence.format(site=site, said=said, where=_WHERE), code=code)


def vagueness(error: SiteError) -> int:
    """How little a failure tells about a refused key."""
    order = ["wrong_secret", "missing_right", "clock", "unknown_key", "unauthorized", "password_page"]
    return order.index(error.code) if error.code in order else len(order)
