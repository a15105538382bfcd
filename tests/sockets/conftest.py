import pytest
from sockets.proxies import microsocks

import rsmtp


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


@pytest.fixture
def socks_proxy():
    with microsocks() as proxy:
        yield proxy
