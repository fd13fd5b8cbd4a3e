//! From a request's parts to its bytes: as HTTP/1.1 has it, or not.

use crate::chance::Chance;

/// A request's head before it is framed.
pub struct Head<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub host: &'a str,
    pub fields: Vec<(&'static str, String)>,
}

/// What is sent.
pub struct Framed {
    pub bytes: Vec<u8>,
    /// As HTTP wants it: there has to be an answer.
    pub is_whole: bool,
}

impl Head<'_> {
    /// The head with these fields about the body, without the empty line at its end.
    fn with(&self, about_the_body: &str) -> Vec<u8> {
        let Self { method, target, host, fields } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(about_the_body);
        head.into_bytes()
    }
}

/// Frames a request; once in 25 times wrongly.
pub fn write(chance: &mut Chance, head: Head<'_>, body: &[u8]) -> Framed {
    if chance.one_in(25) {
        let bytes = wrong(chance, &head, body);
        return Framed { bytes, is_whole: false };
    }
    if chance.one_in(8) {
        return Framed { bytes: chunked(chance, &head, body), is_whole: true };
    }
    whole(&head, body)
}

/// With its length in front.
pub fn whole(head: &Head<'_>, body: &[u8]) -> Framed {
    let length = match head.method {
        "GET" | "HEAD" if body.is_empty() => String::new(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    let bytes = [&head.with(&length), b"\r\n".as_slice(), body].concat();
    Framed { bytes, is_whole: true }
}

fn chunked(chance: &mut Chance, head: &Head<'_>, body: &[u8]) -> Vec<u8> {
    let mut bytes = head.with("transfer-encoding: chunked\r\n\r\n");
    let size = chance.pick(&[1_000, 16_384, 1_000_000]);
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x};ext=\"a\"\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\nx-trailer: authorization\r\n\r\n");
    bytes
}

/// A request that lies about its length, or is none.
fn wrong(chance: &mut Chance, head: &Head<'_>, body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(&head.with("")).into_owned();
    let with = |about: &str| [&head.with(about), b"\r\n".as_slice(), body].concat();
    let length = body.len();
    match chance.below(18) {
        0 => with(&format!("content-length: {}\r\n", length + 1_000)),
        1 => with(&format!("content-length: {}\r\n", length / 2)),
        2 => with(&format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n")),
        3 => with(&format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1)),
        4 => with("content-length: -1\r\n"),
        5 => with("content-length: 99999999999999999999999\r\n"),
        6 => with("content-length: 0x10\r\n"),
        7 => with("transfer-encoding: chunked, gzip\r\n"),
        8 => [&head.with("transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n"), body].concat(),
        9 => [&head.with("transfer-encoding: chunked\r\n\r\n3e8\r\n"), b"x".as_slice()].concat(),
        10 => text.replace("HTTP/1.1", "HTTP/1.0").into_bytes(),
        11 => text.replace("HTTP/1.1", "HTTP/9.9").into_bytes(),
        12 => text.replace(" HTTP/1.1\r\n", "\r\n").into_bytes(),
        13 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0".to_vec(),
        14 => text.replace("\r\n", "\n").into_bytes(),
        15 => with("no colon\r\n"),
        16 => with("content-length : 3\r\n folded: x\r\nhost: another.example\r\n"),
        _ => with("x-nul: a\0b\r\n"),
    }
}
