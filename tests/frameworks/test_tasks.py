"""`rsmtp.tasks` sends a job once, however often it is delivered."""

import json
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import rsmtp
from frameworks import redis_server
from rsmtp.tasks import Deliverer, MailRefused, PutOff, RedisClaims, RedisRate, job


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with redis_server.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["outbox", "redis"])
def once(request, tmp_path):
    """The file that records which messages were sent."""
    if request.param == "outbox":
        return lambda **times: rsmtp.Outbox(tmp_path / "mail.db", **times)
    server = request.getfixturevalue("redis")
    prefix = f"{tmp_path}:"
    return lambda **times: RedisClaims(server.url, prefix=prefix, **times)


def mailer(catcher, **options):
    return rsmtp.Mailer(host=catcher.host, port=catcher.port, **({"retries": 0} | options))


def letter(text="Hello", to="bob@example.net", **fields):
    return rsmtp.Message(text, subject="Invoice", from_="ann@example.org", to=to, **fields)


def test_a_job_is_json(catcher, once):
    told = json.loads(json.dumps(job(letter("Grüße\n"), key="invoice/7")))
    outcome = Deliverer(mailer(catcher), once=once())(told)
    assert json.loads(json.dumps(outcome)) == outcome
    assert [(one["address"], one["fate"]) for one in outcome["recipients"]] == [("bob@example.net", "sent")]
    assert outcome["message_id"] == catcher.messages[0].email["Message-ID"]
    assert catcher.messages[0].email.get_content() == "Grüße\r\n"


def test_the_same_job_again_sends_nothing(catcher, once):
    deliver, told = Deliverer(mailer(catcher), once=once()), job(letter(), key="invoice/7")
    first = deliver(told)
    assert deliver(told)["recipients"] == first["recipients"]
    assert Deliverer(mailer(catcher), once=once())(told)["recipients"] == first["recipients"]
    assert catcher.count == 1
    # The same message, created again.
    assert deliver(job(letter(), key="invoice/7"))["recipients"] == first["recipients"]
    with pytest.raises(ValueError, match="'invoice/7' was given to another message"):
        deliver(job(letter("Another"), key="invoice/7"))
    assert catcher.count == 1


def test_the_same_job_again_is_told_the_same(catcher, once):
    wanted = rsmtp.Envelope(dsn=rsmtp.Dsn(ret="headers", notify="never"), priority=3, if_offered=True)
    told = job(letter(to=["a@example.net", "b@example.net"]), key="invoice/7", envelope=wanted)
    catcher.fault("RCPT", reply=(450, "4.2.0 greylisted"), times=1, address="b@example.net")
    with pytest.raises(PutOff):
        Deliverer(mailer(catcher), once=once())(told)
    first = Deliverer(mailer(catcher), once=once())(told)
    assert first["options"] == ["RET=HDRS", "MT-PRIORITY=3"] and first["options_left_out"] == []
    assert first["server"] and {"attempts", "seconds", "error"} <= first.keys()
    assert [one["options"] for one in first["recipients"]] == [["NOTIFY=NEVER"]] * 2
    again = Deliverer(mailer(catcher), once=once())(told)
    assert again == first and catcher.count == 2


def test_the_tasks_identifier_is_a_key(catcher, once):
    deliver, told = Deliverer(mailer(catcher), once=once()), job(letter())
    deliver(told, "celery/1")
    deliver(told, "celery/1")
    deliver(told, "celery/2")
    assert catcher.count == 2
    with pytest.raises(ValueError, match="key: "):
        deliver(told)


def test_many_at_once_send_one(catcher, once):
    catcher.fault("end-of-data", reply="usual", delay=0.3)
    told = job(letter(), key="invoice/7")
    deliverers = [Deliverer(mailer(catcher), once=once()) for _ in range(4)]

    def deliver(number):
        try:
            return deliverers[number % 4](told)["recipients"][0]["fate"]
        except PutOff as later:
            assert later.seconds >= 1
            return "elsewhere"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(deliver, range(8)))
    assert catcher.count == 1
    assert "sent" in outcomes and set(outcomes) <= {"sent", "elsewhere"}


