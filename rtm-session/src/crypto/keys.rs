//! The keys of a session's packets, and their change (protocol §3.9; rules of RFC 9001 section 6).
//!
//! ```text
//!  secret₀ ─"rtm key update"─► secret₁ ─► secret₂ …         one chain for each direction
//!     └─"rtm packet key"─► key of the AEAD
//! ```
//!
//! The first two secrets also give what tickets are keyed with (protocol §5.6).

use std::fmt;
use std::time::Duration;

use rtm_wire::{Cipher, PacketNumber, PathId, Time};

use super::aead::{Aead, NotAuthentic, TAG_LEN, aead};
use super::noise::TrafficSecrets;
use super::secret::Secret;

/// Packets after which a key is changed: well before 2²³, from which AES-GCM's margin shrinks
/// (RFC 9001 section 6.6).
pub(crate) const UPDATE_AFTER: u64 = 1 << 22;
/// Packets of a key's last ones that are kept for saying good-bye.
const LAST_WORDS: u64 = 64;
/// Forged packets after which a key is not to be trusted any more.
const FORGED_MAX: u64 = 1 << 36;
/// How long the former key still opens packets that were late.
const KEEP_FORMER: Duration = Duration::from_secs(3);

/// Which end of the session this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// One key of one direction, with the secret that its successor comes from.
struct Generation {
    secret: Secret,
    aead: Box<dyn Aead>,
}

impl Generation {
    fn new(cipher: Cipher, secret: Secret) -> Option<Self> {
        let aead = aead(cipher, &secret.derive(&[b"rtm packet key"]))?;
        Some(Self { secret, aead })
    }

    fn next(&self, cipher: Cipher) -> Self {
        Self::new(cipher, self.secret.derive(&[b"rtm key update"]))
            .expect("the cipher was known before")
    }
}

/// Both directions' keys.
///
/// Invariant: `sending` and `receiving` are of the same generation, or the peer's update has not
/// arrived yet.
pub(crate) struct PacketKeys {
    cipher: Cipher,
    /// From which the secrets of tickets come.
    resumption: Secret,
    sending: Generation,
    receiving: Generation,
    /// What the peer will use next; ready, so that a flipped phase costs no derivation.
    upcoming: Generation,
    former: Option<(Generation, Time)>,
    send_phase: bool,
    receive_phase: bool,
    /// The first packet under the present sending key, once there is one.
    first_sent: Option<PacketNumber>,
    sealed: u64,
    /// A packet under the present sending key has been acknowledged.
    is_confirmed: bool,
    forged: u64,
    update_after: u64,
}

impl fmt::Debug for PacketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketKeys").field("cipher", &self.cipher).finish_non_exhaustive()
    }
}

impl PacketKeys {
    /// Keys that change after so many packets; `None` for a cipher that this version doesn't know.
    pub(crate) fn new(
        cipher: Cipher,
        secrets: &TrafficSecrets,
        role: Role,
        update_after: u64,
    ) -> Option<Self> {
        let (sending, receiving) = match role {
            Role::Client => (&secrets.client_to_server, &secrets.server_to_client),
            Role::Server => (&secrets.server_to_client, &secrets.client_to_server),
        };
        let receiving = Generation::new(cipher, receiving.clone())?;
        Some(Self {
            cipher,
            resumption: secrets
                .client_to_server
                .derive(&[b"rtm resumption secret", secrets.server_to_client.as_bytes()]),
            sending: Generation::new(cipher, sending.clone())?,
            upcoming: receiving.next(cipher),
            receiving,
            former: None,
            send_phase: false,
            receive_phase: false,
            first_sent: None,
            sealed: 0,
            is_confirmed: false,
            forged: 0,
            update_after,
        })
    }

    /// The secret of the session's ticket of this number.
    pub(crate) fn ticket_secret(&self, number: u64) -> Secret {
        self.resumption.derive(&[b"rtm ticket secret", &number.to_be_bytes()])
    }

