import pytest

from credentials.endpoint import Endpoint, everywhere


@pytest.fixture
def endpoint():
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return tmp_path_factory.mktemp("endpoint")


@pytest.fixture
def providers(certificates, monkeypatch):
    """The endpoint answers whenever Google or Microsoft is asked for a token."""
    with everywhere(certificates) as (endpoint, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield endpoint
