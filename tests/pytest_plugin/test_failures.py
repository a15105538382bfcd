"""The output of a failing test."""


def test_the_conversation(project):
    result = project("""
        import smtplib

        def test_it(smtp_server):
            with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
                client.login(smtp_server.username, smtp_server.password)
                client.sendmail("ann@example.org", "bob@example.org", "Subject: Hello\\n\\nIt works.\\n")
            print("the password is", smtp_server.password)
            assert False, "on purpose"
    """)
    result.assert_outcomes(failed=1)
    output = result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "*- SMTP conversation (127.0.0.1:*) -*",
            "-- connection 1, from 127.0.0.1:*, logged in as catcher",
            "S: 220 localhost ESMTP rsmtp catcher",
            "C: ehlo *",
            "S: 235 2.7.0 Authenticated",
            "C: mail [Ff][Rr][Oo][Mm]:<ann@example.org>*",
            "S: 250 2.0.0 Ok: queued as 1",
            "C: QUIT",
        ]
    )
    password = output.split("the password is ")[1].split()[0]
    assert output.count(password) == output.count(f"the password is {password}")


def test_no_client_has_connected(project):
    result = project("def test_it(sent_messages): sent_messages.only(timeout=0)")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*did not arrive within 0 s*", "*nothing*", "-- no client has connected to 127.0.0.1:*"]
    )
    # The output shows the test's own line, and none of the plugin's.
    assert "messages.py" not in result.stdout.str()


def test_a_failing_fixture_shows_it_too(project):
    result = project("""
        import pytest, smtplib

        @pytest.fixture
        def broken(smtp_server):
            with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
                client.ehlo("broken.example")
            raise RuntimeError("on purpose")

        def test_it(broken):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["C: ehlo broken.example"])


def test_a_passing_test_shows_nothing(project):
    result = project("def test_it(smtp_server): pass", "-rA")
    result.assert_outcomes(passed=1)
    assert "SMTP conversation" not in result.stdout.str()


def test_comparisons_show_the_message(project):
    result = project("""
        import smtplib

        def send(server):
            with smtplib.SMTP(server.host, server.port) as client:
                client.sendmail(
                    "ann@example.org",
                    "bob@example.org",
                    "From: ann@example.org\\nSubject: Report\\n\\nAll is well.\\nReally.\\n",
                )

        def test_message(smtp_server, sent_messages):
            send(smtp_server)
            assert "Hello" in sent_messages.only()

        def test_messages(smtp_server, sent_messages):
            send(smtp_server)
            assert "Hello" in sent_messages

        def test_another(smtp_server, sent_messages):
            send(smtp_server)
            sent_messages.to("carol@example.org").only(timeout=0)

        def test_unasked(smtp_server, sent_messages):
            send(smtp_server)
            assert "well" not in sent_messages.only()
    """)
    result.assert_outcomes(failed=4)
    described = "<message 'Report' from ann@example.org to bob@example.org>"
    result.stdout.fnmatch_lines(
        [
            f"E*'Hello' in {described}",
            "E*From: ann@example.org",
            "E*Subject: Report",
            "E*All is well.",
            "E*Really.",
            "E*'Hello' in the messages that have arrived:",
            f"E*{described}",
            "E*AssertionError: a message to carol@example.org did not arrive within 0 s, none did; arrived:",
            f"E*{described}",
            f"E*'well' not in {described}",
        ]
    )
