//! The command line's grammar.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Real-time messages from the command line
///
/// After `rtm-server --dev` on the same machine, no flag is needed but `--as`. Elsewhere say which
/// server, which app, and who you are: with flags, or with the environment variables that they
/// name.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Talk in a message channel: what you type goes out, what others say comes in
    #[command(after_help = CHAT)]
    Chat(Chat),
    /// Publish each line of standard input as a message
    #[command(after_help = PUB)]
    Pub(Publish),
    /// Print the messages that arrive
    #[command(after_help = SUB)]
    Sub(Subscribe),
    /// Send messages to a user, or receive those that are for you
    #[command(subcommand)]
    User(User),
    /// Show states in a channel, see who is there, find where a user is
    #[command(subcommand)]
    Presence(Presence),
    /// Make a token for a user, and for a stream channel
    #[command(after_help = TOKEN)]
    Token(Token),
    /// Metadata of a channel or a user: write, read, watch
    #[command(subcommand)]
    Storage(Storage),
    /// Locks of a channel: make, acquire, release, watch
    #[command(subcommand)]
    Lock(Lock),
}

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

#[derive(Subcommand)]
pub(crate) enum Presence {
    /// Be in a channel, show states, and print who comes, goes and shows what
    #[command(after_help = SHOW)]
    Show(Show),
    /// List who is in a channel
    #[command(after_help = WHO)]
    Who(WhoIsThere),
    /// Print what a user shows in a channel
    Get(StateOf),
    /// List the channels that a user is in
    Where(Where),
}

/// A channel, and who asks.
#[derive(Args)]
pub(crate) struct At {
    /// The message channel; with --stream the stream channel
    pub(crate) channel: String,
    /// The channel is a stream channel
    #[arg(long)]
    pub(crate) stream: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) at: At,
    /// What to show; may be repeated
    #[arg(long = "state", value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) states: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

#[derive(Args)]
pub(crate) struct WhoIsThere {
    #[command(flatten)]
    pub(crate) at: At,
    /// Also tell what they show
    #[arg(long)]
    pub(crate) states: bool,
    /// Ask for so many users at a time [default: what the server gives]
    #[arg(long, value_name = "USERS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) page_size: Option<u64>,
    /// Print an object a line: user, states
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct StateOf {
    #[command(flatten)]
    pub(crate) at: At,
    /// Whose states
    #[arg(value_name = "USER")]
    pub(crate) whose: String,
    /// Print an object: user, states
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Where {
    /// Whom to find
    #[arg(value_name = "USER")]
    pub(crate) whom: String,
    /// Print an object a line: kind, channel
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("there is no \"=\" in it".to_owned()),
    }
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

#[derive(Args)]
pub(crate) struct Token {
    /// The user that it is for
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: String,
    /// Also let the user join this stream channel; may be repeated
    #[arg(long)]
    pub(crate) channel: Vec<String>,
    /// How long it is good for, in seconds, up to a day
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) expires: u32,
    #[command(flatten)]
    pub(crate) app: App,
}

/// Who somebody is, and where.
#[derive(Args)]
pub(crate) struct Who {
    /// The user id
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: String,
    /// The connection string that rtm-server prints
    #[arg(long, env = "RTM_SERVER", value_name = "rtm://HOST:PORT?key=HEX[&tcp=PORT]")]
    pub(crate) server: Option<String>,
    /// A token for the user [default: made with the certificate]
    #[arg(long, env = "RTM_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) app: App,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) client: Client,
}

/// How the server is reached.
#[derive(Args)]
pub(crate) struct Network {
    /// What carries packets [default: tcp-udp]
    #[arg(long, env = "RTM_PROTOCOL", value_enum)]
    pub(crate) protocol: Option<Protocol>,
    /// An HTTP proxy that everything goes through, in TCP
    #[arg(
        long,
        env = "RTM_PROXY",
        hide_env_values = true,
        value_name = "http://[USER:PASSWORD@]HOST:PORT"
    )]
    pub(crate) proxy: Option<String>,
    /// A further host of the server, HOST or HOST:PORT, with the same key; may be repeated
    #[arg(long = "host", value_name = "HOST[:PORT]")]
    pub(crate) hosts: Vec<String>,
}

