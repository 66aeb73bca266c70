//! Messages: talking, publishing, receiving.

use clap::{Args, Subcommand, ValueEnum};

use super::who::Who;

#[derive(Args)]
pub(crate) struct Chat {
    /// The message channel
    pub(crate) channel: String,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct Publish {
    /// The message channel; with --topic the stream channel
    pub(crate) channel: String,
    /// Publish in this topic
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// With --topic: receivers get each message as soon as it is there, in any order
    #[arg(long, requires = "topic")]
    pub(crate) unordered: bool,
    /// With --topic: give up each message that hasn't arrived after so many milliseconds
    #[arg(
        long,
        requires = "topic",
        value_name = "MS",
        value_parser = clap::value_parser!(u32).range(1..=60_000)
    )]
    pub(crate) deadline: Option<u32>,
    /// With --topic: each message replaces the ones before; receivers that come later get the last
    #[arg(long, requires = "topic", conflicts_with = "deadline")]
    pub(crate) latest_only: bool,
    /// With --topic: urgency against your other topics
    #[arg(long, requires = "topic", value_enum, default_value_t = Urgency::Normal)]
    pub(crate) priority: Urgency,
    /// Keep the messages in the channel's history
    #[arg(long, conflicts_with = "topic")]
    pub(crate) store: bool,
    /// Messages a second at most [default: what the server allows]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,
    #[command(flatten)]
    pub(crate) messages: Messages,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct Subscribe {
    /// The message channel; with --topic the stream channel
    pub(crate) channel: String,
    /// Receive this topic
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// With --topic: only messages of these publishers; may be repeated
    #[arg(long, requires = "topic")]
    pub(crate) from: Vec<String>,
    /// Tell on standard error who is there, comes and goes
    #[arg(long, conflicts_with = "topic")]
    pub(crate) presence: bool,
    /// What becomes of messages that come faster than they are printed [default: catch-up in
    /// channels, disconnect in topics]
    #[arg(long, value_name = "POLICY")]
    pub(crate) queue: Option<Queue>,
    #[command(flatten)]
    pub(crate) printing: Printing,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Subcommand)]
pub(crate) enum User {
    /// Send each line of standard input to a user
    #[command(after_help = SEND)]
    Send(Send),
    /// Print the messages that are for you, those that have waited first
    #[command(after_help = INBOX)]
    Inbox(Inbox),
}

#[derive(Args)]
pub(crate) struct Send {
    /// Who gets it
    #[arg(value_name = "TO")]
    pub(crate) to: String,
    /// Keep messages for the user who isn't there
    #[arg(long)]
    pub(crate) store: bool,
    #[command(flatten)]
    pub(crate) messages: Messages,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct Inbox {
    #[command(flatten)]
    pub(crate) printing: Printing,
    #[command(flatten)]
    pub(crate) who: Who,
}

/// What is published.
#[derive(Args)]
pub(crate) struct Messages {
    /// Take this instead of standard input; may be repeated
    #[arg(long = "message", short = 'm', value_name = "MESSAGE")]
    pub(crate) given: Vec<String>,
    /// A mark of your own for receivers, at most 32 bytes
    #[arg(long, default_value = "")]
    pub(crate) custom_type: String,
    /// Say nothing when all has gone well
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How what arrives is printed.
#[derive(Args)]
pub(crate) struct Printing {
    /// End after so many messages
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Print an object a line: publisher, epoch, sequence, server time in ms, payload
    #[arg(long)]
    pub(crate) json: bool,
    /// Don't say when receiving has begun
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Queue {
    /// What was stored comes later, the rest is told as missing; not in topics
    CatchUp,
    /// The newest come, the rest is told as missing
    DropOldest,
    /// The newest comes
    LatestOnly,
    /// The session ends, and begins anew
    Disconnect,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Urgency {
    Highest,
    High,
    Normal,
    Low,
}

pub(super) const CHAT: &str = "Examples:
  rtm chat lobby --as alice
  rtm chat lobby --as alice --server rtm://rtm.example.com:7700?key=… --app-id … --token …

Ctrl-D or Ctrl-C ends.";

pub(super) const PUB: &str = "Examples:
  rtm pub lobby --as alice --message 'hello all'
  rtm pub town --topic news --as alice < news.txt
  tail -f log | rtm pub town --topic log --as logger --priority low --quiet

A line is published without its newline. `pub` keeps to the server's rates by itself. It ends when
every message has its place at the server; a line that is too long ends it, with its number.";

pub(super) const SUB: &str = "Examples:
  rtm sub lobby --as bob
  rtm sub town --topic news --as bob --json | jq -r .payload
  rtm sub town --topic news --as bob --from alice --from carol --count 10
  rtm sub lobby --as bob --presence
  rtm sub stream --as bob --queue drop-oldest | slow-program

Prints each payload and a newline. Messages that are missing are told on standard error, and by
exit code 6.";

const SEND: &str = "Examples:
  rtm user send bob --as alice --message 'are you there?'
  rtm user send bob --as alice --store < letter.txt

A message has arrived when the command says so. Without --store, who isn't there gets nothing, and
the command fails; with it, messages wait.";

const INBOX: &str = "Examples:
  rtm user inbox --as bob
  rtm user inbox --as bob --json | jq -r '.publisher + \": \" + .payload'";
