//! Ctrl-C (and SIGTERM) while a run is going on: the first asks the run to end, a second one ends the process.

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::ExitStatus;
use crate::execute::Cancellation;

/// Handlers for as long as it lives.
pub(crate) struct Interrupt(Vec<SigId>);

impl Interrupt {
    pub fn install(cancellation: &Cancellation) -> Self {
        let flag = cancellation.flag();
        let handlers = [SIGINT, SIGTERM].into_iter().flat_map(|signal| {
            // The order matters: at the first signal the flag is not set yet, so only the second one ends the process.
            let status = ExitStatus::Interrupted as i32;
            let shutdown = signal_hook::flag::register_conditional_shutdown(signal, status, flag.clone());
            [shutdown, signal_hook::flag::register(signal, flag.clone())]
        });
        // Without handlers Ctrl-C ends the process at once, which leaves nothing half-written either.
        Interrupt(handlers.filter_map(Result::ok).collect())
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        for handler in self.0.drain(..) {
            signal_hook::low_level::unregister(handler);
        }
    }
}
