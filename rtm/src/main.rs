//! The `rtm` program.

mod cli;
mod command;
mod connection;
mod failure;
mod lines;
mod output;
mod pace;
mod stop;
mod visit;

use std::process::ExitCode;

use clap::Parser;

use self::cli::{Cli, Command, History, Lock, Presence, Storage, User};
use self::command::{chat, history, lock, presence, publish, storage, subscribe, token, user};
use self::failure::Failure;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("rtm: {failure}");
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    if let Command::Token(arguments) = &command {
        return token::run(arguments);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Chat(arguments) => chat::run(arguments).await,
            Command::Pub(arguments) => publish::run(arguments).await,
            Command::Sub(arguments) => subscribe::run(arguments).await,
            Command::User(User::Send(arguments)) => user::send(arguments).await,
            Command::User(User::Inbox(arguments)) => user::inbox(arguments).await,
            Command::Presence(Presence::Show(arguments)) => presence::show(arguments).await,
            Command::Presence(Presence::Who(arguments)) => presence::who(arguments).await,
            Command::Presence(Presence::Get(arguments)) => presence::get(arguments).await,
            Command::Presence(Presence::Where(arguments)) => presence::find(arguments).await,
            Command::Token(arguments) => token::run(&arguments),
            Command::Storage(Storage::Set(arguments)) => storage::set(arguments).await,
            Command::Storage(Storage::Update(arguments)) => storage::update(arguments).await,
            Command::Storage(Storage::Remove(arguments)) => storage::remove(arguments).await,
            Command::Storage(Storage::Get(arguments)) => storage::get(arguments).await,
            Command::Storage(Storage::Watch(arguments)) => storage::watch(arguments).await,
            Command::History(History::Get(arguments)) => history::get(arguments).await,
            Command::History(History::Own(arguments)) => history::own(arguments).await,
            Command::Lock(Lock::Set(arguments)) => lock::set(arguments).await,
            Command::Lock(Lock::Acquire(arguments)) => lock::acquire(arguments).await,
            Command::Lock(Lock::Release(arguments)) => lock::release(arguments).await,
            Command::Lock(Lock::Revoke(arguments)) => lock::revoke(arguments).await,
            Command::Lock(Lock::Remove(arguments)) => lock::remove(arguments).await,
            Command::Lock(Lock::Get(arguments)) => lock::get(arguments).await,
            Command::Lock(Lock::Watch(arguments)) => lock::watch(arguments).await,
        }
    })
}
