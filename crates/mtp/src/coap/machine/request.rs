//! What a request asks for, and how it is answered where it can't be done.

use std::net::SocketAddr;

use bytes::Bytes;

use super::super::message::{Code, Message};
use super::super::option::{
    ACCEPT, BLOCK1, BLOCK2, BadBlock, Block, CONTENT_FORMAT, LINK_FORMAT, OCTET_STREAM, PROXY_SCHEME,
    PROXY_URI, SIZE1, URI_PATH, URI_QUERY, has_unknown, read_uint, uint,
};
use super::super::uri::CoapUri;

/// Where resources are listed (RFC 6690).
const CORE: [&str; 2] = [".well-known", "core"];
/// What introduces the sender's own URI in the query (R-COAP.2).
const REPLY_TO: &str = "reply-to=";

/// A request that can be done.
#[derive(Debug)]
pub(super) enum Request {
    /// The list of resources, or a block of it.
    Core(Option<Block>),
    /// A Record, or a block of it.
    Record(Part),
}

/// A Record, or a block of it.
#[derive(Debug)]
pub(super) struct Part {
    /// Where the sender is reached, with its address as the host.
    pub(super) reply_to: CoapUri,
    /// The same as an address.
    pub(super) reply_addr: SocketAddr,
    pub(super) block: Option<Block>,
    /// What the sender says of the length of the whole.
    pub(super) size: Option<u32>,
    pub(super) payload: Bytes,
}

/// An answer: its code, what else it says, and words for people. They are short, so that nobody is sent much more
/// than what was sent in his name.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub(super) code: Code,
    pub(super) options: Vec<(u16, Bytes)>,
    pub(super) payload: Bytes,
}

impl Answer {
    pub(super) fn new(code: Code, words: &'static str) -> Answer {
        Answer { code, options: Vec::new(), payload: Bytes::from_static(words.as_bytes()) }
    }

    /// To a part of a Record: the block that it is about is named.
    pub(super) fn about(mut self, block: Option<Block>) -> Answer {
        self.options.extend(block.map(|block| (BLOCK1, block.value())));
        self
    }

    /// R-COAP.5: it is longer than we take.
    pub(super) fn too_large(limit: usize) -> Answer {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        Answer { options: vec![(SIZE1, uint(limit))], ..Answer::new(Code::TOO_LARGE, "") }
    }
}

/// Reads a request to the resource at `own`.
pub(super) fn read(
    message: &Message,
    from: SocketAddr,
    own: &[String],
    secure: bool,
) -> Result<Request, Answer> {
    let refuse = |code, words| Err(Answer::new(code, words));
    if has_unknown(message) {
        return refuse(Code::BAD_OPTION, "unknown option");
    }
    if message.values(PROXY_URI).chain(message.values(PROXY_SCHEME)).next().is_some() {
        return refuse(Code::NO_PROXY, "");
    }
    let said = || message.values(URI_PATH).map(|segment| &segment[..]);
    if said().eq(CORE.iter().map(|segment| segment.as_bytes())) {
        return core(message);
    }
    if !said().eq(own.iter().map(String::as_bytes)) {
        return refuse(Code::NOT_FOUND, "");
    }
    // R-COAP.11
    if message.code != Code::POST {
        return refuse(Code::METHOD_NOT_ALLOWED, "");
    }
    // R-COAP.12; where nothing is said, nothing wrong is said.
    if message.values(CONTENT_FORMAT).any(|format| read_uint(format) != Some(OCTET_STREAM)) {
        return refuse(Code::UNSUPPORTED_FORMAT, "");
    }
    let Ok(block) = Block::of(message, BLOCK1) else { return refuse(Code::BAD_REQUEST, "block option") };
    let (reply_to, reply_addr) = reply_to(message, from, secure)?;
    let size = message.values(SIZE1).next().and_then(|size| read_uint(size));
    Ok(Request::Record(Part { reply_to, reply_addr, block, size, payload: message.payload.clone() }))
}

fn core(message: &Message) -> Result<Request, Answer> {
    if message.code != Code::GET {
        return Err(Answer::new(Code::METHOD_NOT_ALLOWED, ""));
    }
    if message.values(ACCEPT).any(|format| read_uint(format) != Some(LINK_FORMAT)) {
        return Err(Answer::new(Code::NOT_ACCEPTABLE, ""));
    }
    match Block::of(message, BLOCK2) {
        Ok(block) => Ok(Request::Core(block)),
        Err(BadBlock) => Err(Answer::new(Code::BAD_OPTION, "block option")),
    }
}

/// R-COAP.2a: where the answer goes. It is at the address that the request came from, whatever else the URI says:
/// nobody is to be sent to by others, and no name is looked up for a stranger.
fn reply_to(message: &Message, from: SocketAddr, secure: bool) -> Result<(CoapUri, SocketAddr), Answer> {
    let refuse = |code, words| Err(Answer::new(code, words));
    let named = message.values(URI_QUERY).filter_map(|part| std::str::from_utf8(part).ok());
    let mut named = named.filter_map(|part| part.strip_prefix(REPLY_TO));
    let (Some(text), None) = (named.next(), named.next()) else {
        return refuse(Code::BAD_REQUEST, "no reply-to");
    };
    let Ok(uri) = text.parse::<CoapUri>() else { return refuse(Code::BAD_REQUEST, "reply-to is no URI") };
    match (uri.secure, secure) {
        (true, false) => return refuse(Code::BAD_REQUEST, "no coaps here"),
        (false, true) => return refuse(Code::BAD_REQUEST, "coaps alone here"),
        _ => {}
    }
    let own = from.ip().to_canonical();
    if uri.address().is_some_and(|address| address.ip() != own) {
        return refuse(Code::FORBIDDEN, "reply-to is not yours");
    }
    let address = SocketAddr::new(own, uri.port);
    Ok((CoapUri::at(secure, address, &uri.path), address))
}