/// How the client behaves.
#[derive(Args)]
pub(crate) struct Client {
    /// Pause after which the server is pinged, in seconds [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) heartbeat: Option<u64>,
    /// How long others aren't told that this client is lost, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) presence_timeout: Option<u64>,
    /// How long to try to log in, and to come back, in seconds [default: one try; for ever]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) reconnect_timeout: Option<u64>,
    /// Seal messages from end to end, key and salt in hexadecimal digits
    #[arg(
        long,
        env = "RTM_ENCRYPTION",
        hide_env_values = true,
        value_name = "aes-128-gcm|aes-256-gcm:KEY:SALT"
    )]
    pub(crate) encryption: Option<String>,
    /// A log of the client in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Protocol {
    /// UDP, and TCP where UDP doesn't pass
    TcpUdp,
    /// TCP, or WebSockets on it; no UDP
    Tcp,
    /// UDP only
    Udp,
}

#[derive(Args)]
pub(crate) struct App {
    /// The app
    #[arg(long, env = "RTM_APP_ID", value_name = "HEX")]
    pub(crate) app_id: Option<String>,
    /// File with the app's certificate, to make tokens with, or a server's app.json; or set
    /// RTM_CERTIFICATE to the certificate
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Urgency {
    Highest,
    High,
    Normal,
    Low,
}

#[derive(Subcommand)]
pub(crate) enum Storage {
    /// Write items, whether they are there or not
    #[command(after_help = STORAGE_SET)]
    Set(StorageWrite),
    /// Write items that are all there
    Update(StorageWrite),
    /// Remove items that are all there; without any the whole set
    #[command(after_help = STORAGE_REMOVE)]
    Remove(StorageRemove),
    /// Print the whole set
    #[command(after_help = STORAGE_GET)]
    Get(StorageGet),
    /// Print the set, and then each change of it
    #[command(after_help = STORAGE_WATCH)]
    Watch(StorageWatch),
}

/// Whose metadata is meant.
#[derive(Args)]
pub(crate) struct Owner {
    /// The message channel; with --stream the stream channel, with --user the user
    pub(crate) name: String,
    /// NAME is a stream channel
    #[arg(long, conflicts_with = "is_user")]
    pub(crate) stream: bool,
    /// NAME is a user
    #[arg(long = "user")]
    pub(crate) is_user: bool,
}

/// What a write expects, and what is kept of it.
#[derive(Args)]
pub(crate) struct Conditions {
    /// Only if each of the items is at this revision; 0: only if none is there
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-1..)
    )]
    pub(crate) revision: Option<i64>,
    /// Only if the set is at this revision; 0: only if it isn't there
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-1..)
    )]
    pub(crate) major: Option<i64>,
    /// Only while you hold this lock of the channel
    #[arg(long, value_name = "LOCK")]
    pub(crate) lock: Option<String>,
    /// Only while this is the lock's token
    #[arg(long, requires = "lock", value_name = "TOKEN")]
    pub(crate) lock_token: Option<u64>,
    /// Say nothing when all has gone well
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args)]
pub(crate) struct StorageWrite {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// The items; a key has no `=`
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub(crate) items: Vec<String>,
    /// Keep the time of this write with the items
    #[arg(long)]
    pub(crate) record_time: bool,
    /// Keep who has written them
    #[arg(long)]
    pub(crate) record_author: bool,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct StorageRemove {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// The items
    #[arg(value_name = "KEY", required_unless_present = "all")]
    pub(crate) keys: Vec<String>,
    /// The whole set
    #[arg(long, conflicts_with_all = ["keys", "revision"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct StorageGet {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// Print an object: kind, name, major_revision, items
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct StorageWatch {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// End after so many events, of which the whole set is the first
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Print an object a line: change, author, time_ms, major_revision, changed, removed, items
    #[arg(long)]
    pub(crate) json: bool,
    /// Don't say when watching has begun
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Subcommand)]
pub(crate) enum Lock {
    /// Make a lock that nobody has
    Set(LockSet),
    /// Acquire a lock, print its token, and hold it until Ctrl-C
    #[command(after_help = LOCK_ACQUIRE)]
    Acquire(LockAcquire),
    /// Give up a lock that was acquired with --keep, within its TTL
    Release(LockOf),
    /// Take a lock from its owner
    Revoke(LockRevoke),
    /// Do away with a lock, whoever has it
    Remove(LockOf),
    /// Print all locks
    #[command(after_help = LOCK_GET)]
    Get(LockGet),
    /// Print all locks, and then each change of one
    #[command(after_help = LOCK_WATCH)]
    Watch(LockWatch),
}

/// Whose locks are meant.
#[derive(Args)]
pub(crate) struct LockAt {
    /// The message channel; with --stream the stream channel
    pub(crate) channel: String,
    /// CHANNEL is a stream channel
    #[arg(long)]
    pub(crate) stream: bool,
}

/// Which lock is meant.
#[derive(Args)]
pub(crate) struct LockOf {
    #[command(flatten)]
    pub(crate) at: LockAt,
    /// The lock
    pub(crate) lock: String,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct LockSet {
    #[command(flatten)]
    pub(crate) of: LockOf,
    /// How long an owner that is lost keeps it, in seconds; the server brings it to what it allows
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) ttl: u64,
}

#[derive(Args)]
pub(crate) struct LockAcquire {
    #[command(flatten)]
    pub(crate) of: LockOf,
    /// Wait while somebody else has it
    #[arg(long)]
    pub(crate) retry: bool,
    /// Release it after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hold: Option<u64>,
    /// Don't hold it: leave it to your next command, within its TTL
    #[arg(long, conflicts_with = "hold")]
    pub(crate) keep: bool,
    /// Print an object: name, ttl_s, token
    #[arg(long)]
    pub(crate) json: bool,
    /// Don't say when it is held
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args)]
pub(crate) struct LockRevoke {
    #[command(flatten)]
    pub(crate) of: LockOf,
    /// The owner that is meant
    #[arg(long, value_name = "USER")]
    pub(crate) owner: String,
}

