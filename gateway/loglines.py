"""Log lines: JSON, with keys from a closed list, never a value of a record.

Keys that are not on the list are dropped and counted, and the text of other libraries stays out,
since it may quote what they were given.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

LOG_KEYS: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "agency",
        "agreement",
        "address",
        "bytes",
        "chunks",
        "clause",
        "code",
        "count",
        "dataset",
        "detector",
        "error",
        "exchange_id",
        "field",
        "file",
        "generation",
        "index",
        "key",
        "kind",
        "line",
        "method",
        "origin",
        "port",
        "provision",
        "purpose",
        "reason",
        "rows",
        "rule",
        "seconds",
        "setting",
        "signal",
        "size",
        "state",
        "step",
        "version",
    }
)
"""Every key that a log line may have."""

_LOUD: Final = ("grpc._cython.cygrpc", "grpc", "asyncio", "concurrent.futures")


class AllowKeys:
    """A structlog processor: drops keys that are not on the list, and counts them."""

    def __init__(self, dropped: Counter[str]) -> None:
        self._dropped = dropped

    def __call__(
        self, logger: object, name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Return the event with allowed keys alone."""
        del logger, name
        for key in [key for key in event if key not in LOG_KEYS]:
            del event[key]
            # The name of a key is written by a programmer, so it may be counted by name.
            self._dropped[key] += 1
        return event


class Unsaid(logging.Filter):
    """Takes text, arguments and traceback out of a record: libraries quote what they were given."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass without its words."""
        record.msg = "a library reported something; its words stay out"
        record.args = ()
        record.exc_info = None
        record.exc_text = None
        record.stack_info = None
        return True


class _Json(logging.Formatter):
    """Other libraries' records as JSON lines: who and how bad, no words."""

    def __init__(self, render: Callable[[Mapping[str, Any]], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self._render(
            {
                "event": "a library reported something",
                "level": record.levelname.lower(),
                "logger": record.name,
                "line": record.lineno,
            }
        )


def quiet() -> None:
    """Keep exceptions' text of gRPC and asyncio out of stderr, whether logging is set up or not.

    An uncaught error in a servicer would else be printed with its traceback.
    """
    for name in _LOUD:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Unsaid) for one in logger.filters):
            logger.addFilter(Unsaid())


def configure_logging(
    stream: TextIO | None = None, *, level: int = logging.INFO, dropped: Counter[str] | None = None
) -> Any:  # noqa: ANN401 - structlog's logger
    """Return the logger of this process, after sending all log lines to `stream` as JSON.

    Args:
        stream: Standard error where None.
        level: The least level that is written.
        dropped: Counts keys that were not on the list.
    """
    quiet()
    out = sys.stderr if stream is None else stream
    render = structlog.processors.JSONRenderer(sort_keys=True)
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            stamp,
            AllowKeys(Counter() if dropped is None else dropped),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(_Json(lambda event: str(render(None, "", stamp(None, "", dict(event))))))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    return structlog.get_logger()
