"""Refusals, in the form that WordPress gives them."""

from __future__ import annotations

from typing import Any


class RestError(Exception):
    """An answer `{code, message, data: {status}}`."""

    def __init__(self, status: int, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message, "data": {"status": status, **data}}


def invalid_params(problems: dict[str, tuple[str, str, Any]]) -> RestError:
    """A 400 for parameters: name to (code, sentence, data)."""
    return RestError(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {', '.join(problems)}",
        params={name: sentence for name, (_, sentence, _) in problems.items()},
        details={
            name: {"code": code, "message": sentence, "data": data} for name, (code, sentence, data) in problems.items()
        },
    )


def bad_status(status: str, known: list[str], place: str = "status") -> RestError:
    """The 400 for a status that the store does not know; it lists those that it knows."""
    listed = f"{', '.join(known[:-1])}, and {known[-1]}"
    sentence = f"{place} is not one of {listed}."
    return invalid_params({"status": ("rest_not_in_enum", sentence, None)})


def no_order(status: int) -> RestError:
    """Reading an unknown order is a 404; writing to one is a 400 with another sentence."""
    message = "Invalid ID." if status == 404 else "ID is invalid."
    return RestError(status, "woocommerce_rest_shop_order_invalid_id", message)


def no_product(status: int, kind: str = "product") -> RestError:
    """The same for a product (`product`) or a variation (`product_variation`)."""
    return RestError(status, f"woocommerce_rest_{kind}_invalid_id", "Invalid ID.")
