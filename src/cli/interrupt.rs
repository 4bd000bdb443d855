//! Ctrl-C (and SIGTERM) while a run is going on: the first asks the run to end, the second one to end at once, in order
//! still. Where nobody listens, the second one ends the process, and the third one always does.

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;

use super::ExitStatus;
use crate::execute::Cancellation;

/// Handlers for as long as it lives.
pub(crate) struct Interrupt(Vec<SigId>);

impl Interrupt {
    pub fn install(cancellation: &Cancellation) -> Self {
        let handlers = [SIGINT, SIGTERM].into_iter().map(|signal| {
            let cancellation = cancellation.clone();
            let handler = move || {
                if cancellation.ask() {
                    low_level::exit(ExitStatus::Interrupted as i32);
                }
            };
            // SAFETY: a handler may use atomics, and end the process without running what waits for its end.
            unsafe { low_level::register(signal, handler) }
        });
        // Without handlers Ctrl-C ends the process at once, which leaves nothing half-written either.
        Interrupt(handlers.filter_map(Result::ok).collect())
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        for handler in self.0.drain(..) {
            low_level::unregister(handler);
        }
    }
}
