//! Mail data as a plain server reads it. This follows RFC 5321 section 4.5.2 and RFC 3030, not our
//! encoder.

/// Replaces every CRLF, CR and LF with CRLF.
pub fn canonical(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = content.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&&b'\n');
                out.extend(b"\r\n");
            }
            b'\n' => out.extend(b"\r\n"),
            _ => out.push(byte),
        }
    }
    out
}

/// Returns the lines of `wire` without their CRLFs, and the text after the last CRLF.
pub fn lines(wire: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut found, mut rest) = (Vec::new(), wire);
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        found.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    (found, rest)
}

/// Returns un-stuffed mail data and the rest after its end, if the end has arrived.
pub fn unstuff(wire: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut content, mut rest) = (Vec::new(), wire);
    loop {
        let at = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = &rest[..at];
        rest = &rest[at + 2..];
        if line == b"." {
            return Some((content, rest));
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        content.extend_from_slice(b"\r\n");
    }
}

/// Returns the complete message that a client has sent: either the data between DATA and the lone
/// dot, or the BDAT chunks up to LAST.
pub fn message_in(said: &[u8]) -> Option<Vec<u8>> {
    let (mut chunks, mut rest) = (Vec::new(), said);
    loop {
        let at = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..at]).unwrap_or("").to_ascii_uppercase();
        rest = &rest[at + 2..];
        if line == "DATA" {
            return unstuff(rest).map(|(content, _)| content);
        }
        if let Some(chunk) = line.strip_prefix("BDAT ") {
            let octets: usize = chunk.split(' ').next()?.parse().ok()?;
            chunks.extend_from_slice(rest.get(..octets)?);
            rest = &rest[octets..];
            if chunk.ends_with(" LAST") {
                return Some(chunks);
            }
        }
    }
}

pub fn has_bare_line_end(wire: &[u8]) -> bool {
    let lone = |at: usize| match wire[at] {
        b'\r' => wire.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || wire[at - 1] != b'\r',
        _ => false,
    };
    (0..wire.len()).any(lone)
}
