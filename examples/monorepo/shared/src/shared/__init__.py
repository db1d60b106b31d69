"""What several services have in common: logging, and what a health check says."""

import structlog
from pydantic import BaseModel


class Health(BaseModel):
    """The answer of a service that works."""

    service: str
    ok: bool = True


def logger(service: str):
    """A logger whose lines name the service."""
    return structlog.get_logger().bind(service=service)
