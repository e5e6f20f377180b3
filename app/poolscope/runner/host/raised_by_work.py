"""What the user's code may raise. Whatever else is no Exception is ours, such as the interrupt of a context."""

from __future__ import annotations

import asyncio

# Apart from the errors that a runner knows of as well: it starts in two thirds of the time without asyncio.
RAISED_BY_WORK = (Exception, SystemExit, KeyboardInterrupt, asyncio.CancelledError)
