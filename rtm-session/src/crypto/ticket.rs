//! Tickets, sealed and opened (protocol §5.6).

use std::fmt;

use rtm_wire::{Cipher, Encode, PacketNumber, PathId, SealedTicket, TicketContents};
use zeroize::Zeroizing;

use super::aead::{Aead, aead};
use super::secret::Secret;
use super::seed::{Generator, Seed};

/// What a server seals tickets with: a secret from which a key for each ticket comes, so that no
/// nonce can be used twice.
pub(crate) struct TicketSealer {
    secret: Secret,
    generator: Generator,
}

impl fmt::Debug for TicketSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSealer(…)")
    }
}

impl TicketSealer {
    /// A sealer with a secret that others may share, or one of its own.
    pub(crate) fn new(secret: Option<Secret>, seed: Seed) -> Self {
        let mut generator = Generator::new(seed);
        let own = Secret::draw(&mut generator);
        Self { secret: secret.unwrap_or(own), generator }
    }

    /// Seals a ticket with the key of this number.
    pub(crate) fn seal(&mut self, key: u64, contents: &TicketContents<'_>) -> Vec<u8> {
        let mut salt = [0; 16];
        self.generator.fill(&mut salt);
        let head = head(key, salt);
        let mut sealed = Vec::with_capacity(contents.encoded_len() + super::TAG_LEN);
        contents.encode(&mut sealed);
        let tag = self.aead(key, &salt).seal(PathId(0), PacketNumber(0), &head, &mut sealed);
        sealed.extend_from_slice(&tag);
        [head, sealed].concat()
    }

    /// The sealed part of a ticket, opened; `None` if it isn't one of ours, or was changed.
    pub(crate) fn open(&self, ticket: &SealedTicket<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let head = head(ticket.key, ticket.salt);
        let mut contents = Zeroizing::new(ticket.sealed.to_vec());
        let aead = self.aead(ticket.key, &ticket.salt);
        let length = aead.open(PathId(0), PacketNumber(0), &head, &mut contents).ok()?;
        contents.truncate(length);
        Some(contents)
    }

    fn aead(&self, key: u64, salt: &[u8; 16]) -> Box<dyn Aead> {
        let key = self.secret.derive(&[b"rtm ticket key", &key.to_be_bytes()]).derive(&[salt]);
        aead(Cipher::ChaCha20Poly1305, &key).expect("a cipher that this version knows")
    }
}

/// What stands before the sealed part, and is authenticated with it.
fn head(key: u64, salt: [u8; 16]) -> Vec<u8> {
    let mut head = Vec::with_capacity(24);
    SealedTicket { key, salt, sealed: &[] }.encode(&mut head);
    head
}

#[cfg(test)]
mod tests {
    use rtm_wire::UnixTime;

    use super::*;

    const CONTENTS: TicketContents<'static> = TicketContents {
        secret: [7; 32],
        register: [8; 8],
        issued: UnixTime::from_millis(1),
        expires: UnixTime::from_millis(2),
        state: b"alice",
    };

    fn sealer(secret: u8, seed: u8) -> TicketSealer {
        TicketSealer::new(Some(Secret::new([secret; 32])), Seed::from_bytes([seed; 32]))
    }

    #[test]
    fn a_ticket_opens_unchanged_and_with_the_same_secret_only() {
        let ticket = sealer(1, 1).seal(5, &CONTENTS);
        let open = |bytes: &[u8], secret| {
            let ticket = SealedTicket::decode(bytes).ok()?;
            sealer(secret, 2).open(&ticket)
        };

        let opened = open(&ticket, 1).expect("the same secret");
        assert_eq!(TicketContents::decode(&opened), Ok(CONTENTS));
        assert_eq!(open(&ticket, 2), None);
        for position in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[position] ^= 1;
            assert_eq!(open(&forged, 1), None, "byte {position}");
            assert_eq!(open(&ticket[..position], 1), None);
        }
    }

    /// The example of protocol §5.6, which was made by other code.
    #[test]
    fn the_ticket_of_the_specification_opens() {
        let hex = "80079bb3101112131415161718191a1b1c1d1e1f111ec59f31696aa138cb04324842b3a1\
                   91339537a9d9d24530d52aee76fbbb23beca1b4b936819cb670e88060526a5ecd783b1e5\
                   0f65e17b087a9d93965de0ce31dc30d2a8205b40b77187e0afb63f75a56b9658bf68fb7f\
                   6834b5c31245358ec6277484";
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let ticket = SealedTicket::decode(&bytes).expect("whole");
        assert_eq!(ticket.key, 498_611);
        let opened = sealer(5, 1).open(&ticket).expect("the secret of the example");
        let contents = TicketContents::decode(&opened).expect("whole");
        assert_eq!(contents.register, *b"\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7");
        assert_eq!(contents.issued, UnixTime::from_millis(1_795_000_000_000));
        assert_eq!(contents.expires, UnixTime::from_millis(1_795_003_600_000));
        let state = rtm_wire::TicketState::decode(contents.state).expect("whole");
        assert_eq!((state.app_id, state.user_id, state.instance.0), ("demo", "alice", 77_777));
        assert_eq!(state.token_end, Some(contents.expires));
        assert_eq!((state.liveness, state.rights), (rtm_wire::Liveness::default(), None));
    }

    #[test]
    fn two_tickets_with_the_same_contents_are_sealed_differently() {
        let mut sealer = sealer(1, 1);
        assert_ne!(sealer.seal(5, &CONTENTS)[17..], sealer.seal(5, &CONTENTS)[17..]);
    }

    #[test]
    fn without_a_secret_of_the_applications_each_server_has_its_own() {
        let new = |seed| TicketSealer::new(None, Seed::from_bytes([seed; 32]));
        let bytes = new(1).seal(0, &CONTENTS);
        let ticket = SealedTicket::decode(&bytes).expect("whole");
        assert!(new(1).open(&ticket).is_some());
        assert_eq!(new(2).open(&ticket), None);
    }
}
