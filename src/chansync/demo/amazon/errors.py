"""Refusals in the form that the Selling Partner API gives them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer `{errors: [{code, message, details}]}`."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"errors": [{"code": code, "message": message, "details": details}]}


def invalid(details: str) -> ApiError:
    """The 400 for a request that does not say what it must, or says it wrongly."""
    return ApiError(400, "InvalidInput", "The request is not valid.", details)


def denied(details: str) -> ApiError:
    """The 403 for a token that is missing, expired or unknown, and for a role that the application lacks."""
    return ApiError(403, "Unauthorized", "Access to requested resource is denied.", details)


def missing(what: str) -> ApiError:
    """The 404."""
    return ApiError(404, "NotFound", "The requested resource does not exist.", what)


#: What a fault of kind `status` says.
BY_STATUS = {
    400: ("InvalidInput", "The request is not valid."),
    401: ("Unauthorized", "Access to requested resource is denied."),
    403: ("Unauthorized", "Access to requested resource is denied."),
    404: ("NotFound", "The requested resource does not exist."),
    413: ("RequestTooLarge", "The request is too large."),
    415: ("UnsupportedMediaType", "The media type is not supported."),
    429: ("QuotaExceeded", "You exceeded your quota for the requested resource."),
    500: ("InternalFailure", "Something went wrong on our side. Please try again."),
    503: ("ServiceUnavailable", "The service is not available for the moment."),
}


def by_status(status: int) -> ApiError:
    """The refusal that goes with a status."""
    code, message = BY_STATUS.get(status, ("InternalFailure", "Something went wrong."))
    return ApiError(status, code, message)
