//! The command line against a real server, over real sockets.

mod bad_input;
mod carriers;
mod chat;
mod ending;
mod history;
mod lab;
mod lock;
mod options;
mod presence;
mod program;
mod queue;
mod rights;
mod storage;
mod stream;
mod user;
