//! The server as a program and as a core.

mod program;
mod start;
