//! The HTTP of enrolment, and the few reads and writes that the handshake needs: heads, bodies, answers.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::handshake::find_end;
use crate::limits::{MAX_HEAD, READ_BUFFER};

/// What reading a head gave.
pub(crate) enum HeadRead {
    /// The head with its blank line, and what was read behind it.
    Whole(Vec<u8>, Vec<u8>),
    /// More than [`MAX_HEAD`] bytes without a blank line.
    TooLong,
    /// Not HTTP from its first byte on; a TLS hello, for one, has no blank line to wait for.
    NotHttp,
}

/// Reads the head of a request or response.
pub(crate) async fn read_head<S: AsyncRead + Unpin>(io: &mut S) -> io::Result<HeadRead> {
    let mut bytes = Vec::with_capacity(READ_BUFFER);
    loop {
        // The blank line may straddle two reads.
        let searched = bytes.len().saturating_sub(3);
        if io.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !bytes[0].is_ascii_uppercase() {
            return Ok(HeadRead::NotHttp);
        }
        if let Some(end) = find_end(&bytes[searched..]) {
            let rest = bytes.split_off(searched + end);
            let whole = bytes.len() <= MAX_HEAD;
            return Ok(if whole { HeadRead::Whole(bytes, rest) } else { HeadRead::TooLong });
        }
        if bytes.len() > MAX_HEAD {
            return Ok(HeadRead::TooLong);
        }
    }
}

/// Reads a body of `length` bytes, of which `rest` has been read already.
pub(crate) async fn read_body<S: AsyncRead + Unpin>(
    io: &mut S,
    mut rest: Vec<u8>,
    length: usize,
) -> io::Result<String> {
    rest.truncate(length);
    let have = rest.len();
    rest.resize(length, 0);
    io.read_exact(&mut rest[have..]).await?;
    String::from_utf8(rest).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Writes an answer or a request.
pub(crate) async fn write_all<S: AsyncWrite + Unpin>(io: &mut S, text: &str) -> io::Result<()> {
    io.write_all(text.as_bytes()).await?;
    io.flush().await
}

/// The answer to a device that was given a certificate.
pub(crate) fn enrol_answer(chain_pem: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/pem-certificate-chain\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{chain_pem}",
        chain_pem.len(),
    )
}
