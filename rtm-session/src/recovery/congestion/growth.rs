//! The window of CUBIC: how it grows and shrinks (RFC 9438).
//!
//! ```text
//!  window
//!    │                        ╱   beyond: looks for more, faster and faster
//!    │ former ─ ─ ─ ─ ─ _──‾‾
//!    │   │          _╱‾       soon back to where it was lost, then careful
//!    │   ▼ × 0.7  ╱
//!    │           │◄── K ──►│
//! ```
//!
//! Where that is slower than what a NewReno flow would do with the same losses, the window grows as
//! that one's (section 4.3).

use std::time::Duration;

use rtm_wire::Time;

use super::initial_window;

/// Datagrams a cubic second (section 4.1).
const CURVE: f64 = 0.4;
/// Part of the window that is kept (section 4.6).
pub(super) const KEPT: f64 = 0.7;
/// Datagrams a round trip with which a flow that keeps this part is as fast as NewReno
/// (section 4.3).
const RENO: f64 = 3.0 * (1.0 - KEPT) / (1.0 + KEPT);

/// A window, in bytes, and where it is on its curve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    datagram: f64,
    window: f64,
    threshold: f64,
    /// Window at the last reduction.
    former: f64,
    /// The same, less when the one before was larger: others want room.
    plateau: f64,
    curve: Option<Curve>,
    last_acked: Time,
}

/// The way up since the last reduction.
#[derive(Clone, Copy, Debug)]
struct Curve {
    start: Time,
    /// Window where it is flat, and seconds from the start to there.
    origin: f64,
    k: f64,
    /// What NewReno would have.
    reno: f64,
}

impl Growth {
    pub(super) fn new(datagram_len: usize) -> Self {
        let datagram = datagram_len as f64;
        Self {
            datagram,
            window: initial_window(datagram_len as u64) as f64,
            threshold: f64::INFINITY,
            former: 0.0,
            plateau: 0.0,
            curve: None,
            last_acked: Time::ZERO,
        }
    }

    pub(super) const fn window(&self) -> u64 {
        self.window as u64
    }

    pub(super) fn is_in_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// Bytes of a full window are acknowledged.
    pub(super) fn on_acked(&mut self, now: Time, bytes: u64, rtt: Duration) {
        self.last_acked = now;
        if self.is_in_slow_start() {
            self.window += bytes as f64;
            return;
        }
        let Self { datagram, window, former, plateau, .. } = *self;
        let curve = self.curve.get_or_insert_with(|| Curve::new(now, window, plateau, datagram));
        let age = (now.saturating_since(curve.start) + rtt).as_secs_f64() - curve.k;
        let target = curve.origin + CURVE * age * age * age * datagram;
        let acked = bytes as f64 / window;
        let reno = if curve.reno < former { RENO } else { 1.0 };
        curve.reno += reno * acked * datagram;
        self.window += (target.clamp(window, 1.5 * window) - window) * acked;
        self.window = self.window.max(curve.reno);
    }

    /// The window was not used: time does not make it grow.
    pub(super) fn on_idle(&mut self, now: Time) {
        if let Some(curve) = &mut self.curve {
            curve.start += now.saturating_since(self.last_acked);
        }
        self.last_acked = now;
    }

    /// Shrinks the window to so much of it, down to `minimum` datagrams.
    pub(super) fn reduce(&mut self, kept: f64, minimum: u64) {
        let is_below = self.window < self.former;
        self.former = self.window;
        self.plateau = if is_below { self.window * (1.0 + KEPT) / 2.0 } else { self.window };
        self.window = (self.window * kept).max(minimum as f64 * self.datagram);
        self.threshold = self.window;
        self.curve = None;
    }

    /// Begins anew with `datagrams`, and doubles up to where the window was.
    pub(super) fn restart(&mut self, datagrams: u64) {
        if !self.is_in_slow_start() {
            self.threshold = self.window;
        }
        self.window = self.window.min(datagrams as f64 * self.datagram);
        self.curve = None;
    }

