//! Computing time by thread: what it costs, also when others have the machine.

use std::fs;

use crate::world::THREADS;

/// Nanoseconds that each of [`THREADS`] has computed so far; 0 where the system doesn't say.
#[derive(Clone, Copy)]
pub(crate) struct Busy([u64; THREADS.len()]);

impl Busy {
    pub(crate) fn now() -> Self {
        let mut busy = Self([0; THREADS.len()]);
        let Ok(tasks) = fs::read_dir("/proc/self/task") else { return busy };
        for task in tasks.flatten() {
            let text = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let (name, times) = (text("comm"), text("schedstat"));
            let nanos = times.split(' ').next().and_then(|nanos| nanos.parse().ok());
            if let Some(index) = THREADS.iter().position(|thread| *thread == name.trim()) {
                busy.0[index] = nanos.unwrap_or_default();
            }
        }
        busy
    }

    /// Microseconds for each of `count` messages, by thread.
    pub(crate) fn since(self, earlier: Self, count: u64) -> [f64; THREADS.len()] {
        let spans = self.0.into_iter().zip(earlier.0);
        let mut micros = [0.0; THREADS.len()];
        for (micros, (later, earlier)) in micros.iter_mut().zip(spans) {
            *micros = later.saturating_sub(earlier) as f64 / 1e3 / count as f64;
        }
        micros
    }
}
