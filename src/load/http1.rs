//! One HTTP/1.1 exchange: a request written, an answer read, on a connection that is open already. Strict where leniency
//! would let two readers of one stream disagree; streams bodies, keeps them only where asked. Knows no deadline: the
//! caller drops the future.

use std::io;
use std::mem::MaybeUninit;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::exchange::{Answer, BodyUse, ExchangeError, HEADER_COUNT, Sink};
use crate::scenario::Method;

/// What an answer's head may be long, trailers included.
const HEAD_CAP: usize = 64 * 1024;
/// What one chunk-size line may be long.
const CHUNK_LINE_CAP: usize = 4 * 1024;
/// What is read at once.
pub const BUFFER_SIZE: usize = 16 * 1024;

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Nothing,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What a head says.
#[derive(Debug, Clone, Copy)]
struct Head {
    status: u16,
    length: usize,
    framing: Framing,
    keep_alive: bool,
    sets_cookies: bool,
}

/// Sends `request` and reads the answer. `buffer` is cleared first; afterwards it begins with the answer's head.
///
/// # Errors
/// [`ExchangeError`]; the connection must then be dropped.
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
    method: Method,
    body_use: BodyUse,
    body_cap: u64,
    buffer: &mut Vec<u8>,
) -> Result<Answer, ExchangeError> {
    buffer.clear();
    buffer.reserve(BUFFER_SIZE);
    let written = write(stream, request).await;
    let mut incoming = Incoming { stream, buffer, consumed: 0, head_length: 0, first_byte: None, last_byte: None };
    let head = match (incoming.head(method).await, written) {
        (Ok(head), _) => head,
        // A server may answer and close before it has read the whole request; only without an answer the failed write counts.
        (Err(ExchangeError::Closed { answer_begun, .. }), Err(request_begun)) => {
            return Err(ExchangeError::Closed { answer_begun, request_begun });
        }
        (Err(error), _) => return Err(error),
    };
    let mut sink = Sink::new(body_use, body_cap);
    incoming.body(head.framing, &mut sink).await?;
    let leftover = incoming.buffer.len() > incoming.consumed;
    let (Some(first_byte), Some(done)) = (incoming.first_byte, incoming.last_byte) else {
        return Err(ExchangeError::Protocol("an answer without a byte"));
    };
    let reusable = head.keep_alive && !leftover && written.is_ok() && head.framing != Framing::UntilClose;
    let Sink { body, bytes, .. } = sink;
    Ok(Answer { status: head.status, first_byte, done, bytes, head_length: head.length, body, reusable, sets_cookies: head.sets_cookies })
}

/// Writes all of it; an error says whether any byte had been taken.
async fn write<S: AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) -> Result<(), bool> {
    let mut written = 0;
    while written < request.len() {
        match stream.write(&request[written..]).await {
            Ok(0) => return Err(written > 0),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(written > 0),
        }
    }
    stream.flush().await.map_err(|_| true)
}

/// The answer's bytes: the head stays at the beginning of the buffer, what follows is overwritten as it is consumed.
struct Incoming<'a, S> {
    stream: &'a mut S,
    buffer: &'a mut Vec<u8>,
    consumed: usize,
    head_length: usize,
    first_byte: Option<Instant>,
    last_byte: Option<Instant>,
}

