//! As much of an MQTT 5.0 broker as one agent needs, told in bytes: it gives a client id and Response Information,
//! which Debian's brokers don't.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a client sent first.
pub(crate) struct Connect {
    pub(crate) client_id: String,
    pub(crate) keep_alive_s: u16,
    /// Of the user property.
    pub(crate) endpoint: String,
    /// It asks for Response Information.
    pub(crate) wants_information: bool,
    /// Of the will: QoS and whether it is kept, topic, value.
    pub(crate) will: Option<(u8, bool, String, String)>,
}

enum Said {
    Connect(Connect),
    Subscribe(Vec<(String, u8)>),
    Unsubscribe(Vec<String>),
    Disconnect,
}

/// A broker that lets everybody in.
pub(crate) struct Broker {
    pub(crate) port: u16,
    said: mpsc::UnboundedReceiver<Said>,
}

impl Broker {
    /// `information` is given as Response Information to whoever asks for it; nothing where it is empty.
    pub(crate) async fn start(information: &'static str) -> Broker {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let (tell, said) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, information, tell.clone()));
            }
        });
        Broker { port, said }
    }

    pub(crate) async fn connect(&mut self) -> Connect {
        match self.said.recv().await {
            Some(Said::Connect(connect)) => connect,
            _ => panic!("CONNECT was expected"),
        }
    }

    pub(crate) async fn subscribed(&mut self) -> Vec<String> {
        self.subscribed_with_qos().await.into_iter().map(|(filter, _)| filter).collect()
    }

    pub(crate) async fn subscribed_with_qos(&mut self) -> Vec<(String, u8)> {
        match self.said.recv().await {
            Some(Said::Subscribe(filters)) => filters,
            _ => panic!("SUBSCRIBE was expected"),
        }
    }

    pub(crate) async fn unsubscribed(&mut self) -> Vec<String> {
        match self.said.recv().await {
            Some(Said::Unsubscribe(filters)) => filters,
            _ => panic!("UNSUBSCRIBE was expected"),
        }
    }

    pub(crate) async fn said_good_bye(&mut self) {
        assert!(matches!(self.said.recv().await, Some(Said::Disconnect)), "DISCONNECT was expected");
    }
}

/// Who has gone reads no answer; what it said before is heard all the same.
async fn serve(mut socket: TcpStream, information: &str, tell: mpsc::UnboundedSender<Said>) {
    while let Some((kind, body)) = packet(&mut socket).await {
        match kind >> 4 {
            1 => {
                let connect = read_connect(&body);
                let mut properties = Vec::new();
                if connect.client_id.is_empty() {
                    properties.extend([&[0x12][..], &text("given-1")].concat());
                }
                if connect.wants_information && !information.is_empty() {
                    properties.extend([&[0x1a][..], &text(information)].concat());
                }
                let _ = tell.send(Said::Connect(connect));
                let length = u8::try_from(properties.len()).expect("few");
                let head = [0x20, length + 3, 0, 0, length];
                let _ = socket.write_all(&[&head[..], &properties].concat()).await;
            }
            8 => {
                // Packet id, no properties, then filters with their options.
                let (id, mut rest) = (&body[..2], &body[3..]);
                let mut filters = Vec::new();
                while !rest.is_empty() {
                    filters.push((take_text(&mut rest), rest[0]));
                    rest = &rest[1..];
                }
                let granted = vec![0; filters.len()];
                let length = u8::try_from(granted.len() + 3).expect("few");
                let answer = [&[0x90, length][..], id, &[0], &granted].concat();
                let _ = socket.write_all(&answer).await;
                let _ = tell.send(Said::Subscribe(filters));
            }
            10 => {
                let (id, mut rest) = (&body[..2], &body[3..]);
                let mut filters = Vec::new();
                while !rest.is_empty() {
                    filters.push(take_text(&mut rest));
                }
                let length = u8::try_from(filters.len() + 3).expect("few");
                let answer = [&[0xb0, length][..], id, &[0], &vec![0; filters.len()]].concat();
                let _ = socket.write_all(&answer).await;
                let _ = tell.send(Said::Unsubscribe(filters));
            }
            // A Record: acknowledged, if that is wanted.
            3 if kind & 0b110 != 0 => {
                let mut rest = &body[..];
                take_text(&mut rest);
                let _ = socket.write_all(&[0x40, 2, rest[0], rest[1]]).await;
            }
            14 => {
                let _ = tell.send(Said::Disconnect);
            }
            _ => {}
        }
    }
}

/// Type and flags, and what follows the length.
async fn packet(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let kind = socket.read_u8().await.ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = socket.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}

fn read_connect(body: &[u8]) -> Connect {
    // Protocol name, version and flags; then the keep-alive time, properties and the client id.
    let keep_alive_s = u16::from_be_bytes([body[8], body[9]]);
    let (properties, mut rest) = body[11..].split_at(body[10].into());
    let name = text("usp-endpoint-id");
    let at = properties.windows(name.len()).position(|piece| piece == name).expect("the user property");
    let mut value = &properties[at + name.len()..];
    let endpoint = take_text(&mut value);
    // After the user property: numbers only, none of which looks like this by chance.
    let wants_information = value.windows(2).any(|pair| pair == [0x19, 1]);
    let client_id = take_text(&mut rest);
    let will = (body[7] & 0b100 != 0).then(|| {
        // It has no properties.
        rest = &rest[1..];
        let (topic, value) = (take_text(&mut rest), take_text(&mut rest));
        (body[7] >> 3 & 0b11, body[7] & 0b10_0000 != 0, topic, value)
    });
    Connect { client_id, keep_alive_s, endpoint, wants_information, will }
}

fn take_text(rest: &mut &[u8]) -> String {
    let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    let (text, after) = rest[2..].split_at(length);
    *rest = after;
    String::from_utf8(text.to_vec()).expect("UTF-8")
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).expect("short").to_be_bytes()[..], text.as_bytes()].concat()
}
