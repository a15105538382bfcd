"""Refusals quoted from receivers' pages and from user reports, with example names and addresses.
Each sample follows the table row that it should match."""
# ruff: noqa: E501  servers' lines are not broken

SAMPLES = {
    "gmail-unauthenticated": [
        "550-5.7.26 This email has been blocked because the sender is unauthenticated.\n550-5.7.26 Gmail requires "
        "all senders to authenticate with either SPF or DKIM.\n550-5.7.26 Authentication results:\n550-5.7.26  DKIM "
        "= did not pass\n550-5.7.26  SPF [example.com] with ip: [192.0.2.1] = did not pass\n550 5.7.26  "
        "https://support.google.com/mail/answer/81126#authentication a1si1234567wrx.7 - gsmtp",
        "421-4.7.26 This email has been rate limited because it is unauthenticated. 421-4.7.26 "
        "https://support.google.com/mail/answer/81126#authentication x1 - gsmtp",
    ],
    "gmail-dmarc-policy": [
        "550-5.7.26 Unauthenticated email from example.com is not accepted due to\n550-5.7.26 domain's DMARC policy. "
        "Please contact the administrator of\n550 5.7.26 https://support.google.com/mail/answer/2451690 - gsmtp",
    ],
    "gmail-spf-hard-fail": [
        "550-5.7.26 The MAIL FROM domain [example.com] has an SPF record with a hard fail policy (-all) but it fails "
        "to pass SPF checks with the ip: [192.0.2.1]. - gsmtp",
    ],
    "gmail-spf": [
        "421-4.7.27 Your email has been rate limited because SPF authentication didn't pass for this message. Gmail "
        "requires all bulk email senders to authenticate their email with SPF. - gsmtp",
        "550 5.7.27 This message was blocked because it didn't pass SPF authentication. x2 - gsmtp",
    ],
    "gmail-dkim": [
        "421-4.7.30 Your email has been rate limited because DKIM authentication didn't pass for this message. Gmail "
        "requires all email bulk senders to authenticate their email with DKIM. x3 - gsmtp",
        "550-5.7.30 This message was blocked because it didn't pass DKIM authentication. x4 - gsmtp",
    ],
    "gmail-no-dmarc": [
        "550-5.7.40 Your message was blocked because the sending domain doesn't have a DMARC record or the DMARC "
        "record doesn't specify a DMARC policy. x5 - gsmtp",
    ],
    "gmail-alignment": [
        "421-4.7.32 Your email has been rate limited because the From: header (RFC5322) in this message isn't "
        "aligned with either the authenticated SPF or DKIM organizational domain. x6 - gsmtp",
    ],
    "gmail-reverse-dns": [
        "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup, or the "
        "corresponding forward DNS entry does not match the sending IP. x7 - gsmtp",
    ],
    "gmail-reverse-dns-in-words": [
        "421-4.7.0 The IP address sending this message does not have a PTR record, or the corresponding forward DNS "
        "entry does not point to the sending IP. x8 - gsmtp",
        "550-5.7.1 [2001:db8::1] Our system has detected that this message does not meet IPv6 sending guidelines "
        "regarding PTR records and authentication. x9 - gsmtp",
    ],
    "gmail-spf-suspicious": [
        "550-5.7.24 The SPF record of the sending domain has one or more suspicious entries. x10 - gsmtp",
    ],
    "gmail-rate": [
        "421-4.7.28 Gmail has detected an unusual rate of unsolicited email originating from your IP address. To "
        "protect our users from spam, email sent from your IP address has been temporarily rate limited. - gsmtp",
        "550-5.7.28 There is an unusual rate of unsolicited email originating from your IP address. x11 - gsmtp",
    ],
    "gmail-tls": [
        "421-4.7.29 Your email has been rate limited because you're not using a TLS connection. x12 - gsmtp",
    ],
    "gmail-tls-for-domain": ["421 4.7.0 TLS required for RCPT domain, closing connection. x13 - gsmtp"],
    "gmail-spam": [
        "550-5.7.1 [192.0.2.1      12] Our system has detected that this message is\n550-5.7.1 likely unsolicited mail. "
        "To reduce the amount of spam sent to Gmail,\n550-5.7.1 this message has been blocked. Please visit\n550 5.7.1 "
        "https://support.google.com/mail/?p=UnsolicitedMessageError x14 - gsmtp",
        "550-5.7.1 [192.0.2.1] Our system has detected that this message is likely suspicious due to the very low "
        "reputation of the sending domain. x15 - gsmtp",
    ],
    "gmail-form": [
        "550-5.7.1 Messages missing a valid address in the From: header, or having no From: header, are not "
        "accepted. x16 - gsmtp",
        "550-5.7.1 This message is not RFC 5322 compliant because it has duplicate headers. x17 - gsmtp",
        "554 5.6.0 Email message is malformed. Not accepted. x18 - gsmtp",
    ],
    "gmail-recipient-rate": [
        "450-4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a "
        "later time. x19 - gsmtp",
        "550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages "
        "from being delivered. x20 - gsmtp",
    ],
    "gmail-full": [
        "452-4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to\n452 4.2.2 "
        "https://support.google.com/mail/?p=OverQuotaTemp x21 - gsmtp",
        "552-5.2.2 The recipient's inbox is out of storage space and inactive. x22 - gsmtp",
    ],
    "gmail-inactive": [
        "550-5.2.1 The email account that you tried to reach is inactive. For more\n550-5.2.1 information, go to\n"
        "550 5.2.1 https://support.google.com/mail/?p=DisabledUser x23 - gsmtp",
    ],
    "gmail-no-account": [
        "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the "
        "recipient's email address for typos or\n550-5.1.1 unnecessary spaces. For more information, go to\n550 5.1.1 "
        "https://support.google.com/mail/?p=NoSuchUser x24 - gsmtp",
    ],
    "gmail-blocked-file": [
        "552-5.7.0 This message was blocked because its content presents a potential\n552-5.7.0 security issue. "
        "https://support.google.com/mail/?p=BlockedMessage x25 - gsmtp",
    ],
    "gmail-size": ["552-5.3.4 Your message exceeded Google's message size limits. x26 - gsmtp"],
    "gmail-daily-limit": [
        "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n550 5.4.5 sending limits go to "
        "https://support.google.com/a/answer/166852 x27 - gsmtp",
    ],
    "gmail-relay": [
        "550-5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've registered in your Workspace SMTP "
        "Relay service doesn't match the domain of the account this email is being sent from. x28 - gsmtp",
        "550-5.7.0 Mail relay denied [192.0.2.1]. Invalid credentials for relay for one of the domains. x29 - gsmtp",
    ],
    "gmail-domain-policy": [
        "550-5.7.1 The user or domain that you are sending to (or from) has a policy that prohibits the mail that you "
        "sent. x30 - gsmtp",
        "550 5.7.1 This message violates example.com email policy. - gcdp x31 - gsmtp",
    ],
    "gmail-not-directly": [
        "550-5.7.1 The IP you're using to send mail is not authorized to send email directly to our servers. x32 - "
        "gsmtp",
    ],
    "microsoft-authentication": [
        "550 5.7.515 Access denied, sending domain EXAMPLE.COM doesn't meet the required authentication level. The "
        "sender's domain in the 5322.From address doesn't meet the authentication requirements defined for the "
        "sender. Spf= Fail , Dkim= Pass , DMARC= Pass [AMS0EPF000001B7.eurprd05.prod.outlook.com]",
    ],
    "microsoft-block-list": [
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service "
        "provider since part of their network is on our block list (S3140). You can also refer your provider to "
        "http://mail.live.com/mail/troubleshooting.aspx#errors. [DM6NAM12FT056.eop-nam12.prod.protection.outlook.com]",
        "550 5.7.1 Unfortunately, messages from [10.10.01.01] weren't sent. Please contact your Internet service "
        "provider since part of their network is on our block list (AS3150). You can also refer your provider to "
        "http://mail.live.com/mail/troubleshooting.aspx#errors.",
    ],
    "microsoft-banned-address": [
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit "
        "https://sender.office.com/ and follow the directions. For more information please go to "
        "http://go.microsoft.com/fwlink/?LinkID=526655 (AS16012609)",
        "550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this "
        "message to delist@microsoft.com.",
    ],
    "microsoft-traffic-not-accepted": [
        "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. For more information "
        "please go to http://go.microsoft.com/fwlink/?LinkId=526653 AS(7230)",
    ],
    "microsoft-tenant-threshold": [
        "550 5.7.705 Service unavailable. Access denied, tenant has exceeded threshold. AS(7712)",
    ],
    "microsoft-dmarc-policy": [
        "550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification and has a DMARC policy "
        "of reject. [VE1EUR01FT013.eop-EUR01.prod.protection.outlook.com]",
    ],
    "microsoft-busy": [
        "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77712344) "
        "[BN1NAM02FT035.eop-nam02.prod.protection.outlook.com]",
        "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. For e-mail "
        "delivery information, see https://postmaster.live.com (S775)",
    ],
    "microsoft-no-recipient": [
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) "
        "[DB5EUR03FT033.eop-EUR03.prod.protection.outlook.com]",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient bob@example.com not found by SMTP address lookup "
        "[AM0PR01MB1234.eurprd01.prod.outlook.com]",
        "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). "
        "[DM6NAM12FT056.eop-nam12.prod.protection.outlook.com]",
    ],
    "microsoft-spamhaus": [
        "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request removal from this "
        "list see https://www.spamhaus.org/query/ip/192.0.2.1 (AS16012611) [x.prod.protection.outlook.com]",
    ],
    "microsoft-anonymous": [
        "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM "
        "[AM6PR0732BE0065.eurprd07.prod.outlook.com]",
    ],
    "microsoft-message-rate": [
        "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded [AM0PR01MB1234.eurprd01.prod.outlook.com]",
    ],
    "yahoo-deferred": [
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - "
        "4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
        "421 4.7.0 [TS01] Messages from 192.0.2.1 temporarily deferred due to user complaints - 4.16.55.1",
    ],
    "yahoo-deferred-for-good": [
        "553 5.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed. See "
        "https://postmaster.yahooinc.com/error-codes",
    ],
    "yahoo-authentication": [
        "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
        "550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to "
        "authenticate with either SPF or DKIM.",
    ],
    "yahoo-content": [
        "554 Message not allowed - [PH01] Email not accepted for policy reasons. Please visit "
        "https://postmaster.yahooinc.com/error-codes [120]",
    ],
    "yahoo-spamhaus": [
        "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list; see "
        "https://postmaster.yahooinc.com/error-codes",
    ],
    "yahoo-no-account": [
        "554 delivery error: dd This user doesn't have a yahoo.com account (testing123@yahoo.com) [-5] - "
        "mta123.mail.mud.yahoo.com",
        "554 delivery error: dd Sorry your message to ann@yahoo.de cannot be delivered. This account has been "
        "disabled or discontinued [#102]. - mta1.mail.ird.yahoo.com",
    ],
    "yahoo-busy": [
        "451 mta1001.mail.gq1.yahoo.com Resources temporarily unavailable. Please try again later [#4.16.1].",
    ],
    "icloud-policy": [
        "550 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
        "554 5.7.1 [HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
    ],
    "icloud-dmarc-policy": [
        ("550 5.7.1 Your message was rejected due to example.com DMARC policy.", "ann@icloud.com"),
    ],
    "icloud-rate": [
        "421 4.7.1 Messages to ann@icloud.com deferred due to excessive volume. Try again later - "
        "https://support.apple.com/en-us/HT204137",
    ],
    "gmx-blocked": [
        "554-gmx.net (mxgmx104) Nemesis ESMTP Service not available\n554-No SMTP service\n554-IP address is block "
        "listed.\n554 For explanation visit https://postmaster.gmx.net/en/case?c=r0201&i=ip&v=198.51.100.42&r=1M",
    ],
    "gmx-spf": [
        (
            "550 <ann@gmx.de>: Reject due to SPF policy. The originating IP of the message is not permitted by the "
            "domain owner",
            "ann@gmx.de",
        ),
    ],
    "gmx-rate": [("421 Rate limit reached. Please try again later", "ann@web.de")],
    "gmx-policy": [("450 Reject due to policy violations.", "ann@gmx.net")],
    "t-online-blocked": [
        "554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to "
        "clarify.) (BL)",
        "554: Dialup/transient IP not allowed. Use a mailgateway or contact toda@rx.t-online.de if obsolete. (DIAL)",
    ],
    "comcast-blocked": [
        "554 resimta-po-13v.sys.comcast.net comcast 192.0.2.1 Comcast block for spam. BL000000 Refer to "
        "http://postmaster.comcast.net/smtp-error-codes.php#BL000000",
    ],
    "orange-slow-down": [
        "421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. "
        "OFR004_104 [104]",
    ],
    "spamhaus-listed": [
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
        "https://www.spamhaus.org/query/ip/192.0.2.1",
    ],
    "spamhaus-domain": [
        "554 5.7.1 Service unavailable; Sender address [ann@example.com] blocked using dbl.spamhaus.org; "
        "https://www.spamhaus.org/query/domain/example.com",
    ],
    "spamhaus-policy": [
        "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using pbl.spamhaus.org",
    ],
    "spamhaus-open-resolver": [
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; Error: open resolver; "
        "https://www.spamhaus.org/returnc/pub/192.0.2.53",
        "550 Blocked using zen.spamhaus.org; https://www.spamhaus.org/returnc/vol/",
    ],
    "barracuda-listed": [
        "554 Service unavailable; Client host [server1.mail.com] blocked using Barracuda Reputation; "
        "http://bbl.barracudacentral.com/q.cgi?ip=192.168.1.1",
        "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using b.barracudacentral.org",
    ],
    "proofpoint-blocked": ["554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1"],
    "mimecast-greylisted": [
        "451 Internal resource temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451 [x33]",
    ],
    "mimecast-policy": [
        "550 Rejected by header based manually Blocked Senders: block - "
        "https://community.mimecast.com/docs/DOC-1369#550 [x34]",
    ],
    "listed": [
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using ix.dnsbl.manitu.net",
        "550 5.7.1 Recipient not authorized, your IP has been listed on a block list",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; Blocked - see "
        "https://www.spamcop.net/bl.shtml?192.0.2.1",
    ],
    "greylisted": [
        "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, see "
        "http://postgrey.schweikert.ch/help/example.org.html",
        "451 4.7.1 Greylisting in action, please come back in 00:05:00",
    ],
    "no-mailbox": [
        "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in virtual mailbox table"
    ],
    "no-mailbox-in-words": [
        "550 L'adresse de messagerie référencée ci-dessus n'existe pas",
        "550 User carlosr73 (bob@example.org) not listed in Domino Directory",
        "554 Sorry your message to bob@example.org cannot be delivered. This account has been disabled or discontinued.",
        "550 User unknown.",
        "550 Requested action not taken: mailbox unavailable",
        "550 <bob@example.org>: no such user here",
        "554 Sorry, no mailbox here by that name.",
    ],
    "no-domain": ["550 5.1.2 <bob@example.invalid>: Recipient address rejected: Domain not found"],
    "takes-no-mail": ["556 5.1.10 Recipient address has null MX"],
    "sender-takes-no-mail": ["550 5.7.27 Sender address has null MX"],
    "bad-address": ["501 5.1.3 Bad recipient address syntax"],
    "moved": ["551 5.1.6 User has moved; please try <bob@example.net>"],
    "sender-domain": ["553 5.1.8 <ann@example.invalid>... Domain of sender does not exist"],
    "sender-domain-in-words": [
        "450 <ann@example.invalid>: Sender address rejected: Domain not found",
        "550 Sender verify failed",
    ],
    "mailbox-busy": ["450 4.2.1 <bob@example.org>: Recipient address rejected: this mailbox is disabled"],
    "mailbox-off": ["550 5.2.1 <bob@example.org>... Mailbox disabled for this recipient"],
    "full": ["552 5.2.2 <bob@example.org>: Mailbox is full / Blocks limit exceeded / Inode limit exceeded"],
    "full-in-words": [
        "554 The e-mail message could not be delivered because the user's mailfolder is full.",
        "552 Quota violation for bob@example.org",
        "554 the recipient is over disk quota",
        "550 User has too many messages on the server.",
        "552 mailbox full - quota exceeded",
    ],
    "too-large": [
        "552 5.3.4 Message size exceeds fixed limit",
        "552 5.2.3 Message size exceeds maximum permitted",
    ],
    "too-large-in-words": [
        "553 Exceeded maximum inbound message size",
        "552 Error: message too large",
        "552 Message size exceeds maximum permitted",
    ],
    "not-reached": [
        "550 Sorry, I wasn't able to establish an SMTP connection. I'm not going to try again",
        "554 Name service error for domain digicool.com: Host not found, try again",
    ],
    "no-domain-in-words": ["550 bob@example.invalid ... unknown host", "554 Domain does not exist"],
    "loop-in-words": ["554 Too many hops 26 (25 max)", "554 Message looping (received 6 times)"],
    "system-full": ["452 4.3.1 Insufficient system storage"],
    "loop": ["554 5.4.6 Too many hops", "554 5.4.14 Hop count exceeded - possible mail loop"],
    "expired": ["550 4.4.7 Message delayed: delivery time expired"],
    "too-many-recipients": ["452 4.5.3 Error: too many recipients"],
    "too-many-connections": ["421 4.7.0 mx.example.org Error: too many connections from 192.0.2.1"],
    "not-converted": ["554 5.6.3 Conversion required but not supported"],
    "relay-denied": [
        "554 5.7.1 <bob@example.org>: Relay access denied",
        "550 5.7.1 Unable to relay",
        "550 relay not permitted",
    ],
    "dkim-in-rfc": ["550 5.7.20 No passing DKIM signature found"],
    "dkim": ["554 5.7.1 DKIM signature verification failed"],
    "spf-in-rfc": [
        "550 5.7.23 SPF validation failed",
        "550 5.7.23 The message was refused because the sender is not designated",
    ],
    "spf": [
        "550 5.1.0 0bcW1i00G0jifNx01bcmHa blocked by SPF",
        "550 5.7.1 <bob@example.org>: Recipient address rejected: Please see "
        "http://www.openspf.net/Why?s=mfrom;id=ann@example.com",
    ],
    "reverse-dns": [
        "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
        "451 Bad reverse DNS.",
        "450 4.7.1 Client host 192.0.2.1 has no PTR record (G1F)",
    ],
    "reverse-dns-in-rfc": ["550 5.7.25 Validation of the client's name failed"],
    "not-authentic": ["550 5.7.26 Multiple authentication checks failed"],
    "dmarc": ["550 5.7.1 Email rejected per DMARC policy for example.com"],
    "requiretls": ["550 5.7.30 REQUIRETLS support required"],
    "tls-required": ["530 5.7.0 Must issue a STARTTLS command first"],
    "spam": ["571 5.7.1 message classified as spam", "554 Rejected due to spam content"],
    "virus": ["550 Message contains virus", "554 Rejected due to banned content"],
    "address-local": [
        "501 <bob>: recipient address must contain a domain",
        "504 5.5.2 <bob>: Recipient address rejected: need fully-qualified address",
    ],
    "ehlo-name": ["504 5.5.2 <laptop>: Helo command rejected: need fully-qualified hostname"],
    "policy": ["554 5.7.1 The message was refused"],
}
