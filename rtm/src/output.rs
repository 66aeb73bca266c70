//! What goes to standard output.

use std::io::{self, BufWriter, Stdout, Write};

use rtm_client::{ChannelId, ChannelMessage, MessageType, TopicMessage};
use serde::Serialize;

/// A message, wherever it comes from.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) publisher: String,
    pub(crate) payload: bytes::Bytes,
    epoch: u64,
    publication: Option<u64>,
    sequence: u64,
    time_ms: u64,
    is_text: bool,
    custom_type: String,
}

impl From<ChannelMessage> for Received {
    fn from(message: ChannelMessage) -> Self {
        Self {
            publisher: message.publisher.to_string(),
            payload: message.payload,
            epoch: message.epoch,
            publication: None,
            sequence: message.sequence,
            time_ms: message.time_ms,
            is_text: message.message_type == MessageType::String,
            custom_type: message.custom_type.to_string(),
        }
    }
}

impl From<TopicMessage> for Received {
    fn from(message: TopicMessage) -> Self {
        Self {
            publisher: message.publisher.to_string(),
            payload: message.payload,
            epoch: message.epoch,
            publication: Some(message.publication),
            sequence: message.sequence,
            time_ms: message.time_ms,
            is_text: message.message_type == MessageType::String,
            custom_type: message.custom_type.to_string(),
        }
    }
}

/// One object of JSON Lines.
#[derive(Serialize)]
struct Object<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    publisher: &'a str,
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    publication: Option<u64>,
    sequence: u64,
    time_ms: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    custom_type: &'a str,
    /// Text, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    /// Else its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
}

/// Prints messages, payloads or objects, a line each.
#[derive(Debug)]
pub(crate) struct Printer {
    out: BufWriter<Stdout>,
    channel: String,
    topic: Option<String>,
    json: bool,
}

impl Printer {
    pub(crate) fn new(channel: &str, topic: Option<&str>, json: bool) -> Self {
        let out = BufWriter::with_capacity(64 * 1_024, io::stdout());
        Self { out, channel: channel.to_owned(), topic: topic.map(str::to_owned), json }
    }

    /// Prints a message, not yet for all to see.
    pub(crate) fn print(&mut self, message: &Received) -> io::Result<()> {
        if self.json {
            let object = object(&self.channel, self.topic.as_deref(), message);
            serde_json::to_writer(&mut self.out, &object)?;
        } else {
            self.out.write_all(&message.payload)?;
        }
        self.out.write_all(b"\n")
    }

    /// Has all see what was printed.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn object<'a>(channel: &'a str, topic: Option<&'a str>, message: &'a Received) -> Object<'a> {
    // Text that isn't text is shown as what it is.
    let text = std::str::from_utf8(&message.payload).ok();
    let payload = text.filter(|_| message.is_text || !message.payload.is_empty());
    let hex = || message.payload.iter().map(|byte| format!("{byte:02x}")).collect();
    Object {
        channel,
        topic,
        publisher: &message.publisher,
        epoch: message.epoch,
        publication: message.publication,
        sequence: message.sequence,
        time_ms: message.time_ms,
        custom_type: &message.custom_type,
        payload_hex: if payload.is_none() { Some(hex()) } else { None },
        payload,
    }
}

/// An object of JSON Lines, with its newline.
pub(crate) fn json(object: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(object).expect("texts and numbers only");
    text.push(b'\n');
    text
}

/// A channel's kind, as objects name it.
pub(crate) fn kind(channel: &ChannelId) -> &'static str {
    if channel.is_stream() { "stream" } else { "message" }
}

/// Prints all of it, for all to see; false when nobody reads it any more.
pub(crate) fn print(text: impl AsRef<[u8]>) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    is_read(out.write_all(text.as_ref()).and_then(|()| out.flush()))
}

/// Whether somebody still reads the output. If not, that is no failure: `rtm sub … | head`.
pub(crate) fn is_read(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(payload: &'static [u8], is_text: bool) -> String {
        let message = Received {
            publisher: "alice".to_owned(),
            payload: payload.into(),
            epoch: 5,
            publication: Some(2),
            sequence: 7,
            time_ms: 9,
            is_text,
            custom_type: String::new(),
        };
        serde_json::to_string(&object("town", Some("news"), &message)).expect("an object")
    }

    #[test]
    fn objects_have_text_or_bytes() {
        let start = r#"{"channel":"town","topic":"news","publisher":"alice","epoch":5,"#;
        let middle = r#""publication":2,"sequence":7,"time_ms":9,"#;
        let cases: [(&[u8], bool, &str); 4] = [
            (b"say \"hi\"", true, r#""payload":"say \"hi\""}"#),
            (b"", true, r#""payload":""}"#),
            (b"hi", false, r#""payload":"hi"}"#),
            (b"\xff\x00", false, r#""payload_hex":"ff00"}"#),
        ];
        for (payload, is_text, end) in cases {
            assert_eq!(json(payload, is_text), format!("{start}{middle}{end}"));
        }
    }
}
