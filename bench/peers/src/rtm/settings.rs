//! The one place where sessions and lanes are set up.

use std::time::Duration;

use clap::{Args, ValueEnum};
use rtm_session::{Carriers, Config, CongestionControl, LaneSpec, Redundancy};
use rtm_wire::LaneMode;

use crate::work::Work;

/// What can be chosen about sessions and lanes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// What the flows' lanes promise
    #[arg(long, value_enum, default_value_t = Lanes::Unordered)]
    lanes: Lanes,
    /// One session for all flows, or one for each
    #[arg(long, value_enum, default_value_t = Sessions::One)]
    pub(super) sessions: Sessions,
    #[arg(long, value_enum, default_value_t = Congestion::LossTolerant)]
    cc: Congestion,
    /// How often small messages are sent before it is known that they are missing
    #[arg(long, value_enum, default_value_t = Copies::Auto)]
    redundancy: Copies,
    /// What carries packets; TCP has the system's congestion control
    #[arg(long, value_enum, default_value_t = Carrier::Datagrams)]
    pub(super) carrier: Carrier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Carrier {
    Datagrams,
    Tcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lanes {
    Ordered,
    Unordered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sessions {
    One,
    PerFlow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Copies {
    Off,
    Auto,
    Eager,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Congestion {
    LossTolerant,
    NewReno,
}

impl Settings {
    pub(super) fn client(&self) -> Config {
        // Each start of a cold run has a session of its own.
        let carriers = match self.carrier {
            Carrier::Datagrams => Carriers::Datagrams,
            Carrier::Tcp => Carriers::Streams,
        };
        let config = self.common(Config::default()).carriers(carriers);
        config.sessions_max(10_000).send_queue(4 << 20, 32_768)
    }

    pub(super) fn server(&self) -> Config {
        self.common(Config::server())
    }

    fn common(&self, config: Config) -> Config {
        let config = config.idle_timeout(IDLE_TIMEOUT).lane_credit(LANE_CREDIT);
        config.congestion(match self.cc {
            Congestion::LossTolerant => CongestionControl::LossTolerant,
            Congestion::NewReno => CongestionControl::NewReno,
        })
    }

    /// A lane for a flow of small messages.
    pub(super) fn small(&self) -> LaneSpec {
        LaneSpec {
            mode: match self.lanes {
                Lanes::Ordered => LaneMode::RELIABLE_ORDERED,
                Lanes::Unordered => LaneMode::RELIABLE_UNORDERED,
            },
            redundancy: match self.redundancy {
                Copies::Off => Redundancy::Off,
                Copies::Auto => Redundancy::Auto,
                Copies::Eager => Redundancy::Eager,
            },
            ..LaneSpec::ORDERED
        }
    }

    /// The lane of large messages.
    pub(super) fn big(&self) -> LaneSpec {
        self.small()
    }

    pub(super) fn describe(&self, work: &Work) -> String {
        let lanes = match self.lanes {
            Lanes::Ordered => "ordered",
            Lanes::Unordered => "unordered",
        };
        let sessions = match (work.cold, self.sessions) {
            (true, _) => "a session for each message",
            (false, Sessions::One) => "one session, a lane for each flow",
            (false, Sessions::PerFlow) => "a session for each flow",
        };
        format!(
            "rtm-session, {sessions}, {lanes} lanes, {:?}, redundancy {:?}, {:?}, lane credit {} \
             KiB, idle timeout {} s, else defaults",
            self.carrier,
            self.redundancy,
            self.cc,
            LANE_CREDIT / 1_024,
            IDLE_TIMEOUT.as_secs()
        )
    }
}

/// Longer than the longest blackout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// In bytes; the default would bound a transfer over a long path. About as much as quinn's streams
/// have.
const LANE_CREDIT: u64 = 1_280 * 1_024;
