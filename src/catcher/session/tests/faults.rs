//! What a fault does to a conversation.

use super::*;

#[test]
fn a_refusal_by_fault_takes_the_effect_away() {
    let refused = Fault {
        address: Some("bob@b".into()),
        times: Some(1),
        reply: FaultReply::Reply { code: 550, wire: b"550-no\r\n550 such user\r\n".to_vec() },
        ..Fault::at(Stage::Rcpt)
    };
    converse(
        &bare(),
        &[refused],
        "S: 220 mx ESMTP rsmtp catcher
         C: EHLO me
         S: 250-mx greets me
         S: 250 PIPELINING
         C: MAIL FROM:<a@b>
         S: 250 Sender ok
         C: RCPT TO:<bob@b>
         S: 550-no
         S: 550 such user
         C: DATA
         S: 554 No valid recipients
         C: RCPT TO:<bob@b>
         S: 250 Recipient ok",
    );
}

#[test]
fn a_fault_can_keep_the_message_and_lose_the_reply() {
    let lost = Fault {
        reply: FaultReply::Nothing,
        disconnect: Some(Disconnect::Reset),
        accept: Some(true),
        ..Fault::at(Stage::EndOfData)
    };
    let mut server = converse(
        &bare(),
        &[lost],
        "S: 220 mx ESMTP rsmtp catcher
         C: HELO me
         C: MAIL FROM:<a@b>
         C: RCPT TO:<c@d>
         C: DATA
         S: 250 mx greets me
         S: 250 Sender ok
         S: 250 Recipient ok
         S: 354 End data with <CR><LF>.<CR><LF>",
    );
    server.hear(b"x\r\n.\r\n");
    assert_eq!(data_of(&mut server).len(), 1);
    assert_eq!(server.effects, ["Close(Reset)"]);
}

#[test]
fn a_reply_can_come_in_the_middle_of_mail_data() {
    let early =
        Fault { after: 3, reply: FaultReply::Raw(b"250 early\r\n".to_vec()), ..Fault::at(Stage::MailData) };
    let mut server = converse(
        &bare(),
        &[early],
        "S: 220 mx ESMTP rsmtp catcher
         C: HELO me
         C: MAIL FROM:<a@b>
         C: RCPT TO:<c@d>
         C: DATA
         S: 250 mx greets me
         S: 250 Sender ok
         S: 250 Recipient ok
         S: 354 End data with <CR><LF>.<CR><LF>
         C: 123
         S: 250 early
         C: .
         S: 250 Ok: queued as 1",
    );
    assert_eq!(data_of(&mut server)[0].data, b"123\r\n");
}

#[test]
fn effects_hold_the_line_where_it_stands() {
    let slow = Fault { delay: Duration::from_secs(1), ..Fault::at(Stage::Noop) };
    let plan = FaultPlan::default();
    plan.add(slow);
    let mut session = Session::new(Arc::new(bare()), Arc::new(plan), Arc::default(), String::new());
    session.output().clear();
    let input = b"NOOP\r\nRSET\r\n";
    assert_eq!(session.receive(input, Duration::ZERO), 6);
    assert!(session.output().is_empty());
    assert!(matches!(session.effect(), Some(Effect::Wait(_))));
    assert!(matches!(session.effect(), Some(Effect::Send(_))));
    assert_eq!(session.receive(&input[6..], Duration::ZERO), 6);
    assert_eq!(session.output(), b"250 Ok\r\n");
}
