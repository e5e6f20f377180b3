"""Items of a class whose module is slow to import, and numbers in a module that is slow itself."""

from __future__ import annotations

import heavy_library  # type: ignore[import-not-found]  # it lies beside, as in a user's folder

records = [heavy_library.Record(number) for number in range(4)]
pairs = [(number, heavy_library.Record(number)) for number in range(4)]
numbers = [1, 2, 3, 4]
