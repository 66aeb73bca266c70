//! Who is measured.

/// A peer as the tables name it.
#[derive(Debug, PartialEq)]
pub(super) struct Peer {
    /// Short, for cells and plots.
    pub(super) name: &'static str,
    /// For tables.
    pub(super) title: &'static str,
    /// Words for `netlab-peer server|client`.
    pub(super) words: &'static [&'static str],
    pub(super) is_reliable: bool,
    /// How much of the matrix it runs.
    pub(super) part: Part,
}

/// How much of the matrix a peer runs, beside the main conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Only the main conditions.
    Main,
    /// All conditions.
    All,
}

impl Peer {
    pub(super) fn is_rtm(&self) -> bool {
        self.name.starts_with("rtm")
    }
}

const fn peer(
    name: &'static str,
    title: &'static str,
    words: &'static [&'static str],
    part: Part,
) -> Peer {
    Peer { name, title, words, is_reliable: true, part }
}

const fn datagrams(
    name: &'static str,
    title: &'static str,
    words: &'static [&'static str],
) -> Peer {
    Peer { name, title, words, is_reliable: false, part: Part::Main }
}

/// All of them, in the order of the tables.
pub(super) const PEERS: &[Peer] = &[
    peer("tcp-cubic", "TCP, CUBIC", &["tcp", "--cc=cubic"], Part::All),
    peer("tcp-bbr", "TCP, BBR", &["tcp", "--cc=bbr"], Part::All),
    peer(
        "quinn-cubic",
        "quinn, stream per message, CUBIC",
        &["quinn", "--mode=stream-per-message", "--cc=cubic"],
        Part::All,
    ),
    peer(
        "quinn-bbr",
        "quinn, stream per message, BBR",
        &["quinn", "--mode=stream-per-message", "--cc=bbr"],
        Part::All,
    ),
    peer(
        "quinn-none",
        "quinn, stream per message, no congestion control",
        &["quinn", "--mode=stream-per-message", "--cc=none"],
        Part::All,
    ),
    peer(
        "quinn-stream-cubic",
        "quinn, stream per flow, CUBIC",
        &["quinn", "--mode=one-stream", "--cc=cubic"],
        Part::Main,
    ),
    peer(
        "quinn-stream-bbr",
        "quinn, stream per flow, BBR",
        &["quinn", "--mode=one-stream", "--cc=bbr"],
        Part::Main,
    ),
    peer(
        "quinn-per-flow-cubic",
        "quinn, a connection per flow, CUBIC",
        &["quinn", "--mode=stream-per-message", "--cc=cubic", "--connections=per-flow"],
        Part::Main,
    ),
    peer(
        "quinn-per-flow-bbr",
        "quinn, a connection per flow, BBR",
        &["quinn", "--mode=stream-per-message", "--cc=bbr", "--connections=per-flow"],
        Part::Main,
    ),
    datagrams(
        "quinn-dgram-cubic",
        "quinn, datagrams (unreliable), CUBIC",
        &["quinn", "--mode=datagram", "--cc=cubic"],
    ),
    datagrams(
        "quinn-dgram-bbr",
        "quinn, datagrams (unreliable), BBR",
        &["quinn", "--mode=datagram", "--cc=bbr"],
    ),
    peer("kcp", "KCP, flushed at once", &["kcp"], Part::All),
    peer("enet", "ENet", &["enet"], Part::All),
    peer("rtm", "RTM session, unordered lanes", &["rtm", "--lanes=unordered"], Part::All),
    peer(
        "rtm-eager",
        "RTM session, unordered eager lanes",
        &["rtm", "--lanes=unordered", "--redundancy=eager"],
        Part::All,
    ),
    peer(
        "rtm-off",
        "RTM session, unordered lanes, no redundancy",
        &["rtm", "--lanes=unordered", "--redundancy=off"],
        Part::All,
    ),
    peer("rtm-ordered", "RTM session, ordered lanes", &["rtm", "--lanes=ordered"], Part::All),
    peer(
        "rtm-per-flow",
        "RTM, a session per flow, unordered",
        &["rtm", "--lanes=unordered", "--sessions=per-flow"],
        Part::All,
    ),
    peer(
        "rtm-per-flow-ordered",
        "RTM, a session per flow, ordered",
        &["rtm", "--lanes=ordered", "--sessions=per-flow"],
        Part::Main,
    ),
    peer("rtm-tcp", "RTM session over TCP (BBR)", &["rtm", "--carrier=tcp"], Part::Main),
    peer("rtm-e2e", "RTM end to end, message channels", &["rtm-e2e"], Part::All),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_has_a_name_of_its_own() {
        for (index, peer) in PEERS.iter().enumerate() {
            assert!(PEERS[..index].iter().all(|other| other.name != peer.name), "{}", peer.name);
            // Cells are folders and patterns.
            assert!(peer.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        }
    }
}
