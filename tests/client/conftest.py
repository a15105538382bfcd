import pytest


@pytest.fixture(params=["blocking"])
def either_driver(request):
    """The same test over every driver."""
    return request.param
