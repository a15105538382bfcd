"""What only `Mailer` does: it works for several threads, and for who asks it while it works."""

import threading

import rsmtp


def messages(count):
    content = b"Subject: x\r\n\r\nhello\r\n"
    return [("a@example.org", [f"b{number}@example.org"], content) for number in range(count)]


def test_twenty_threads_share_as_many_sessions_as_they_may():
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none", connections=2) as mailer:
            told = []

            def send():
                told.extend(mailer.send(message).ok for message in messages(5))

            threads = [threading.Thread(target=send) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert told == [True] * 100 and mailer.idle <= 2
        assert len(catcher.messages) == 100


def test_sending_within_a_sending_on_one_session():
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:

            def outer():
                for message in messages(3):
                    assert mailer.send(message).ok
                    yield message

            assert mailer.send_all(outer()).sent == 3
            assert mailer.idle == 1
        assert len(catcher.messages) == 6
