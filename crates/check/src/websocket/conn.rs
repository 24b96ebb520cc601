//! One connection after its handshake: frames in, frames out. It answers pings and closes as RFC 6455 wants it, and
//! otherwise sends what it is told, however wrong.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::frame::{self, Frame};
use crate::hub::broken;
use crate::limits;
use crate::link::Arrival;

/// What a WebSocket runs over.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) enum Out {
    /// A Record, in a binary frame of its own.
    Record(Bytes),
    /// A frame, with a mask where one belongs.
    Frame(Frame),
    /// Bytes as they are.
    Raw(Bytes),
    /// The end, without a word.
    Cut,
    /// The end, with this code.
    Close(u16),
}

/// One side of a connection.
pub(super) struct Conn {
    pub(super) io: Box<dyn Io>,
    /// What was read after the handshake.
    pub(super) read: BytesMut,
    /// Whether frames of ours have a mask.
    pub(super) is_client: bool,
    pub(super) outs: mpsc::Receiver<Out>,
    pub(super) arrivals: mpsc::Sender<Arrival>,
}

impl Conn {
    /// Runs until the connection is gone; why it is.
    pub(super) async fn run(mut self) -> String {
        let mut message = BytesMut::new();
        let (mut has_closed, mut masks) = (false, 0x2b5a_91c7_u32);
        loop {
            match Frame::decode(&mut self.read, limits::MAX_FRAME) {
                Err(frame::TooLong) => return "a frame is longer than any Record".to_owned(),
                Ok(Some(frame)) => {
                    let answer = self.take(&frame, &mut message).await;
                    match (answer, frame.opcode) {
                        (_, frame::CLOSE) if has_closed => return closed(&frame),
                        (Some(answer), opcode) => {
                            if self.write(Out::Frame(answer), &mut masks).await.is_err()
                                || opcode == frame::CLOSE
                            {
                                return closed(&frame);
                            }
                        }
                        (None, _) => {}
                    }
                    continue;
                }
                Ok(None) => {}
            }
            tokio::select! {
                read = self.io.read_buf(&mut self.read) => match read {
                    Ok(0) => return "the agent ended the connection".to_owned(),
                    Ok(_) => {}
                    Err(error) => return broken(&error),
                },
                out = self.outs.recv() => {
                    let out = out.unwrap_or(Out::Cut);
                    has_closed |= matches!(out, Out::Close(_));
                    if matches!(out, Out::Cut) {
                        return "we ended the connection".to_owned();
                    }
                    if let Err(error) = self.write(out, &mut masks).await {
                        return broken(&error);
                    }
                }
            }
        }
    }

    /// Tells of a frame, and of the Record that it completes; gives what has to be answered.
    async fn take(&mut self, frame: &Frame, message: &mut BytesMut) -> Option<Frame> {
        // A closed channel is the end of the run.
        let _ = self.arrivals.send(Arrival::Frame(frame.clone())).await;
        match frame.opcode {
            frame::PING => return Some(Frame::new(frame::PONG, frame.payload.clone())),
            frame::CLOSE => {
                return Some(Frame::new(frame::CLOSE, frame.payload.slice(..frame.payload.len().min(2))));
            }
            // Text is wrong, and what it says is heard all the same.
            frame::BINARY | frame::TEXT => message.clear(),
            frame::CONTINUATION if message.len() + frame.payload.len() <= limits::MAX_FRAME => {}
            _ => return None,
        }
        message.extend_from_slice(&frame.payload);
        if frame.fin {
            let _ = self.arrivals.send(Arrival::Record(message.split().freeze())).await;
        }
        None
    }

    async fn write(&mut self, out: Out, masks: &mut u32) -> std::io::Result<()> {
        let bytes = match out {
            Out::Record(record) => self.masked(Frame::new(frame::BINARY, record), masks),
            Out::Frame(frame) => self.masked(frame, masks),
            Out::Close(code) => self.masked(Frame::close(code), masks),
            Out::Raw(bytes) => bytes,
            Out::Cut => return Ok(()),
        };
        self.io.write_all(&bytes).await?;
        self.io.flush().await
    }

    /// The key has to differ, and nothing here is secret.
    fn masked(&self, frame: Frame, masks: &mut u32) -> Bytes {
        *masks = masks.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Frame { mask: self.is_client.then(|| masks.to_be_bytes()), ..frame }.encode()
    }
}

fn closed(frame: &Frame) -> String {
    match frame.close_code() {
        Some(code) => format!("the agent closed the connection with {code}"),
        None => "the agent closed the connection".to_owned(),
    }
}
