//! Impairs real networks for tests and benchmarks, with the link model of `rtm-sim`.
//!
//! ```text
//!  client ──► 127.0.0.1:P │ proxy │ ──► server        one socket per client, no root
//!
//!  namespace A            │ router │          namespace B
//!  10.98.0.1 ── tunA ───► │ Link   │ ───► tunB ── 10.98.0.2
//!            ◄─────────── │   Link │ ◄───                      any IP traffic, root
//! ```
//!
//! - [`Proxy`] passes UDP datagrams between clients and one server on any address.
//! - [`Router`] passes IP packets between two TUN interfaces (Linux).
//! - [`Lab`] builds two namespaces around a router and runs commands in them (Linux).
//! - [`Impairment`] is the set of flags that all of them share.
//!
//! Delays are kept as well as the scheduler lets them: each tool measures by how much it was late
//! and prints the percentiles when it ends ([`Report`]).

#[cfg(unix)]
mod clock;
mod impairment;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
mod report;
#[cfg(target_os = "linux")]
mod router;
#[cfg(unix)]
mod schedule;
#[cfg(unix)]
mod stop;

pub use impairment::Impairment;
#[cfg(target_os = "linux")]
pub use lab::{Lab, LabConfig};
#[cfg(unix)]
pub use proxy::{Proxy, ProxyConfig};
#[cfg(unix)]
pub use report::Report;
#[cfg(target_os = "linux")]
pub use router::{Router, RouterConfig};
pub use rtm_sim::tool::{Direction, link_seed};
#[cfg(unix)]
pub use stop::Stop;
