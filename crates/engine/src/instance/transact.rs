//! One transaction at its providers: all prepare, then all commit; what fails takes the others back.
//!
//! Nothing here touches the tree or the journal.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use dm::{Code, Fault};
use futures_util::FutureExt as _;

use crate::edits::Batches;
use crate::limits::TRANSACTION_TIMEOUT;
use crate::provider::{Committed, Edit, Pending, Prepared, Provider};

/// One provider's part of a transaction, with what it needs to take it back.
pub(super) struct Part {
    pub(super) provider: u16,
    edits: Vec<Edit>,
    prepared: Prepared,
}

/// A transaction that its providers have made effective.
#[derive(Default)]
pub(super) struct Done {
    pub(super) committed: Vec<Committed>,
    pub(super) parts: Vec<Part>,
}

/// Makes a transaction effective at all of its providers, or at none.
pub(super) async fn transact(providers: &[Arc<dyn Provider>], batches: Batches) -> Result<Done, Fault> {
    let mut parts: Vec<Part> = Vec::with_capacity(batches.len());
    for (index, edits) in batches {
        let provider = providers[usize::from(index)].as_ref();
        match flatten(guard(provider, provider.prepare(&edits)).await) {
            Ok(prepared) => parts.push(Part { provider: index, edits, prepared }),
            Err(fault) => {
                take_back(providers, parts).await;
                return Err(fault);
            }
        }
    }
    let mut committed = Vec::with_capacity(parts.len());
    for at in 0..parts.len() {
        let part = &mut parts[at];
        let provider = providers[usize::from(part.provider)].as_ref();
        let end = guard(provider, provider.commit(&mut part.prepared)).await;
        match end {
            Ok(Ok(done)) => committed.push(done),
            // The provider itself has cleaned up.
            Ok(Err(fault)) => {
                parts.remove(at);
                return Err(with_losses(fault, &take_back(providers, parts).await));
            }
            // It may be half done.
            Err(fault) => return Err(with_losses(fault, &take_back(providers, parts).await)),
        }
    }
    Ok(Done { committed, parts })
}

/// Takes prepared and committed parts back, the last first; gives what could not be.
pub(super) async fn take_back(providers: &[Arc<dyn Provider>], parts: Vec<Part>) -> Vec<String> {
    let mut lost = Vec::new();
    for Part { provider, edits, prepared } in parts.into_iter().rev() {
        let provider = providers[usize::from(provider)].as_ref();
        if let Err(fault) = flatten(guard(provider, provider.abort(prepared)).await) {
            let paths: Vec<String> = edits.iter().map(edited).collect();
            lost.push(format!("{} ({})", paths.join(", "), fault.message));
        }
    }
    lost
}

fn edited(edit: &Edit) -> String {
    match edit {
        Edit::Set { path, param, .. } => path.param_text(param),
        Edit::Add { path, .. } | Edit::Delete { path, .. } => path.to_string(),
    }
}

/// 7003 with the list, if something could not be undone.
pub(super) fn with_losses(fault: Fault, lost: &[String]) -> Fault {
    if lost.is_empty() {
        return fault;
    }
    let message = format!("{}; could not be undone: {}", fault.message, lost.join("; "));
    Fault::new(Code::INTERNAL_ERROR, message)
}

/// Bounds a provider's call in time, and its panics to itself. The outer error: it did not end properly.
async fn guard<T>(
    provider: &dyn Provider,
    call: Pending<'_, Result<T, Fault>>,
) -> Result<Result<T, Fault>, Fault> {
    let broken = |what: &str| Fault::new(Code::INTERNAL_ERROR, format!("{} {what}", provider.name()));
    match tokio::time::timeout(TRANSACTION_TIMEOUT, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(end)) => Ok(end),
        Ok(Err(_)) => Err(broken("panicked")),
        Err(_) => Err(broken("did not answer in time")),
    }
}

fn flatten<T>(end: Result<Result<T, Fault>, Fault>) -> Result<T, Fault> {
    end.and_then(|end| end)
}
