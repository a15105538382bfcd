"""A callable is asked by one session at a time, and not while its last answer is valid."""

import asyncio
import datetime
import gc
import itertools
import multiprocessing
import threading
import time
import weakref
from functools import partial

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors
from rsmtp._client import credentials, turns

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")


class Counted:
    """A callable that records how many calls ran at the same time."""

    def __init__(self, lifetime=None, pause=0.02):
        self.lifetime, self.pause = lifetime, pause
        self.within = self.most = self.calls = 0
        self.lock = threading.Lock()

    def _enter(self):
        with self.lock:
            self.within += 1
            self.calls += 1
            self.most = max(self.most, self.within)
            return self.calls

    def _leave(self, number):
        with self.lock:
            self.within -= 1
        text = f"secret-{number}"
        return text if self.lifetime is None else (text, time.time() + self.lifetime)

    def blocking(self):
        number = self._enter()
        time.sleep(self.pause)
        return self._leave(number)

    async def asynchronous(self):
        number = self._enter()
        await asyncio.sleep(self.pause)
        return self._leave(number)


def ask(secret, seconds=20, rejected=None):
    return credentials.ask("password", secret, seconds, rejected)


def ask_in_loop(secret, seconds=20, rejected=None):
    return credentials.ask_in_loop("password", secret, seconds, rejected)


