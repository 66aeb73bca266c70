//! The command line's grammar: what is common here, the rest a file for each family of commands.

mod at;
mod history;
mod lock;
mod messages;
mod presence;
mod storage;
mod who;

use clap::{Parser, Subcommand};

pub(crate) use self::at::At;
pub(crate) use self::history::{History, HistoryGet, HistoryOwn, HistoryPart};
pub(crate) use self::lock::{Lock, LockAcquire, LockGet, LockOf, LockRevoke, LockSet, LockWatch};
use self::messages::{CHAT, PUB, SUB};
pub(crate) use self::messages::{Chat, Inbox, Publish, Queue, Send, Subscribe, Urgency, User};
pub(crate) use self::presence::{Presence, Show, StateOf, Where, WhoIsThere};
pub(crate) use self::storage::{
    Conditions, Owner, Storage, StorageGet, StorageRemove, StorageWatch, StorageWrite,
};
use self::who::TOKEN;
pub(crate) use self::who::{App, Client, Protocol, Rights, Token, Who};

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
    /// Metadata of a channel or a user: write, read, watch
    #[command(subcommand)]
    Storage(Storage),
    /// Locks of a channel: make, acquire, release, watch
    #[command(subcommand)]
    Lock(Lock),
    /// Messages that were published with --store
    #[command(subcommand)]
    History(History),
    /// Make a token for a user, and for a stream channel
    #[command(after_help = TOKEN)]
    Token(Token),
}

const EXAMPLES: &str = "Examples:
  rtm chat lobby --as alice
  rtm sub town --topic news --as bob --count 3
  printf 'one\\ntwo\\nthree\\n' | rtm pub town --topic news --as alice
  rtm user send bob --as alice --store --message 'at nine'
  rtm token --as alice --channel town

Exit codes: 0 done, 1 something failed, 2 wrong command line, 3 no connection,
4 wrong key, token or app, 5 beyond a limit, 6 messages are missing, 130 interrupted.";

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