    /// The same, up to half of where the window was.
    pub(super) fn collapse(&mut self, datagrams: u64) {
        self.reduce(KEPT, datagrams);
        self.window = self.window.min(datagrams as f64 * self.datagram);
    }

    /// Ends slow start where it is.
    pub(super) const fn end_slow_start(&mut self) {
        self.threshold = self.window;
        self.plateau = self.window;
    }

    /// Goes on from a window that was remembered.
    pub(super) fn jump(&mut self, window: u64) {
        self.window = self.window.max(window as f64);
        self.curve = None;
    }

    /// That was too much.
    pub(super) fn retreat(&mut self, window: u64) {
        self.window = self.window.min(window as f64);
        self.plateau = self.window;
        self.threshold = self.window;
        self.curve = None;
    }

    /// What was done since turns out to have been wrong.
    pub(super) fn undo(&mut self, before: Self) {
        if before.window > self.window {
            *self = Self { last_acked: self.last_acked, curve: None, ..before };
        } else {
            self.threshold = self.threshold.max(before.threshold);
        }
    }
}

impl Curve {
    fn new(start: Time, window: f64, plateau: f64, datagram: f64) -> Self {
        let origin = plateau.max(window);
        Self { start, origin, k: cube_root((origin - window) / datagram / CURVE), reno: window }
    }
}

/// By Newton, so that it is the same on every machine.
fn cube_root(of: f64) -> f64 {
    if of <= 0.0 {
        return 0.0;
    }
    let mut root = of.max(1.0);
    for _ in 0..64 {
        root -= (root - of / (root * root)) / 3.0;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(100);

    /// Acknowledges full windows for some round trips.
    fn run(growth: &mut Growth, now: &mut Time, rounds: u64) -> u64 {
        for _ in 0..rounds {
            *now += RTT;
            growth.on_acked(*now, growth.window(), RTT);
        }
        growth.window() / 1_200
    }

    #[test]
    fn the_cube_root_is_one() {
        for of in [0.0, 1e-3, 1.0, 75.0, 1e7] {
            let root = cube_root(of);
            assert!((root * root * root - of).abs() <= of * 1e-9, "{of}: {root}");
        }
    }

    #[test]
    fn the_window_is_back_after_k_and_then_goes_beyond() {
        let (mut growth, mut now) = (Growth::new(1_200), Time::ZERO);
        growth.jump(1_200_000);
        growth.reduce(KEPT, 2);
        assert_eq!(growth.window() / 1_200, 700);
        // K is the third root of 300 / 0.4: 9.1 s.
        assert!((985..=1_000).contains(&run(&mut growth, &mut now, 75)));
        assert!((995..=1_001).contains(&run(&mut growth, &mut now, 20)));
        assert!(run(&mut growth, &mut now, 60) > 1_060);
    }

    #[test]
    fn a_small_window_grows_as_newrenos() {
        let (mut growth, mut now) = (Growth::new(1_200), Time::ZERO);
        growth.reduce(KEPT, 2);
        assert_eq!(growth.window() / 1_200, 7);
        // 0.53 datagrams a round trip up to where it was, then one.
        assert_eq!(run(&mut growth, &mut now, 5), 9);
        assert!((13..=15).contains(&run(&mut growth, &mut now, 6)));
    }

    #[test]
    fn idle_time_makes_no_window() {
        let (mut growth, mut now) = (Growth::new(1_200), Time::ZERO);
        growth.jump(1_200_000);
        growth.reduce(KEPT, 2);
        let before = run(&mut growth, &mut now, 1);
        now += RTT * 1_000;
        growth.on_idle(now);
        let after = run(&mut growth, &mut now, 1);
        assert!(after <= before + 20, "{before} {after}");
    }

    #[test]
    fn who_loses_below_his_former_window_leaves_room() {
        let mut growth = Growth::new(1_200);
        growth.jump(120_000);
        growth.reduce(KEPT, 2);
        assert!((growth.plateau - 120_000.0).abs() < 1.0);
        growth.reduce(KEPT, 2);
        assert!((growth.plateau - 84_000.0 * 0.85).abs() < 1.0);
    }
}