def in_threads(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("lifetime", [None, 3600])
def test_threads_and_loops_take_turns(lifetime):
    counted = Counted(lifetime)
    told = []

    async def several():
        return await asyncio.gather(*(ask_in_loop(counted.blocking) for _ in range(4)))

    numbers = itertools.count()

    def work():
        if next(numbers) % 2:
            told.extend(asyncio.run(several()))
        else:
            told.append(ask(counted.blocking))

    in_threads(6, work)
    assert len(told) == 15 and counted.most == 1
    assert counted.calls == len(set(told)) == (15 if lifetime is None else 1)


def test_a_waiting_task_does_not_block_its_loop():
    counted = Counted(pause=0.2)

    async def main():
        ticks = 0
        tasks = [asyncio.create_task(ask_in_loop(counted.asynchronous)) for _ in range(3)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 5 and counted.most == 1
        return await asyncio.gather(*tasks)

    assert sorted(asyncio.run(main())) == ["secret-1", "secret-2", "secret-3"]


def held():
    """A callable that another thread is calling until it is released."""
    entered, let_go = threading.Event(), threading.Event()

    def secret():
        entered.set()
        assert let_go.wait(30)
        return "secret"

    thread = threading.Thread(target=ask, args=(secret,))
    thread.start()
    assert entered.wait(30)
    return secret, lambda: (let_go.set(), thread.join(30))


@pytest.mark.parametrize("way", ["thread", "loop"])
def test_the_wait_is_bounded(way):
    secret, let_go = held()
    try:
        with pytest.raises(
            errors.SMTPTimeoutError, match=r"other sessions asked the callable.*0\.05 s"
        ) as raised:
            if way == "thread":
                ask(secret, 0.05)
            else:
                asyncio.run(ask_in_loop(secret, 0.05))
        assert raised.value.stage == "auth" and not turns.turns_of(secret)._waiting
    finally:
        let_go()
    assert ask(secret) == "secret"


@pytest.mark.parametrize("argument", ["timeout", "deadline"])
def test_a_mailer_tells_that_it_waited_in_vain(argument):
    secret, let_go = held()
    try:
        with serve(answering(extensions=["AUTH PLAIN"])) as server:
            given = {"host": server.host, "port": server.port, "tls": "none", "username": "ann"}
            with rsmtp.Mailer(**given, password=secret, **{argument: 0.05}) as mailer:
                with pytest.raises(errors.SMTPTimeoutError, match="other sessions asked"):
                    mailer.send(MESSAGE)
            assert server.heard == b""
    finally:
        let_go()


def test_a_cancelled_wait_leaves_the_line():
    secret, let_go = held()

    async def main():
        waits = asyncio.create_task(ask_in_loop(secret))
        await asyncio.sleep(0.02)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    try:
        asyncio.run(main())
        assert not turns.turns_of(secret)._waiting
    finally:
        let_go()


def test_a_loop_that_ended_while_it_waited_holds_up_no_other():
    secret, let_go = held()
    loop = asyncio.new_event_loop()
    waits = loop.create_task(ask_in_loop(secret))
    loop.run_until_complete(asyncio.sleep(0.02))
    waits._log_destroy_pending = False
    loop.close()
    let_go()
    assert ask(secret) == "secret"


def test_what_it_raises_ends_its_turn():
    def secret():
        raise LookupError("no token")

    for _ in range(2):
        with pytest.raises(LookupError):
            ask(secret)
        with pytest.raises(LookupError):
            asyncio.run(ask_in_loop(secret))


def test_one_that_is_asked_while_it_is_asked_does_not_wait_for_itself():
    depth = []

    def secret():
        depth.append(None)
        return ask(secret) if len(depth) < 3 else "secret"

    assert ask(secret, None) == "secret"
    depth.clear()
    assert asyncio.run(ask_in_loop(secret, None)) == "secret"

    async def asynchronous():
        depth.append(None)
        return await ask_in_loop(asynchronous) if len(depth) < 3 else "secret"

    depth.clear()
    assert asyncio.run(ask_in_loop(asynchronous, None)) == "secret"
    assert not turns.turns_of(secret)._busy and not turns.turns_of(asynchronous)._busy


def _in_child(secret, queue):
    queue.put(ask(secret, 10))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_has_a_turn_of_its_own():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    entered, let_go = threading.Event(), threading.Event()
    parent = threading.get_ident()

    def secret():
        if threading.get_ident() != parent:
            entered.set()
            assert let_go.wait(30)
        return "secret"

    thread = threading.Thread(target=ask, args=(secret,))
    thread.start()
    assert entered.wait(30)
    try:
        child = context.Process(target=_in_child, args=(secret, queue))
        child.start()
        assert queue.get(timeout=20) == "secret"
        child.join(20)
    finally:
        let_go.set()
        thread.join(30)


# -- how long an answer is good --------------------------------------------------------------


class Clock:
    now = 2_000_000_000.0

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(turns, "time", clock)
    return clock


class Azure:
    def __init__(self, token, expires_on):
        self.token, self.expires_on = token, expires_on


FORMS = {
    "seconds": lambda text, when: (text, when),
    "whole seconds": lambda text, when: (text, int(when)),
    "a datetime": lambda text, when: (text, datetime.datetime.fromtimestamp(when, datetime.UTC)),
    "azure's": Azure,
}


@pytest.mark.parametrize("driver", ["thread", "loop"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(("lifetime", "good"), [(3600, 3539), (600, 539), (100, 89), (10, 8.9)])
def test_it_is_not_asked_again_before_shortly_before_the_expiry(clock, form, lifetime, good, driver):
    calls = []

    def secret():
        calls.append(None)
        return form(f"secret-{len(calls)}", clock.now + lifetime)

    def asked():
        return ask(secret) if driver == "thread" else asyncio.run(ask_in_loop(secret))

    assert asked() == "secret-1"
    clock.now += good
    assert asked() == "secret-1" and len(calls) == 1
    clock.now += lifetime / 9
    assert asked() == "secret-2" and len(calls) == 2


@pytest.mark.parametrize("secret", [lambda: "secret", lambda: ("secret", None), lambda: ("secret", 1.5e9)])
def test_without_an_expiry_and_after_it_each_session_asks(secret):
    calls = []

    def counted():
        calls.append(None)
        return secret()

    assert ask(counted) == ask(counted) == "secret" and len(calls) == 2


@pytest.mark.parametrize("driver", ["thread", "loop"])
@pytest.mark.parametrize(
    ("told", "error", "why"),
    [
        (("secret", "soon"), TypeError, "a str: seconds since 1970 or a datetime are wanted"),
        (("secret", True), TypeError, "a bool: seconds since 1970"),
        (("secret", 3600), ValueError, "long past"),
        (("secret", float("inf")), ValueError, "too far away"),
        (("secret", float("nan")), ValueError, "too far away"),
        (("secret", 2_000_000_000_000), ValueError, "not milliseconds"),
        (("secret", datetime.datetime(2030, 1, 1)), ValueError, "no time zone"),
        (("secret", 2e9, "more"), TypeError, "must return a text, not tuple"),
        ((7, 2e9), TypeError, "must return a text, not int"),
        (("", 2e9), ValueError, "returned an empty text"),
    ],
)
def test_what_can_not_be_meant(told, error, why, driver):
    with pytest.raises(error, match=why) as raised:
        if driver == "thread":
            ask(lambda: told)
        else:
            asyncio.run(ask_in_loop(lambda: told))
    assert "secret" not in str(raised.value)


# -- force ---------------------------------------------------------------------------------


def takes_force(force=False):
    return f"forced {force}"


def only_by_keyword(*, force=False):
    return f"forced {force}"


def takes_anything(**options):
    return f"forced {options.get('force', False)}"


def plain():
    return "forced False"


def only_by_place(force=False, /):
    return f"forced {force}"


class Method:
    def method(self, force=False):
        return f"forced {force}"

    def __call__(self, force=False):
        return f"forced {force}"


@pytest.mark.parametrize(
    ("secret", "knows"),
    [
        (takes_force, True),
        (only_by_keyword, True),
        (takes_anything, True),
        (partial(takes_force), True),
        (Method(), True),
        (Method().method, True),
        (plain, False),
        (only_by_place, False),
        (lambda: "forced False", False),
    ],
)
@pytest.mark.parametrize("driver", ["thread", "loop"])
def test_force_is_told_to_those_who_know_it(secret, knows, driver):
    def asked(rejected):
        if driver == "thread":
            return ask(secret, rejected=rejected)
        return asyncio.run(ask_in_loop(secret, rejected=rejected))

    assert asked(None) == "forced False"
    assert asked("forced False") == f"forced {knows}"


def test_a_newer_one_is_used_instead_of_asking_again():
    calls = []

    def secret(force=False):
        calls.append(force)
        return f"secret-{len(calls)}", time.time() + 3600

    assert ask(secret) == "secret-1"
    assert ask(secret, rejected="secret-1") == "secret-2"
    # Another session has used the first token.
    assert ask(secret, rejected="secret-1") == "secret-2"
    assert calls == [False, True]


# -- whose state it is -----------------------------------------------------------------------


class Unhashable:
    __hash__ = None

    def __eq__(self, other):
        return True

    def __call__(self):
        return "secret"


class Slots:
    __slots__ = ("calls",)

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return "secret", time.time() + 3600


def test_the_state_belongs_to_the_callable_and_goes_with_it():
    one, other = Unhashable(), Unhashable()
    assert turns.turns_of(one) is turns.turns_of(one) is not turns.turns_of(other)
    method = Method()
    assert turns.turns_of(method.method) is turns.turns_of(method.method) is not turns.turns_of(method)
    known = len(turns._known)
    gone = weakref.ref(method)
    del method, one, other
    gc.collect()
    assert gone() is None and len(turns._known) <= known - 4 + 1


def test_one_that_has_no_weak_references_is_known_to_its_mailer():
    slots = Slots()
    with rsmtp.Catcher(tls="none", username="ann", password="secret", auth_before_tls=True) as catcher:
        given = {"host": catcher.host, "port": catcher.port, "tls": "none", "username": "ann"}
        with rsmtp.Mailer(**given, password=slots, keep_idle=0, allow_plaintext_auth=True) as mailer:
            mailer.send(MESSAGE)
            mailer.send(MESSAGE)
    assert slots.calls == 1


def test_it_shows_nothing():
    def secret():
        return "sEcrEt", time.time() + 3600

    assert ask(secret) == "sEcrEt"
    assert "sEcrEt" not in repr(turns.turns_of(secret))
    with pytest.raises(TypeError, match="pickle"):
        import pickle

        pickle.dumps(turns.turns_of(secret))