    /// The phase bit of the next packet.
    pub(crate) fn phase(&self) -> bool {
        self.send_phase
    }

    pub(crate) fn seal(
        &mut self,
        path: PathId,
        number: PacketNumber,
        header: &[u8],
        body: &mut [u8],
    ) -> [u8; TAG_LEN] {
        self.sealed += 1;
        self.first_sent.get_or_insert(number);
        self.sending.aead.seal(path, number, header, body)
    }

    /// Opens a packet in place; the length of its plaintext.
    pub(crate) fn open(
        &mut self,
        now: Time,
        phase: bool,
        path: PathId,
        number: PacketNumber,
        header: &[u8],
        body: &mut [u8],
    ) -> Result<usize, NotAuthentic> {
        self.former.take_if(|(_, until)| *until <= now);
        let opened = if phase == self.receive_phase {
            self.receiving.aead.open(path, number, header, body)
        } else {
            self.open_other_phase(now, path, number, header, body)
        };
        if opened.is_err() {
            self.forged += 1;
        }
        opened
    }

    /// A packet that was late, or the first one after the peer's update.
    fn open_other_phase(
        &mut self,
        now: Time,
        path: PathId,
        number: PacketNumber,
        header: &[u8],
        body: &mut [u8],
    ) -> Result<usize, NotAuthentic> {
        if let Some((former, _)) = &self.former {
            // A failed attempt leaves the body as it was.
            if let Ok(length) = former.aead.open(path, number, header, body) {
                return Ok(length);
            }
        }
        let length = self.upcoming.aead.open(path, number, header, body)?;
        let next = self.upcoming.next(self.cipher);
        let receiving = std::mem::replace(&mut self.upcoming, next);
        let former = std::mem::replace(&mut self.receiving, receiving);
        self.former = Some((former, now + KEEP_FORMER));
        self.receive_phase = !self.receive_phase;
        if self.send_phase != self.receive_phase {
            // The peer was first: follow.
            self.turn();
        }
        Ok(length)
    }

    /// A packet has been acknowledged.
    pub(crate) fn on_acked(&mut self, number: PacketNumber) {
        if self.first_sent.is_some_and(|first| number >= first) {
            self.is_confirmed = true;
        }
    }

    /// Whether the key has to be changed and may be: the peer has seen the present one, and has
    /// followed.
    pub(crate) fn wants_update(&self) -> bool {
        self.sealed >= self.update_after
            && self.is_confirmed
            && self.send_phase == self.receive_phase
    }

    /// Changes the sending key, from the next packet on.
    pub(crate) fn initiate_update(&mut self) {
        self.turn();
    }

