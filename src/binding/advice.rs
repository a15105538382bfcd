//! What to do about an error, as it is said to a Python programmer. The engine gives the kind
//! of advice; the words are here alone.

use crate::protocol::error::Advice;

/// What happened, and behind it what to do.
pub fn told(message: &str, advice: Option<Advice>) -> String {
    match advice {
        // As smtplib says it, whose callers may compare.
        Some(Advice::Connect) => words(Advice::Connect).to_owned(),
        Some(advice) => format!("{message}{}", words(advice)),
        None => message.to_owned(),
    }
}

fn words(advice: Advice) -> &'static str {
    match advice {
        Advice::HearReply => ": call getreply() first",
        Advice::ShakeHands => ": use starttls()",
        Advice::Encrypt => ": call starttls() first, or say allow_plaintext_auth=True",
        Advice::WithoutChunking => ", say chunking=False",
        Advice::TrustTheNetwork => {
            ", and nothing goes out in plaintext unless that is said: with tls=\"none\", if you trust the \
             network between"
        }
        Advice::Connect => "please run connect() first",
        Advice::BeginWithTls => "; say SMTP_SSL or tls=\"implicit\"",
        Advice::MatchThePort => {
            ". A port for STARTTLS (587, 25) takes tls=\"starttls\", a port for implicit TLS (465) takes \
             SMTP_SSL or tls=\"implicit\""
        }
        Advice::AllowOldTls => {
            ". We speak 1.2 and 1.3 (or from TlsConfig(minimum_version=...) on); for an older server pass an \
             ssl.SSLContext that allows it as context=, knowing that old TLS can be broken"
        }
        Advice::Identify => {
            "; it may want a client certificate (TlsConfig(client_certificate=...)) or another server name"
        }
        Advice::NameTheServer => {
            "; connect by a name that the certificate is for, or say which one with TlsConfig(server_name=...)"
        }
        Advice::NameWithDns => ": connect by a DNS name or an address, or say TlsConfig(server_name=...)",
        Advice::TrustItsAuthority => {
            "; if the server has a CA of its own, pass it with TlsConfig(ca_file=...) or SSL_CERT_FILE"
        }
        Advice::TrustItsNewAuthority => {
            "; if that authority has a new certificate, pass it with TlsConfig(ca_file=...); otherwise an \
             attacker may be in between"
        }
        Advice::SignByTheAuthority => {
            "; give the server a certificate signed by that CA, or pass an ssl.SSLContext that trusts it as \
             context="
        }
        Advice::InstallAuthorities => {
            "; install them (Debian: ca-certificates) or pass TlsConfig(ca_file=...)"
        }
        Advice::CheckClock => "; check this machine's clock",
        Advice::AwaitRenewal => "; the server's owner must renew it",
        Advice::CheckClockAndAwaitRenewal => "; check this machine's clock; the server's owner must renew it",
        Advice::AwaitReplacement => "; the server's owner must replace it",
    }
}
