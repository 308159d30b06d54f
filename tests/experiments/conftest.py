import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What runs an experiment is slow, so that `make test` stays quick with every one that is added."""
    for item in items:
        runs = "result" in getattr(item, "fixturenames", ()) or item.name.startswith("test_quick_run")
        if "tests/experiments/" in item.nodeid and runs:
            item.add_marker(pytest.mark.slow)
