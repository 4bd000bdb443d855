//! The conversation with the editor.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CancelParams, CompletionParams, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, DocumentSymbolParams, GotoDefinitionParams, HoverParams, LogMessageParams, MessageType,
    NumberOrString, ReferenceParams, SymbolInformation, WorkspaceSymbolParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::analysis::Host;
use super::documents::{Documents, Root};
use super::publish::Publisher;
use super::start::{Terms, folders, wait_for_start};
use super::transport::{Channel, Incoming};
use super::uri::path_of;
use super::view::{Places, View};
use super::worker::Worker;
use super::{completion, definition, hover, references, symbols};

/// Talks until the editor says goodbye or is gone; true when it said so.
pub(super) fn talk(channel: Channel, host: Arc<dyn Host>, folder: &Path) -> bool {
    let Some((id, parameters)) = wait_for_start(&channel) else { return false };
    let Channel { incoming, outgoing, writer } = channel;
    let (terms, documents) = (Terms::of(&parameters), Documents::default());
    let mut server = Server { incoming, outgoing, host, terms, documents, project: None, is_shut_down: false };
    server.answer(Response::new_ok(id, server.terms.introduction()));
    let folders = folders(&parameters);
    for folder in folders.iter().map(PathBuf::as_path).chain([folder]) {
        server.settle_in(folder);
    }
    let is_goodbye = server.go_on();
    drop(server);
    // The last answers are on their way; a writer that panicked has none.
    let _ = writer.join();
    is_goodbye
}

struct Server {
    incoming: Receiver<Incoming>,
    outgoing: Sender<Message>,
    host: Arc<dyn Host>,
    terms: Terms,
    documents: Documents,
    /// Once it is known where the project is.
    project: Option<(Root, Worker)>,
    is_shut_down: bool,
}

/// What becomes of the conversation.
enum Then {
    GoOn,
    End,
}

impl Server {
    /// Takes the project that a folder is in for the one that is meant, if none was found yet.
    fn settle_in(&mut self, folder: &Path) {
        if self.project.is_some() {
            return;
        }
        let Ok(folder) = self.host.root(folder) else { return };
        let root = Root::new(folder);
        let publisher = Publisher::new(root.clone(), &self.terms);
        let worker = Worker::start(Arc::clone(&self.host), root.clone(), publisher, self.outgoing.clone());
        self.project = Some((root, worker));
        self.look();
    }

    fn look(&self) {
        if let Some((_, worker)) = &self.project {
            worker.look(self.documents.clone());
        }
    }

    fn answer(&self, response: Response) {
        // An editor that is gone needs no answer; that it is, is seen when the next message is read.
        let _ = self.outgoing.send(response.into());
    }

    /// Takes all that has come at once, so that a row of keystrokes is one look.
    fn go_on(&mut self) -> bool {
        while let Ok(first) = self.incoming.recv() {
            let arrived = std::iter::once(first).chain(self.incoming.try_iter());
            let mut queue: VecDeque<Message> = arrived.filter_map(|arrived| self.message(arrived)).collect();
            let mut is_changed = false;
            while let Some(message) = queue.pop_front() {
                match message {
                    Message::Request(request) if is_cancelled(&request.id, &queue) => {
                        let code = ErrorCode::RequestCanceled as i32;
                        self.answer(Response::new_err(request.id, code, "cancelled".to_owned()));
                    }
                    Message::Request(request) => self.request(request),
                    Message::Notification(notification) => match self.notification(notification, &mut is_changed) {
                        Then::GoOn => {}
                        Then::End => return self.is_shut_down,
                    },
                    Message::Response(_) => {}
                }
            }
            if is_changed {
                self.look();
            }
        }
        self.is_shut_down
    }

    /// What is no message has no number that an answer could go to.
    fn message(&self, arrived: Incoming) -> Option<Message> {
        match arrived {
            Incoming::Message(message) => Some(message),
            Incoming::Unreadable(reason) => {
                let message = format!("a message cannot be read: {reason}");
                let parameters = LogMessageParams { typ: MessageType::ERROR, message };
                let complaint = Notification::new("window/logMessage".to_owned(), parameters);
                let _ = self.outgoing.send(Message::Notification(complaint));
                None
            }
        }
    }

    fn request(&mut self, request: Request) {
        let Request { id, method, params } = request;
        if self.is_shut_down {
            let code = ErrorCode::InvalidRequest as i32;
            return self.answer(Response::new_err(id, code, "the server is shut down".to_owned()));
        }
        let result = catch_unwind(AssertUnwindSafe(|| self.result(&method, params)));
        self.answer(match result {
            Ok(Ok(result)) => Response::new_ok(id, result),
            Ok(Err((code, message))) => Response::new_err(id, code as i32, message),
            Err(_) => Response::new_err(id, ErrorCode::InternalError as i32, format!("`{method}` failed")),
        });
    }