def test_what_is_put_off_is_sent_by_the_next_delivery(catcher, once):
    catcher.fault("RCPT", reply=(450, "4.2.0 greylisted"), times=1, address="b@example.net")
    deliver = Deliverer(mailer(catcher), once=once())
    told = job(letter(to=["a@example.net", "b@example.net"]), key="invoice/7")
    with pytest.raises(PutOff, match="b@example.net refused: 450 4.2.0 greylisted; again in") as raised:
        deliver(told)
    assert 1 <= raised.value.seconds <= 60
    outcome = deliver(told)
    assert {one["address"]: one["fate"] for one in outcome["recipients"]} == {
        "a@example.net": "sent",
        "b@example.net": "sent",
    }
    assert [message.rcpt_tos for message in catcher.messages] == [["a@example.net"], ["b@example.net"]]


def test_it_is_given_up_after_some_time(catcher, once):
    catcher.fault("RCPT", reply=(450, "4.2.0 greylisted"))
    deliver = Deliverer(mailer(catcher), once=once(give_up_after=0.001))
    with pytest.raises(MailRefused, match="greylisted"):
        deliver(job(letter(), key="invoice/7"))


def test_refused_is_final(catcher, once):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), times=1)
    deliver, told = Deliverer(mailer(catcher), once=once()), job(letter(), key="invoice/7")
    for _ in range(2):
        with pytest.raises(MailRefused, match=r"bob@example.net refused: 550 .*no such user") as raised:
            deliver(told)
        assert raised.value.outcome["recipients"][0]["fate"] == "refused"
    assert catcher.count == 0


def test_no_server_is_a_matter_of_time(once):
    deliver = Deliverer(rsmtp.Mailer(host="127.0.0.1", port=1, retries=0), once=once())
    told = job(letter(), key="invoice/7")
    with pytest.raises(PutOff, match="SMTPConnectionRefused"):
        deliver(told)
    with rsmtp.Catcher() as catcher:
        Deliverer(mailer(catcher), once=once())(told)
        assert catcher.count == 1


def test_a_refused_login_is_no_matter_of_time(once):
    with rsmtp.Catcher(username="ann", password="right", tls="none") as catcher:
        wrong = mailer(catcher, username="ann", password="wrong", tls="none", allow_plaintext_auth=True)
        told = job(letter(), key="invoice/7")
        with pytest.raises(rsmtp.SMTPAuthenticationError):
            Deliverer(wrong, once=once())(told)
        right = mailer(catcher, username="ann", password="right", tls="none", allow_plaintext_auth=True)
        Deliverer(right, once=once())(told)
        assert catcher.count == 1


def test_unknown_is_a_result(catcher, once):
    catcher.fault("end-of-data", disconnect=True, accept=True, times=1)
    deliver, told = Deliverer(mailer(catcher), once=once()), job(letter(), key="invoice/7")
    for _ in range(2):
        assert [one["fate"] for one in deliver(told)["recipients"]] == ["unknown"]
    assert catcher.count == 1


def deliver_in_a_child(make_once, catcher_place, told):
    def run():
        host, port = catcher_place
        Deliverer(rsmtp.Mailer(host=host, port=port, retries=0), once=make_once())(told)
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    return child


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(("stage", "fate"), [("EHLO", "sent"), ("end-of-data", "unknown")])
def test_a_worker_that_is_killed(catcher, once, stage, fate):
    """If the worker is killed before the end of the mail data is announced, another one sends the
    message. After that, the fate is unknown."""
    make = lambda: once(lease=1.0)  # noqa: E731
    told = job(letter(), key="invoice/7")
    catcher.fault(stage, stall=True, times=1)
    child = deliver_in_a_child(make, (catcher.host, catcher.port), told)
    until = time.monotonic() + 30
    reached = {"EHLO": "EHLO", "end-of-data": "BDAT"}[stage]
    while not any(reached in str(conversation) for conversation in catcher.conversations):
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    deliver = Deliverer(mailer(catcher), once=make())
    while True:
        try:
            outcome = deliver(told)
            break
        except PutOff:
            assert time.monotonic() < until
            time.sleep(0.1)
    assert [one["fate"] for one in outcome["recipients"]] == [fate]
    assert catcher.count == (1 if fate == "sent" else 0)