impl<S: AsyncRead + Unpin> Incoming<'_, S> {
    /// Reads more behind what is there. `Ok(false)` where the connection ended.
    async fn read(&mut self) -> Result<bool, ExchangeError> {
        if self.consumed == self.buffer.len() {
            self.buffer.truncate(self.head_length);
            self.consumed = self.head_length;
        }
        if self.buffer.capacity() - self.buffer.len() < BUFFER_SIZE / 2 {
            self.buffer.reserve(BUFFER_SIZE);
        }
        let count = self.stream.read_buf(self.buffer).await.map_err(|_| self.closed())?;
        if count > 0 {
            let now = Instant::now();
            self.first_byte.get_or_insert(now);
            self.last_byte = Some(now);
        }
        Ok(count > 0)
    }

    fn closed(&self) -> ExchangeError {
        ExchangeError::Closed { answer_begun: self.first_byte.is_some(), request_begun: true }
    }

    /// Reads until something is there that was not consumed.
    async fn more(&mut self) -> Result<(), ExchangeError> {
        if self.read().await? { Ok(()) } else { Err(self.closed()) }
    }

    async fn head(&mut self, method: Method) -> Result<Head, ExchangeError> {
        loop {
            self.more().await?;
            while let Some(head) = parse_head(&self.buffer[self.consumed..], method)? {
                if head.status >= 200 {
                    self.drop_interim_answers();
                    self.head_length = head.length;
                    self.consumed = head.length;
                    return Ok(head);
                }
                self.consumed += head.length;
            }
            self.drop_interim_answers();
            if self.buffer.len() >= HEAD_CAP {
                return Err(ExchangeError::Protocol("head over 64 KB"));
            }
        }
    }

    fn drop_interim_answers(&mut self) {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
    }

    async fn body(&mut self, framing: Framing, sink: &mut Sink) -> Result<(), ExchangeError> {
        match framing {
            Framing::Nothing => Ok(()),
            Framing::Length(length) => self.body_of_length(length, sink).await,
            Framing::Chunked => self.chunked_body(sink).await,
            Framing::UntilClose => self.body_until_close(sink).await,
        }
    }

    async fn body_of_length(&mut self, length: u64, sink: &mut Sink) -> Result<(), ExchangeError> {
        if length > sink.cap {
            return Err(ExchangeError::TooLarge);
        }
        let mut left = length;
        while left > 0 {
            if self.consumed == self.buffer.len() {
                self.more().await?;
            }
            let available = self.buffer.len() - self.consumed;
            let count = usize::try_from(left).map_or(available, |left| left.min(available));
            sink.take(&self.buffer[self.consumed..self.consumed + count])?;
            self.consumed += count;
            left -= count as u64;
        }
        Ok(())
    }

    async fn body_until_close(&mut self, sink: &mut Sink) -> Result<(), ExchangeError> {
        loop {
            sink.take(&self.buffer[self.consumed..])?;
            self.consumed = self.buffer.len();
            if !self.read().await? {
                return Ok(());
            }
        }
    }

    async fn chunked_body(&mut self, sink: &mut Sink) -> Result<(), ExchangeError> {
        loop {
            let size = self.chunk_size().await?;
            if size == 0 {
                return self.trailers().await;
            }
            self.body_of_length(size, sink).await?;
            self.line_end().await?;
        }
    }

    async fn chunk_size(&mut self) -> Result<u64, ExchangeError> {
        loop {
            if let Some((length, size)) = chunk_line(&self.buffer[self.consumed..])? {
                self.consumed += length;
                return Ok(size);
            }
            self.more().await?;
        }
    }

    async fn line_end(&mut self) -> Result<(), ExchangeError> {
        while self.buffer.len() - self.consumed < 2 {
            self.more().await?;
        }
        if &self.buffer[self.consumed..self.consumed + 2] != b"\r\n" {
            return Err(ExchangeError::Protocol("chunk without its line end"));
        }
        self.consumed += 2;
        Ok(())
    }

    async fn trailers(&mut self) -> Result<(), ExchangeError> {
        loop {
            if let Some(length) = trailers_length(&self.buffer[self.consumed..])? {
                self.consumed += length;
                return Ok(());
            }
            self.more().await?;
        }
    }
}

/// How long the line before a chunk is, and the size that it tells; `None` where it has not come whole. Not httparse's, to
/// which a line without a digit is the end of the body, and which takes line feeds within extensions.
fn chunk_line(bytes: &[u8]) -> Result<Option<(usize, u64)>, ExchangeError> {
    const BAD: ExchangeError = ExchangeError::Protocol("bad chunk size");
    let line = &bytes[..bytes.len().min(CHUNK_LINE_CAP)];
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = &line[digits..];
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let begins_extension = |byte: &u8| *byte == b';';
    let extension = rest[..end.unwrap_or(rest.len())].trim_ascii_start();
    if digits > 16 || (digits == 0 && !rest.is_empty()) || !extension.first().is_none_or(begins_extension) {
        return Err(BAD);
    }
    match end.map(|end| &rest[end..]) {
        Some([b'\r', b'\n', ..]) => {
            let size = std::str::from_utf8(&line[..digits]).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
            Ok(Some((digits + end.unwrap_or_default() + 2, size.ok_or(BAD)?)))
        }
        Some([b'\r']) | None if line.len() < CHUNK_LINE_CAP => Ok(None),
        _ => Err(BAD),
    }
}

/// Whether no line ends with a line feed alone, where readers disagree what ends the trailers.
fn ends_lines_whole(bytes: &[u8]) -> bool {
    bytes.split_inclusive(|byte| *byte == b'\n').all(|line| line.ends_with(b"\r\n"))
}