#[derive(Args)]
pub(crate) struct LockGet {
    #[command(flatten)]
    pub(crate) at: LockAt,
    /// Print an object: kind, channel, locks
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

#[derive(Args)]
pub(crate) struct LockWatch {
    #[command(flatten)]
    pub(crate) at: LockAt,
    /// End after so many events, of which all locks are the first
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Print an object a line: kind, channel, change, actor, time_ms, locks
    #[arg(long)]
    pub(crate) json: bool,
    /// Don't say when watching has begun
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) who: Who,
}

const EXAMPLES: &str = "Examples:
  rtm chat lobby --as alice
  rtm sub town --topic news --as bob --count 3
  printf 'one\\ntwo\\nthree\\n' | rtm pub town --topic news --as alice
  rtm user send bob --as alice --store --message 'at nine'
  rtm token --as alice --channel town

Exit codes: 0 done, 1 something failed, 2 wrong command line, 3 no connection,
4 wrong key, token or app, 5 beyond a limit, 6 messages are missing, 130 interrupted.";

const CHAT: &str = "Examples:
  rtm chat lobby --as alice
  rtm chat lobby --as alice --server rtm://rtm.example.com:7700?key=… --app-id … --token …

Ctrl-D or Ctrl-C ends.";

const PUB: &str = "Examples:
  rtm pub lobby --as alice --message 'hello all'
  rtm pub town --topic news --as alice < news.txt
  tail -f log | rtm pub town --topic log --as logger --priority low --quiet