def test_the_number_of_a_message_in_the_outbox(catcher, tmp_path):
    outbox = rsmtp.Outbox(tmp_path / "mail.db")
    number = outbox.put(letter()).id
    deliver = Deliverer(mailer(catcher), once=outbox)
    assert deliver(number)["recipients"][0]["fate"] == "sent"
    assert deliver(number)["recipients"][0]["fate"] == "sent"
    assert catcher.count == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "job: .* is wanted, not None"),
        (True, "job: "),
        ({}, "job: from, to, eml is missing"),
        ({"from": "a@b.example", "to": ["b@b.example"], "eml": "not base64!"}, "eml is not base64"),
        ({"from": "a@b.example", "to": ["b b@b.example"], "eml": ""}, "to_addrs"),
        ({"from": "a@b.example", "to": [], "eml": ""}, "no recipients"),
        (17, "this deliverer has none"),
    ],
)
def test_what_is_no_job(catcher, redis, given, words):
    deliver = Deliverer(mailer(catcher), once=RedisClaims(redis.url))
    with pytest.raises((ValueError, TypeError), match=words):
        deliver(given, "key")
    assert catcher.connections == 0


@pytest.mark.parametrize("arguments", [{"mailer": 5}, {"once": 5}, {"rate": 5}])
def test_bad_arguments(tmp_path, arguments):
    good = {"mailer": "smtp://mail.example.org", "once": tmp_path / "mail.db"}
    with pytest.raises(TypeError, match=next(iter(arguments))):
        Deliverer(**(good | arguments))


def test_rate_over_all_workers(redis):
    first, second = (RedisRate(redis.url, 20, name="a rate") for _ in range(2))
    began = time.monotonic()
    taken = 0
    while time.monotonic() - began < 1.0:
        for rate in (first, second):
            if (wait := rate()) == 0:
                taken += 1
            else:
                assert 0 < wait <= 0.06
        time.sleep(0.001)
    assert taken <= 22


def test_burst(redis):
    rate = RedisRate(redis.url, 1, burst=5, name="a burst")
    assert [rate() == 0 for _ in range(7)] == [True] * 5 + [False] * 2


def test_the_rate_puts_a_job_off_or_waits(catcher, tmp_path):
    waits = [0.05, 0.0]
    deliver = Deliverer(mailer(catcher), once=tmp_path / "mail.db", rate=lambda: waits.pop(0))
    deliver(job(letter()), "1")
    assert catcher.count == 1 and not waits
    deliver = Deliverer(mailer(catcher), once=tmp_path / "mail.db", rate=lambda: 60.0)
    with pytest.raises(PutOff, match="not its turn") as raised:
        deliver(job(letter()), "2")
    assert raised.value.seconds == 60.0