/// How long the trailers and the empty line after them are; `None` where they have not come whole. Apart from the code
/// that waits, because what lives across a wait is memory that every user holds.
fn trailers_length(bytes: &[u8]) -> Result<Option<usize>, ExchangeError> {
    const BAD: ExchangeError = ExchangeError::Protocol("bad trailers");
    if bytes.starts_with(b"\r\n") {
        return Ok(Some(2));
    }
    let mut lines = [httparse::EMPTY_HEADER; HEADER_COUNT];
    match httparse::parse_headers(bytes, &mut lines) {
        Ok(httparse::Status::Complete((length, _))) if length <= HEAD_CAP && ends_lines_whole(&bytes[..length]) => Ok(Some(length)),
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_CAP => Ok(None),
        Ok(_) | Err(_) => Err(BAD),
    }
}

/// Reads a head; `None` where it has not come whole.
fn parse_head(bytes: &[u8], method: Method) -> Result<Option<Head>, ExchangeError> {
    let mut lines = [const { MaybeUninit::uninit() }; HEADER_COUNT];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut lines);
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_CAP => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Ok(httparse::Status::Complete(_)) => return Err(ExchangeError::Protocol("head over 64 KB")),
        Err(httparse::Error::TooManyHeaders) => return Err(ExchangeError::Protocol("more than 128 headers")),
        Err(_) => return Err(ExchangeError::Protocol("not an HTTP/1.1 answer")),
    };
    let status = response.code.unwrap_or_default();
    if status == 101 || !(100..=999).contains(&status) {
        return Err(ExchangeError::Protocol("a status that nobody asked for"));
    }
    let fields = Fields::read(response.headers)?;
    if fields.chunked && response.version != Some(1) {
        return Err(ExchangeError::Protocol("a transfer-encoding in HTTP/1.0"));
    }
    let framing = fields.framing(status, method)?;
    let keep_alive = if response.version == Some(1) { !fields.close } else { fields.keep_alive && !fields.close };
    Ok(Some(Head { status, length, framing, keep_alive, sets_cookies: fields.sets_cookies }))
}

/// The header fields that decide where an answer ends.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a header that was or was not there")]
struct Fields {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    sets_cookies: bool,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Self, ExchangeError> {
        let mut fields = Self::default();
        for header in headers {
            match header.name.len() {
                14 if header.name.eq_ignore_ascii_case("content-length") => fields.add_length(header.value)?,
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => fields.add_transfer_encoding(header.value)?,
                10 if header.name.eq_ignore_ascii_case("connection") => fields.add_connection(header.value),
                10 if header.name.eq_ignore_ascii_case("set-cookie") => fields.sets_cookies = true,
                _ => {}
            }
        }
        Ok(fields)
    }