A line is published without its newline. `pub` keeps to the server's rates by itself. It ends when
every message has its place at the server; a line that is too long ends it, with its number.";

const SUB: &str = "Examples:
  rtm sub lobby --as bob
  rtm sub town --topic news --as bob --json | jq -r .payload
  rtm sub town --topic news --as bob --from alice --from carol --count 10
  rtm sub lobby --as bob --presence

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

const SHOW: &str = "Examples:
  rtm presence show lesson --as alice --state mood=well --state hand=up
  rtm presence show lesson --as bob --json | jq -c .users

States last as long as the command runs.";

const WHO: &str = "Examples:
  rtm presence who lesson --as bob --states
  rtm presence who town --stream --as bob --json | jq -r .user
  rtm presence get lesson alice --as bob
  rtm presence where alice --as bob

Who asks need not be in the channel.";
const STORAGE_SET: &str = "Examples:
  rtm storage set lobby topic=cats color=red --as alice
  rtm storage set lobby round=8 --revision 41 --as alice
  rtm storage set town map=winter --stream --major 0 --as alice
  rtm storage set alice mood=fine --user --as alice

All of the items are written, or none. What is at another revision than was expected fails, with
-12014: get it, and try again.";

const STORAGE_REMOVE: &str = "Examples:
  rtm storage remove lobby topic --as alice
  rtm storage remove lobby --all --as alice";

const STORAGE_GET: &str = "Examples:
  rtm storage get lobby --as bob
  rtm storage get alice --user --as bob --json | jq -r '.items[] | .key + \": \" + .value'

Prints KEY=VALUE lines; the set's revision is told on standard error.";

const STORAGE_WATCH: &str = "Examples:
  rtm storage watch lobby --as bob
  rtm storage watch alice --user --as bob --json --count 1

Prints `snapshot`, `set`, `update` or `remove`, the set's revision and who did it, then what was
written as KEY=VALUE, and the keys of what was removed as -KEY. Tells nobody that you watch.";

const LOCK_ACQUIRE: &str = "Examples:
  rtm lock acquire lobby editor --as alice
  rtm lock acquire lobby editor --retry --hold 30 --as bob
  token=$(rtm lock acquire lobby editor --keep --as alice)
  rtm storage set lobby topic=cats --lock editor --lock-token $token --as alice
  rtm lock release lobby editor --as alice

Ctrl-C releases the lock. When it is revoked, removed, or lost together with the connection, the
command fails. With --keep nobody else gets it before its TTL has passed since your last command.";

const LOCK_GET: &str = "Examples:
  rtm lock get lobby --as bob
  rtm lock get town --stream --as bob --json | jq -r '.locks[] | select(.owner) | .name'

Prints a line for each: name, owner (empty if it is free), TTL in seconds and the last token, with
tabs between them.";

const LOCK_WATCH: &str = "Examples:
  rtm lock watch lobby --as bob
  rtm lock watch lobby --as bob --json --count 1

Prints `snapshot`, `set`, `acquired`, `released`, `expired` or `removed` and who did it, then the
lock as `rtm lock get` does; in a snapshot all of them. Tells nobody that you watch.";

const TOKEN: &str = "Examples:
  rtm token --as alice --channel town
  rtm token --as alice --certificate-file ~/.local/share/rtm-server/app.json
  RTM_CERTIFICATE=… rtm token --as alice --app-id … --expires 86400";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn revisions_may_be_negative_and_no_others() {
        let parse = |revision: &str| {
            let line = ["rtm", "storage", "set", "lobby", "a=1", "--as", "alice", "--revision"];
            Cli::try_parse_from(line.into_iter().chain([revision])).is_ok()
        };
        assert_eq!(["-1", "0", "41", "-2", "x"].map(parse), [true, true, true, false, false]);
    }
}
