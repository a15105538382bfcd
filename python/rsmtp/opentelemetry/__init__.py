"""Traces and metrics for OpenTelemetry. `pip install 'rsmtp[otel]'`.

from rsmtp.opentelemetry import RsmtpInstrumentor

RsmtpInstrumentor().instrument()

`opentelemetry-instrument` does that by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypedDict

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.metrics import get_meter
from opentelemetry.trace import get_tracer

import rsmtp
from rsmtp._common import observing
from rsmtp.opentelemetry.observer import Observer

if TYPE_CHECKING:
    from typing import Unpack

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["RsmtpInstrumentor"]

_SCHEMA = "https://opentelemetry.io/schemas/1.36.0"


class Providers(TypedDict, total=False):
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None


class RsmtpInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Makes spans and metrics of what all clients and mailers of the process do, those that are
    there already too. There is one: each call of it gives the same.

    No address, no subject and no word of a server is in them.
    """

    if TYPE_CHECKING:

        def instrument(self, **options: Unpack[Providers]) -> None:
            """From now on. Without providers: the global ones."""

        def uninstrument(self, **options: Any) -> None:
            """No more from now on."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: it comes with what it watches."""
        return ()

    def _instrument(self, **options: Any) -> None:
        named = "rsmtp", rsmtp.__version__
        observing.observer = Observer(
            get_tracer(*named, options.get("tracer_provider"), schema_url=_SCHEMA),
            get_meter(*named, options.get("meter_provider"), schema_url=_SCHEMA),
        )

    def _uninstrument(self, **options: Any) -> None:
        observing.observer = None
