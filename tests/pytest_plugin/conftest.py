import pytest


@pytest.fixture
def project(pytester):
    """A separate project, whose tests run in their own process."""
    pytester.makeini("[pytest]\naddopts = -ra --strict-markers --strict-config\nfilterwarnings = error\n")

    def run(source, *arguments):
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess(*arguments)

    return run