    fn add_length(&mut self, value: &[u8]) -> Result<(), ExchangeError> {
        const BAD: ExchangeError = ExchangeError::Protocol("bad content-length");
        let text = std::str::from_utf8(value).map_err(|_| BAD)?.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BAD);
        }
        let length = text.parse().map_err(|_| BAD)?;
        if self.length.is_some_and(|known| known != length) {
            return Err(ExchangeError::Protocol("two content-lengths"));
        }
        self.length = Some(length);
        Ok(())
    }

    fn add_transfer_encoding(&mut self, value: &[u8]) -> Result<(), ExchangeError> {
        if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(ExchangeError::Protocol("a transfer-encoding other than chunked"));
        }
        self.chunked = true;
        Ok(())
    }

    fn add_connection(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn framing(&self, status: u16, method: Method) -> Result<Framing, ExchangeError> {
        if self.chunked && self.length.is_some() {
            return Err(ExchangeError::Protocol("both content-length and transfer-encoding"));
        }
        if method == Method::Head || status < 200 || status == 204 || status == 304 {
            return Ok(Framing::Nothing);
        }
        Ok(match self.length {
            _ if self.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Answers with `parts`, one write each, then closes.
    fn answer(method: Method, parts: &[&[u8]]) -> Result<Answer, ExchangeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut client, mut server) = duplex(1024 * 1024);
            let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
            let serve = async move {
                let mut request = [0; 4];
                server.read_exact(&mut request).await.unwrap();
                for part in parts {
                    server.write_all(&part).await.unwrap();
                    tokio::task::yield_now().await;
                }
            };
            let mut buffer = Vec::new();
            let (answer, ()) = tokio::join!(exchange(&mut client, b"PING", method, BodyUse::Keep, 1000, &mut buffer), serve);
            answer
        })
    }

    fn whole(text: &str) -> Result<Answer, ExchangeError> {
        answer(Method::Get, &[text.as_bytes()])
    }

    fn protocol_error(text: &str) -> &'static str {
        match whole(text) {
            Err(ExchangeError::Protocol(why)) => why,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn a_body_ends_where_its_framing_says() {
        for (text, body, reusable) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello", "hello", false),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n", "hello", true),
            ("HTTP/1.1 200 OK\r\n\r\nhello", "hello", false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\nConnection: Keep-Alive\r\n\r\nhello", "hello", true),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: close\r\nconnection: keep-alive\r\n\r\nhello", "hello", false),
            ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
            ("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "", true),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
                "hello",
                true,
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello", "hello", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1", "hello", false),
        ] {
            let answer = whole(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
            assert_eq!((answer.body.as_slice(), answer.reusable, answer.bytes), (body.as_bytes(), reusable, body.len() as u64), "{text:?}");
        }
    }

    #[test]
    fn a_head_answer_has_no_body() {
        let answer = answer(Method::Head, &[b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"]).unwrap();
        assert!(answer.reusable && answer.bytes == 0);
    }

    #[test]
    fn an_answer_that_two_readers_could_read_differently_is_refused() {
        assert_eq!(
            protocol_error("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"),
            "both content-length and transfer-encoding"
        );
        assert_eq!(protocol_error("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"), "two content-lengths");
        for length in ["-1", "+5", "99999999999999999999", "5, 5", "0x5", ""] {
            assert_eq!(protocol_error(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")), "bad content-length", "{length}");
        }
        assert_eq!(protocol_error("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"), "a transfer-encoding other than chunked");
        assert_eq!(protocol_error("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "bad chunk size");
        assert_eq!(protocol_error("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhelXX"), "chunk without its line end");
        assert_eq!(protocol_error("SSH-2.0-OpenSSH\r\n\r\n"), "not an HTTP/1.1 answer");
        assert_eq!(protocol_error("HTTP/1.1 101 Switching\r\n\r\n"), "a status that nobody asked for");
        assert_eq!(protocol_error("HTTP/1.1 099 What\r\n\r\n"), "a status that nobody asked for");
        let many = "x-many: 1\r\n".repeat(200);
        assert_eq!(protocol_error(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")), "more than 128 headers");
        let long = "x".repeat(70_000);
        assert_eq!(protocol_error(&format!("HTTP/1.1 200 OK\r\nlong: {long}\r\n\r\n")), "head over 64 KB");
    }

    #[test]
    fn an_early_end_says_whether_an_answer_had_begun() {
        assert!(matches!(whole(""), Err(ExchangeError::Closed { answer_begun: false, .. })));
        assert!(matches!(whole("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"), Err(ExchangeError::Closed { answer_begun: true, .. })));
        assert!(matches!(whole("HTTP/1.1 20"), Err(ExchangeError::Closed { answer_begun: true, .. })));
    }

    #[test]
    fn a_body_over_the_cap_is_cut() {
        assert!(matches!(whole("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n"), Err(ExchangeError::TooLarge)));
        let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001));
        assert!(matches!(whole(&endless), Err(ExchangeError::TooLarge)));
    }

    #[test]
    fn an_exchange_under_way_holds_less_than_a_kilobyte_besides_its_buffer() {
        let (mut client, _server) = duplex(16);
        let mut buffer = Vec::new();
        let exchange = exchange(&mut client, b"PING", Method::Get, BodyUse::Count, 1000, &mut buffer);
        assert!(size_of_val(&exchange) < 1024, "{} bytes", size_of_val(&exchange));
    }

    proptest! {
        #[test]
        fn an_answer_is_read_the_same_wherever_it_is_split(at in 0_usize..90) {
            let text = b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
            let at = at.min(text.len() - 1);
            let answer = answer(Method::Get, &[&text[..at], &text[at..]]).unwrap();
            prop_assert_eq!(answer.body.as_slice(), b"hello");
            prop_assert!(answer.reusable && answer.sets_cookies);
        }

        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = answer(Method::Get, &[b"HTTP/1.1 200 OK\r\n", &bytes]);
        }
    }
}
