//! The reference server of RTM, as a library: for the `rtm-server` program, for tests, and for
//! programs that bring their own server along.
//!
//! ```text
//!                 ┌──────────────────── ServerCore, without IO ────────────────────┐
//!  UDP, clock ──► │ Endpoint (rtm-session) ◄─► Gateway ◄── Command, Output ──► Owner │
//!  (Server)       │   sessions, lanes           logins,      plain values     channels, │
//!                 │                             rates, lanes                  topics    │
//!                 └────────────────────────────────────────────────────────────────┘
//! ```
//!
//! [`ServerCore`] is the whole server as a state machine: a simulator drives it with virtual time.
//! [`Server`] gives it a socket and a clock. What a channel or topic does is decided in
//! `rtm-channel` and `rtm-topic`, the same code that clients mirror.
//!
//! ```
//! use rtm_server::{Access, DataDir, Server, Settings, own_app};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let data = DataDir::open(folder.path())?;
//! let app = own_app(&data)?;
//! let mut access = Access::new();
//! app.add_to(&mut access);
//! let mut settings = Settings::default();
//! settings.listen = Some("127.0.0.1:0".parse()?);
//!
//! let server = Server::bind(&settings, true, access, &data)?;
//! println!("app {} at {}", app.id.as_str(), server.connection_string());
//! let handle = server.handle();
//! let running = tokio::spawn(server.run(std::future::pending()));
//! assert_eq!(handle.status().await.expect("it runs").sessions, 0);
//! handle.shut_down().await;
//! running.await??;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod clock;
mod config;
mod core;
mod data;
mod error;
mod gateway;
mod limits;
mod owner;
mod retention;
mod rights;
mod server;
mod services;
mod store;

pub use self::core::{CoreConfig, ServerCore, Status};
pub use access::{Access, Admission};
pub use config::{
    AppSettings, DEFAULT_LISTEN, DEFAULT_LISTEN_DEV, HistoryKind, HistoryRuleSettings,
    HistorySettings, LimitSettings, LogFormat, Preset, SessionSettings, Settings, StoreKind,
    TEMPLATE, TicketSettings,
};
pub use data::{DataDir, OwnApp};
pub use error::ServerError;
pub use gateway::GatewayCounters;
pub use limits::AppLimits;
pub use retention::{HistoryRule, HistoryRules, Retention};
pub use rights::{Listed, Pass, Rights};
pub use server::{Server, ServerHandle, own_app};
pub use services::Services;
pub use store::{
    Change, DiskStore, Found, HistoryPage, HistoryQuery, KeptAnswer, KeptItem, MemoryStore, Query,
    QueryId, Store, StoreError,
};