    /// Whether the session has to end: the key could not be changed in time, or too many forgeries
    /// were tried. A few packets may still be sealed, to say so.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.sealed + LAST_WORDS >= self.update_after * 2 || self.forged >= FORGED_MAX
    }

    fn turn(&mut self) {
        self.sending = self.sending.next(self.cipher);
        self.send_phase = !self.send_phase;
        self.sealed = 0;
        self.first_sent = None;
        self.is_confirmed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(update_after: u64) -> (PacketKeys, PacketKeys) {
        let secrets = TrafficSecrets::of([1, 2]);
        let keys = |role| {
            PacketKeys::new(Cipher::ChaCha20Poly1305, &secrets, role, update_after).expect("known")
        };
        (keys(Role::Client), keys(Role::Server))
    }

    /// The example of protocol §5.6.
    #[test]
    fn both_ends_derive_the_secrets_of_the_specification() {
        let secrets = TrafficSecrets::of([0x22, 0x33]);
        for role in [Role::Client, Role::Server] {
            let mut keys =
                PacketKeys::new(Cipher::Aes256Gcm, &secrets, role, UPDATE_AFTER).expect("known");
            // Whatever becomes of the keys meanwhile.
            keys.initiate_update();
            for (number, start) in [(0, [0x21, 0x99, 0xfb, 0x58]), (1, [0x74, 0x45, 0x71, 0xc7])] {
                assert_eq!(keys.ticket_secret(number).as_bytes()[..4], start, "ticket {number}");
            }
        }
    }

    struct Packet {
        phase: bool,
        number: PacketNumber,
        body: Vec<u8>,
    }

    fn seal(keys: &mut PacketKeys, number: u64) -> Packet {
        let number = PacketNumber(number);
        if keys.wants_update() {
            keys.initiate_update();
        }
        let (phase, mut body) = (keys.phase(), b"plain".to_vec());
        let tag = keys.seal(PathId(0), number, b"header", &mut body);
        body.extend_from_slice(&tag);
        Packet { phase, number, body }
    }

    fn open(keys: &mut PacketKeys, at: u64, packet: &Packet) -> bool {
        let mut body = packet.body.clone();
        let now = Time::from_micros(at);
        keys.open(now, packet.phase, PathId(0), packet.number, b"header", &mut body) == Ok(5)
    }

    #[test]
    fn keys_change_in_both_directions_and_packets_go_on() {
        let (mut client, mut server) = pair(10);
        let mut phases = Vec::new();
        for number in 0..100 {
            let packet = seal(&mut client, number);
            phases.push(packet.phase);
            assert!(open(&mut server, number, &packet), "packet {number}");
            client.on_acked(packet.number);
            let back = seal(&mut server, number);
            assert!(open(&mut client, number, &back), "answer {number}");
            server.on_acked(back.number);
        }
        assert!(phases.windows(2).filter(|pair| pair[0] != pair[1]).count() >= 8);
    }

    #[test]
    fn an_update_waits_for_an_acknowledgement_and_for_the_peer() {
        let (mut client, mut server) = pair(2);
        for number in 0..5 {
            seal(&mut client, number);
        }
        assert!(!client.wants_update(), "nothing is acknowledged");
        client.on_acked(PacketNumber(4));
        let first = seal(&mut client, 5);
        assert!(first.phase);
        client.on_acked(PacketNumber(5));
        for number in 6..9 {
            seal(&mut client, number);
        }
        assert!(!client.wants_update(), "the peer has not followed");
        assert!(open(&mut server, 0, &first));
        assert!(open(&mut client, 0, &seal(&mut server, 0)));
        assert!(client.wants_update());
    }

    #[test]
    fn an_acknowledgement_of_the_former_key_confirms_no_other() {
        let (mut client, mut server) = pair(2);
        (0..5).for_each(|number| drop(seal(&mut server, number)));
        (0..3).for_each(|number| drop(seal(&mut client, number)));
        client.on_acked(PacketNumber(2));
        // The client is first, and the server follows.
        assert!(open(&mut server, 0, &seal(&mut client, 3)));
        (5..9).for_each(|number| assert!(seal(&mut server, number).phase));
        server.on_acked(PacketNumber(4));
        assert!(!server.wants_update(), "packet 4 had the former key");
        server.on_acked(PacketNumber(5));
        assert!(server.wants_update());
    }

    #[test]
    fn a_late_packet_opens_until_its_key_is_dropped() {
        let (mut client, mut server) = pair(2);
        let late: Vec<_> = (0..3).map(|number| seal(&mut client, number)).collect();
        client.on_acked(PacketNumber(2));
        let first = seal(&mut client, 3);
        assert!(first.phase);
        assert!(open(&mut server, 0, &first));

        assert!(open(&mut server, 2_999_999, &late[0]));
        assert!(!open(&mut server, 3_000_000, &late[1]));
    }

    #[test]
    fn a_forged_phase_changes_nothing() {
        let (mut client, mut server) = pair(10);
        let packet = seal(&mut client, 0);
        let forged = Packet { phase: true, number: packet.number, body: packet.body.clone() };
        assert!(!open(&mut server, 0, &forged));
        assert!(open(&mut server, 0, &packet));
        assert!(!server.phase());
    }
}
