//! Messages over a pair of streams, each on a thread of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use lsp_server::Message;

/// A longer message is no message.
const LONGEST: usize = 256 << 20;

/// The ends that the server holds.
pub(super) struct Channel {
    pub incoming: Receiver<Incoming>,
    pub outgoing: Sender<Message>,
    /// Ends when nobody can send any more and all is written.
    pub writer: JoinHandle<()>,
}

pub(super) enum Incoming {
    Message(Message),
    /// What is no message, and why.
    Unreadable(String),
}

/// Reads messages until the stream ends, and writes what is sent until nobody can send any more.
pub(super) fn connect(input: impl Read + Send + 'static, output: impl Write + Send + 'static) -> Channel {
    let (arrived, incoming) = channel();
    let (outgoing, leaving) = channel::<Message>();
    thread::spawn(move || {
        let mut input = BufReader::new(input);
        while let Ok(Some(text)) = read(&mut input) {
            let incoming = match serde_json::from_slice(&text) {
                Ok(message) => Incoming::Message(message),
                Err(error) => Incoming::Unreadable(error.to_string()),
            };
            if arrived.send(incoming).is_err() {
                break;
            }
        }
    });
    let writer = thread::spawn(move || {
        let mut output = output;
        while let Ok(message) = leaving.recv() {
            if message.write(&mut output).is_err() {
                break;
            }
        }
    });
    Channel { incoming, outgoing, writer }
}

/// The bytes of one message; `None` at the end of the stream. What is no header is left out.
fn read(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let header = line.trim_ascii();
        match (header.is_empty(), length) {
            (true, Some(length)) => {
                let mut text = vec![0; length];
                input.read_exact(&mut text)?;
                return Ok(Some(text));
            }
            (true, None) => {}
            (false, _) => length = length_in(header).or(length),
        }
    }
}

fn length_in(header: &[u8]) -> Option<usize> {
    let (name, value) = std::str::from_utf8(header).ok()?.split_once(':')?;
    let length = value.trim().parse().ok().filter(|length| *length <= LONGEST);
    length.filter(|_| name.trim().eq_ignore_ascii_case("content-length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(text: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    }

    #[test]
    fn what_is_no_message_is_complained_of_and_passed_over() {
        let good = r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#;
        let stream = format!("rubbish\r\n\r\n{}{}{}", framed("{\"id\""), framed("[1]"), framed(good));
        let channel = connect(io::Cursor::new(stream), io::sink());
        for _ in 0..2 {
            assert!(matches!(channel.incoming.recv().unwrap(), Incoming::Unreadable(_)));
        }
        let Incoming::Message(Message::Notification(first)) = channel.incoming.recv().unwrap() else { panic!() };
        assert_eq!(first.method, "initialized");
        assert!(channel.incoming.recv().is_err(), "the stream has ended");
        drop(channel.outgoing);
        channel.writer.join().unwrap();
    }

    #[test]
    fn headers_are_read_as_editors_write_them() {
        let stream = "content-type: x\r\nCONTENT-LENGTH:  2 \r\n\r\n{}Content-Length: 1\n\n1";
        let mut input = io::Cursor::new(stream);
        assert_eq!(read(&mut input).unwrap().unwrap(), b"{}");
        assert_eq!(read(&mut input).unwrap().unwrap(), b"1");
        assert_eq!(read(&mut input).unwrap(), None);
    }
}
