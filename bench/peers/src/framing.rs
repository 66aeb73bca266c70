//! Messages in byte streams: four bytes of length, then the message.

use std::io::{self, Read};

use bytes::{BufMut, Bytes, BytesMut};

/// The message with its length before it.
pub(crate) fn frame(message: &Bytes) -> Bytes {
    let mut frame = BytesMut::with_capacity(4 + message.len());
    frame.put_u32(u32::try_from(message.len()).expect("messages are short"));
    frame.put_slice(message);
    frame.freeze()
}

/// Reads the next message over `message`; `false` at the end of the stream.
pub(crate) fn read(stream: &mut impl Read, message: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
    }
    message.resize(checked(length)?, 0);
    stream.read_exact(message)?;
    Ok(true)
}

/// A length that may be reserved.
pub(crate) fn checked(length: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(length) as usize;
    if length > MESSAGE_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no message of ours"));
    }
    Ok(length)
}

const MESSAGE_MAX: usize = 1 << 20;
