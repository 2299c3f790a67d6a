"""What all tests share: `support` is importable, and the markers."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "theory: against a formula, by intervals whose levels add up to 99 %")
    config.addinivalue_line("markers", "interpreted: also run with the compiler off")
