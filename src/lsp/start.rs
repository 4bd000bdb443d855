//! How a conversation begins: what the editor can do and wants, and what it is told of the server.

use std::path::PathBuf;

use lsp_server::{ErrorCode, Message, Request, RequestId, Response};
use lsp_types::{
    CompletionOptions, HoverProviderCapability, InitializeParams, OneOf, SaveOptions, ServerCapabilities,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
};
use serde_json::{Value, json};

use super::position::Encoding;
use super::transport::{Channel, Incoming};
use super::uri::path_of;

/// Characters after which editors ask for names without being told to.
const TRIGGERS: [&str; 5] = [".", "'", "\"", "(", "{"];

/// The first request; whatever comes before it has no answer.
pub(super) fn wait_for_start(channel: &Channel) -> Option<(RequestId, InitializeParams)> {
    loop {
        let Incoming::Message(message) = channel.incoming.recv().ok()? else { continue };
        match message {
            Message::Request(request) if request.method == "initialize" => {
                let parameters = serde_json::from_value(request.params).unwrap_or_default();
                return Some((request.id, parameters));
            }
            Message::Request(request) => {
                let code = ErrorCode::ServerNotInitialized as i32;
                let answer = Response::new_err(request.id, code, "`initialize` comes first".to_owned());
                channel.outgoing.send(answer.into()).ok()?;
            }
            Message::Notification(notification) if notification.method == "exit" => return None,
            Message::Notification(_) | Message::Response(_) => {}
        }
    }
}

/// The folders that the editor has open.
#[expect(deprecated, reason = "older editors name their folder so")]
pub(super) fn folders(parameters: &InitializeParams) -> Vec<PathBuf> {
    let folders = parameters.workspace_folders.iter().flatten().map(|folder| folder.uri.as_str());
    let root = parameters.root_uri.iter().map(|uri| uri.as_str());
    folders.chain(root).filter_map(path_of).collect()
}

/// What both sides go by.
pub(super) struct Terms {
    pub encoding: Encoding,
    /// Whether the editor shows places beside the one of a problem.
    pub has_related: bool,
    /// Whether it can be asked to tell of files that others change.
    pub watches_files: bool,
}

impl Terms {
    pub fn of(parameters: &InitializeParams) -> Self {
        let general = parameters.capabilities.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_deref()).unwrap_or_default();
        let document = parameters.capabilities.text_document.as_ref();
        let published = document.and_then(|document| document.publish_diagnostics.as_ref());
        let workspace = parameters.capabilities.workspace.as_ref();
        let watched = workspace.and_then(|workspace| workspace.did_change_watched_files.as_ref());
        Terms {
            encoding: Encoding::of(offered),
            has_related: published.and_then(|published| published.related_information).unwrap_or(false),
            watches_files: watched.and_then(|watched| watched.dynamic_registration).unwrap_or(false),
        }
    }

    /// What the editor is told of the server.
    pub fn introduction(&self) -> Value {
        let sync = TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(SaveOptions { include_text: Some(false) }.into()),
            ..TextDocumentSyncOptions::default()
        };
        let capabilities = ServerCapabilities {
            position_encoding: Some(self.encoding.kind()),
            text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
            definition_provider: Some(OneOf::Left(true)),
            references_provider: Some(OneOf::Left(true)),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            document_symbol_provider: Some(OneOf::Left(true)),
            workspace_symbol_provider: Some(OneOf::Left(true)),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some(TRIGGERS.map(str::to_owned).to_vec()),
                ..CompletionOptions::default()
            }),
            ..ServerCapabilities::default()
        };
        json!({
            "capabilities": capabilities,
            "serverInfo": { "name": "dovetail", "version": env!("CARGO_PKG_VERSION") },
        })
    }

    /// Asks to be told of files that others change, where that can be asked.
    pub fn request_for_files(&self) -> Option<Message> {
        let watchers = json!([{ "globPattern": "**/*.{sql,py,yml,yaml,csv,toml}" }]);
        let method = "workspace/didChangeWatchedFiles";
        let registration = json!({ "id": "files", "method": method, "registerOptions": { "watchers": watchers } });
        let parameters = json!({ "registrations": [registration] });
        let request = Request::new("files".to_owned().into(), "client/registerCapability".to_owned(), parameters);
        self.watches_files.then_some(Message::Request(request))
    }
}
