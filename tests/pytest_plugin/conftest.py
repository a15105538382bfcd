import pytest


@pytest.fixture
def project(pytester):
    """A project of its own; its tests run in a process of their own."""
    pytester.makeini("[pytest]\naddopts = -ra --strict-markers --strict-config\nfilterwarnings = error\n")

    def run(source, *arguments):
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess(*arguments)

    return run
