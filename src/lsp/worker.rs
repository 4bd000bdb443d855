//! The thread that looks at the project. What comes while it is at work waits, and only the newest of it is looked at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use lsp_server::{Message, Notification};
use lsp_types::{LogMessageParams, MessageType};

use super::analysis::{Analyst, Host, Snapshot};
use super::documents::{Documents, Root};
use super::publish::Publisher;

/// Looks whenever it is told to, and tells the editor what is wrong.
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Option<Documents>,
    ends: bool,
    /// The newest state of the project in which it fits together.
    snapshot: Option<Arc<Snapshot>>,
}

impl Worker {
    pub fn start(host: Arc<dyn Host>, root: Root, publisher: Publisher, outgoing: Sender<Message>) -> Self {
        let shared = Arc::new(Shared::default());
        let work = Work { host, root, publisher, outgoing, analyst: Analyst::default() };
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || work.go_on(&theirs));
        Worker { shared, thread: Some(thread) }
    }

    /// Has the project looked at with these texts; what waits to be looked at is dropped.
    pub fn look(&self, documents: Documents) {
        self.shared.state().waiting = Some(documents);
        self.shared.changed.notify_one();
    }

    /// What requests are answered from.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.shared.state().snapshot.clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.state().ends = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of it was told when it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next texts to look at; `None` when the server ends.
    fn next(&self) -> Option<Documents> {
        let mut state = self.state();
        loop {
            if state.ends {
                return None;
            }
            if let Some(documents) = state.waiting.take() {
                return Some(documents);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Work {
    host: Arc<dyn Host>,
    root: Root,
    publisher: Publisher,
    outgoing: Sender<Message>,
    analyst: Analyst,
}

impl Work {
    fn go_on(mut self, shared: &Shared) {
        while let Some(documents) = shared.next() {
            let looked = catch_unwind(AssertUnwindSafe(|| self.look(&documents)));
            match looked {
                Ok(Some(snapshot)) => {
                    let before = shared.state().snapshot.replace(Arc::new(snapshot));
                    // To take it apart takes as long as reading some hundred files.
                    rayon::spawn(move || drop(before));
                }
                Ok(None) => {}
                Err(_) => {
                    // What it remembers may be half of something.
                    self.analyst = Analyst::default();
                    self.complain("dovetail failed at these files: please report it; it goes on with the next change");
                }
            }
        }
    }

    fn look(&mut self, documents: &Documents) -> Option<Snapshot> {
        let overlay = documents.overlay(&self.root);
        let analysis = self.analyst.look(self.host.as_ref(), &self.root.folder, &overlay);
        for news in self.publisher.news(&analysis.problems, documents) {
            self.send("textDocument/publishDiagnostics", news);
        }
        analysis.snapshot
    }

    fn complain(&self, text: &str) {
        self.send("window/logMessage", LogMessageParams { typ: MessageType::ERROR, message: text.to_owned() });
    }

    /// An editor that is gone needs nothing.
    fn send(&self, method: &str, parameters: impl serde::Serialize) {
        let _ = self.outgoing.send(Message::Notification(Notification::new(method.to_owned(), parameters)));
    }
}
