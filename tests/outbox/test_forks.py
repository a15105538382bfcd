"""A process forks while an outbox is open."""

import multiprocessing
import os
import threading

import pytest
from outbox.letters import number_of, raw

import rsmtp
from rsmtp.outbox import Outbox

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def in_child(do):
    """The exit code of a child."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            do()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_puts_and_sends_and_the_parent_goes_on(outbox, catcher):
    url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
    outbox.put(raw(0))

    def child():
        outbox.put_all(raw(number) for number in range(1, 600))
        with rsmtp.Mailer(url) as mailer:
            assert outbox.run(mailer).sent == 600

    assert in_child(child) == 0
    assert outbox.status()["sent"] == 600
    outbox.put(raw(600))
    with rsmtp.Mailer(url) as mailer:
        assert outbox.run(mailer).sent == 1
    assert sorted(number_of(message.data) for message in catcher.messages) == list(range(601))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_while_another_thread_writes(outbox):
    """The child doesn't have the thread, so a lock that the thread held would never be released."""
    writes, goes_on = threading.Event(), threading.Event()

    def write():
        with outbox._database.writing(), outbox._database.reading_beside():
            writes.set()
            goes_on.wait()

    thread = threading.Thread(target=write)
    thread.start()
    writes.wait()
    child = os.fork()
    if child == 0:
        found = sum(outbox.status().values())
        os._exit(found)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        goes_on.set()
        thread.join()
    outbox.put(raw(1))
    assert in_child(lambda: outbox.put(raw(2))) == 0
    assert outbox.status()["queued"] == 2


def send(path, url):
    with Outbox(path) as outbox, rsmtp.Mailer(url) as mailer:
        outbox.run(mailer)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_of_multiprocessing_share_it(outbox, catcher, method):
    outbox.put_all(raw(number) for number in range(600))
    context = multiprocessing.get_context(method)
    url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
    children = [context.Process(target=send, args=(outbox._database.path, url)) for _ in range(2)]
    for child in children:
        child.start()
    send(outbox._database.path, url)
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert outbox.status()["sent"] == 600
    assert sorted(number_of(message.data) for message in catcher.messages) == list(range(600))
