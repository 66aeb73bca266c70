//! Hard limits of the wire format (protocol §1.4).
//!
//! They bound what a parser accepts whatever the configuration says. The limits that users meet
//! (64-byte names, 32 KiB messages …) are stricter and belong to the layers above.

/// Length of a name: app, user, channel, topic, lock or key, in bytes.
pub const NAME: usize = 255;
/// Length of a token, in bytes.
pub const TOKEN: usize = 4_096;
/// Length of a message's custom type, in bytes.
pub const CUSTOM_TYPE: usize = 255;
/// Length of a publisher's metadata, in bytes.
pub const META: usize = 4_096;
/// Length of one state that a user shows, in bytes.
pub const STATE: usize = 16_384;
/// Length of one value of metadata, in bytes.
pub const METADATA: usize = 65_536;
/// Length of a reason given in words, in bytes.
pub const REASON: usize = 255;
/// Elements of a list inside an operation.
pub const LIST: usize = 4_096;
/// Length of the login and of its answer inside the handshake, in bytes.
pub const LOGIN: usize = 8_192;
/// Length of an address-validation cookie, in bytes.
pub const COOKIE: usize = 64;
/// Length of a ticket, in bytes: its frame fits the smallest datagram.
pub const TICKET: usize = 400;
/// Length of the application's words inside a ticket, in bytes.
pub const TICKET_STATE: usize = 256;
/// Early messages of a resumption.
pub const EARLY_MESSAGES: usize = 64;
/// Versions or ciphers that a handshake may offer.
pub const OFFERS: usize = 16;
/// Ranges in one acknowledgement.
pub const ACK_RANGES: usize = 64;
/// Length of a frame's body, in bytes: that of the largest datagram.
pub const FRAME: usize = 65_535;
/// Length of a message, in bytes, before fragmentation.
pub const MESSAGE: u64 = 1 << 30;
