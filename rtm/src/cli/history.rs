//! `rtm history`.

use clap::{Args, Subcommand};

use super::who::Who;

#[derive(Subcommand)]
pub(crate) enum History {
    /// Print messages of a message channel that were stored
    #[command(after_help = GET)]
    Get(HistoryGet),
    /// Print messages that were sent to you and stored
    Own(HistoryOwn),
}

#[derive(Args)]
pub(crate) struct HistoryGet {
    /// The message channel
    pub(crate) channel: String,
    #[command(flatten)]
    pub(crate) part: HistoryPart,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct HistoryOwn {
    #[command(flatten)]
    pub(crate) part: HistoryPart,
    #[command(flatten)]
    pub(crate) who: Who,
}

/// Which part of a history.
#[derive(Args)]
pub(crate) struct HistoryPart {
    /// At most so many messages, the newest; all if nothing is said
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Only those since this time, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) end: Option<u64>,
    /// Only those before this time, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) start: Option<u64>,
    /// From the oldest on; --count counts from there
    #[arg(long)]
    pub(crate) oldest_first: bool,
    /// Print an object a line: publisher, epoch, sequence, server time in ms, payload
    #[arg(long)]
    pub(crate) json: bool,
}

const GET: &str = "Examples:
  rtm pub lobby --as alice --store --message 'at nine'
  rtm history get lobby --as bob
  rtm history get lobby --as bob --count 10 --json
  rtm history get lobby --as bob --oldest-first --end 1700000000000

The newest comes first, unless --oldest-first is given.";