    fn result(&mut self, method: &str, parameters: Value) -> Result<Value, (ErrorCode, String)> {
        match method {
            "shutdown" => {
                self.is_shut_down = true;
                Ok(Value::Null)
            }
            "textDocument/definition" => {
                let GotoDefinitionParams { text_document_position_params: at, .. } = read(parameters)?;
                let view = self.view(at.text_document.uri.as_str(), at.position);
                Ok(json!(view.map(|view| definition::definition(&view)).unwrap_or_default()))
            }
            "textDocument/references" => {
                let ReferenceParams { text_document_position: at, context, .. } = read(parameters)?;
                let view = self.view(at.text_document.uri.as_str(), at.position);
                Ok(json!(
                    view.map(|view| references::references(&view, context.include_declaration)).unwrap_or_default()
                ))
            }
            "textDocument/hover" => {
                let HoverParams { text_document_position_params: at, .. } = read(parameters)?;
                let view = self.view(at.text_document.uri.as_str(), at.position);
                Ok(json!(view.and_then(|view| hover::hover(&view))))
            }
            "textDocument/completion" => {
                let CompletionParams { text_document_position: at, .. } = read(parameters)?;
                let view = self.view(at.text_document.uri.as_str(), at.position);
                Ok(json!(view.map(|view| completion::completion(&view)).unwrap_or_default()))
            }
            "textDocument/documentSymbol" => {
                let DocumentSymbolParams { text_document, .. } = read(parameters)?;
                let view = self.view(text_document.uri.as_str(), lsp_types::Position::default());
                Ok(json!(view.map(|view| symbols::in_document(&view)).unwrap_or_default()))
            }
            "workspace/symbol" => {
                let WorkspaceSymbolParams { query, .. } = read(parameters)?;
                Ok(json!(self.symbols(&query).unwrap_or_default()))
            }
            other => Err((ErrorCode::MethodNotFound, format!("`{other}` is not known"))),
        }
    }

    /// The assets and sources whose names are like a text.
    fn symbols(&self, asked: &str) -> Option<Vec<SymbolInformation>> {
        let (root, worker) = self.project.as_ref()?;
        let snapshot = worker.snapshot()?;
        let (documents, encoding) = (&self.documents, self.terms.encoding);
        Some(symbols::in_project(&Places { snapshot: &snapshot, root, documents, encoding }, asked))
    }

    /// A place in an open text of the project; `None` where nothing is known that an answer could be made of.
    fn view(&self, uri: &str, position: lsp_types::Position) -> Option<View<'_>> {
        let (root, worker) = self.project.as_ref()?;
        let snapshot = worker.snapshot()?;
        let document = self.documents.get(uri)?;
        let path = root.shown(document.file.path())?;
        let offset = self.terms.encoding.offset(&document.file, position);
        let file = Arc::clone(&document.file);
        Some(View { snapshot, root, documents: &self.documents, encoding: self.terms.encoding, path, file, offset })
    }

    fn notification(&mut self, notification: Notification, is_changed: &mut bool) -> Then {
        let Notification { method, params } = notification;
        match method.as_str() {
            "exit" => return Then::End,
            "initialized" => {
                if let Some(request) = self.terms.request_for_files() {
                    let _ = self.outgoing.send(request);
                }
            }
            "textDocument/didOpen" => {
                let Ok(DidOpenTextDocumentParams { text_document }) = read(params) else { return Then::GoOn };
                let uri = text_document.uri.as_str();
                self.documents.open(uri, text_document.version, text_document.text);
                if let Some(folder) = path_of(uri).as_deref().and_then(Path::parent) {
                    self.settle_in(folder);
                }
                *is_changed = true;
            }
            "textDocument/didChange" => {
                let Ok(DidChangeTextDocumentParams { text_document, content_changes }) = read(params) else {
                    return Then::GoOn;
                };
                let (uri, version) = (text_document.uri.as_str(), text_document.version);
                self.documents.change(uri, version, content_changes, self.terms.encoding);
                *is_changed = true;
            }
            "textDocument/didSave" => {
                let Ok(DidSaveTextDocumentParams { text_document, .. }) = read(params) else { return Then::GoOn };
                self.documents.save(text_document.uri.as_str());
                *is_changed = true;
            }
            "textDocument/didClose" => {
                let Ok(DidCloseTextDocumentParams { text_document }) = read(params) else { return Then::GoOn };
                self.documents.close(text_document.uri.as_str());
                *is_changed = true;
            }
            "workspace/didChangeWatchedFiles" => *is_changed = true,
            _ => {}
        }
        Then::GoOn
    }
}

/// Whether the editor took a request back before it was looked at.
fn is_cancelled(id: &RequestId, queue: &VecDeque<Message>) -> bool {
    let cancelled = queue.iter().filter_map(|message| match message {
        Message::Notification(notification) if notification.method == "$/cancelRequest" => {
            read::<CancelParams>(notification.params.clone()).ok()
        }
        _ => None,
    });
    let ids: HashSet<RequestId> = cancelled
        .map(|cancelled| match cancelled.id {
            NumberOrString::Number(number) => number.into(),
            NumberOrString::String(text) => text.into(),
        })
        .collect();
    ids.contains(id)
}

fn read<T: DeserializeOwned>(parameters: Value) -> Result<T, (ErrorCode, String)> {
    serde_json::from_value(parameters).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}