def test_threads_of_one_deliverer(catcher, once):
    deliver = Deliverer(mailer(catcher, connections=4), once=once())
    jobs = [job(letter(to=f"n{number}@example.net"), key=f"k/{number}") for number in range(40)]
    failed = []

    def work(mine):
        for told in mine:
            try:
                deliver(told)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(jobs[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len({tuple(message.rcpt_tos) for message in catcher.messages}) == catcher.count == 40


def test_what_the_rules_hold_back_is_no_failure(catcher, once):
    outcome = Deliverer(mailer(catcher, allow=["*@example.org"]), once=once())(job(letter(), key="1"))
    assert [(one["address"], one["fate"]) for one in outcome["recipients"]] == [
        ("bob@example.net", "suppressed")
    ]
    assert catcher.count == 0


def test_what_is_redirected_is_sent_once_and_put_off_as_others_are(catcher, once):
    catcher.fault("RCPT", reply=(450, "4.2.0 later"), times=1)
    deliver = Deliverer(mailer(catcher, redirect="test@example.org"), once=once())
    told = job(letter(to=["a@example.net", "b@example.net"]), key="1")
    with pytest.raises(PutOff, match="450 4.2.0 later"):
        deliver(told)
    for _ in range(2):
        outcome = deliver(told)
        assert {"a@example.net", "b@example.net"} <= {one["address"] for one in outcome["recipients"]}
    assert [message.rcpt_tos for message in catcher.messages] == [["test@example.org"]]


def test_one_that_is_put_off_is_no_reason_to_redirect_the_others_again(catcher, once):
    catcher.fault("RCPT", reply=(450, "4.2.0 later"), times=1, address="dev@example.org")
    deliver = Deliverer(mailer(catcher, redirect="test@example.org", allow=["dev@example.org"]), once=once())
    told = job(letter(to=["a@example.net", "dev@example.org"]), key="1")
    with pytest.raises(PutOff, match="450 4.2.0 later"):
        deliver(told)
    deliver(told)
    assert [message.rcpt_tos for message in catcher.messages] == [["test@example.org"], ["dev@example.org"]]


def test_a_rule_that_fails_is_a_matter_of_time(catcher, once):
    answers = [LookupError("the list can't be read"), None]

    def suppression(address):
        if (answer := answers.pop(0)) is not None:
            raise answer

    deliver, told = Deliverer(mailer(catcher, suppression=suppression), once=once()), job(letter(), key="1")
    with pytest.raises(PutOff, match="the list can't be read"):
        deliver(told)
    assert deliver(told)["recipients"][0]["fate"] == "sent"


def test_a_claim_may_outlast_its_lease_if_it_is_alone(catcher, redis, tmp_path):
    catcher.fault("EHLO", reply="usual", delay=1.0)
    once = RedisClaims(redis.url, prefix=f"{tmp_path}:", lease=0.3)
    outcome = Deliverer(mailer(catcher), once=once)(job(letter(), key="1"))
    assert outcome["recipients"][0]["fate"] == "sent" and catcher.count == 1


def test_a_message_that_another_worker_has_taken_is_left_to_it(catcher, redis, tmp_path):
    catcher.fault("EHLO", reply="usual", delay=1.0, times=1)
    told = job(letter(), key="1")

    def deliverer():
        return Deliverer(mailer(catcher), once=RedisClaims(redis.url, prefix=f"{tmp_path}:", lease=0.3))

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(deliverer(), told)
        time.sleep(0.6)
        assert deliverer()(told)["recipients"][0]["fate"] == "sent"
        with pytest.raises(PutOff, match="another worker"):
            slow.result(30)
    assert catcher.count == 1
    assert deliverer()(told)["recipients"][0]["fate"] == "sent" and catcher.count == 1


def test_a_message_is_remembered_while_it_waits(catcher, redis, tmp_path):
    """Its first recipient has it, and would get it again."""
    catcher.fault("RCPT", reply=(450, "4.2.0 try again in 3 seconds"), address="eve@example.net", times=1)
    once = RedisClaims(redis.url, prefix=f"{tmp_path}:", keep=2, lease=1, first_retry=0.1)
    deliver, told = (
        Deliverer(mailer(catcher), once=once),
        job(letter(to=["bob@example.net", "eve@example.net"]), key="1"),
    )
    with pytest.raises(PutOff, match="again in 3 s") as later:
        deliver(told)
    time.sleep(later.value.seconds)
    assert [one["fate"] for one in deliver(told)["recipients"]] == ["sent", "sent"]
    assert [message.rcpt_tos for message in catcher.messages] == [["bob@example.net"], ["eve@example.net"]]


@pytest.mark.parametrize("times", [{"keep": 60}, {"lease": 86400, "keep": 86400}])
def test_a_message_is_not_forgotten_while_it_is_sent(times):
    with pytest.raises(ValueError, match="keep: .* seconds are no longer than the lease"):
        RedisClaims("redis://127.0.0.1:1", **times)


def test_a_redis_that_is_away_is_a_matter_of_time(catcher):
    deliver = Deliverer(mailer(catcher), once=RedisClaims("redis://127.0.0.1:1"))
    with pytest.raises(PutOff, match="ConnectionError"):
        deliver(job(letter(), key="1"))
    assert catcher.count == 0


def test_a_hook_that_fails_afterwards_sends_nothing_twice(catcher, once):
    told, failures = job(letter(), key="1"), [LookupError("no statistics now")]

    def after_send(receipt):
        if failures:
            raise failures.pop()

    deliver = Deliverer(mailer(catcher, after_send=after_send, before_send=lambda message: None), once=once())
    with pytest.raises(LookupError):
        deliver(told)
    assert deliver(told)["recipients"][0]["fate"] == "sent"
    assert catcher.count == 1


def test_a_key_that_is_no_text_is_told(catcher, once):
    with pytest.raises((TypeError, ValueError), match="key: "):
        Deliverer(mailer(catcher), once=once())(job(letter()) | {"key": 7})
    assert catcher.count == 0
