//! Commands: each runs as a task of its own, and ends even if its provider never does.

use std::panic::AssertUnwindSafe;

use dm::tree::CommandCall;
use dm::{Code, Fault};
use futures_util::FutureExt as _;
use tokio::sync::watch;
use usp_endpoint::agent::io::{Input, Ticket};

use super::{Inner, Instance};
use crate::limits::CANCEL_GRACE;
use crate::pointers::{outputs_to_numbers, to_keys};
use crate::provider::{Call, CommandResult, Provider};

impl Instance {
    /// Starts a command; gives its end at once where nobody runs it.
    pub(super) fn run(
        &self,
        inner: &mut Inner,
        ticket: Ticket,
        command_key: String,
        call: CommandCall,
    ) -> Option<Input> {
        let kind = inner.kind.clone();
        let model = kind.model();
        let object = model.object(call.place.object);
        let runs = || (0..).zip(&self.providers).find(|(_, it)| it.runs(&object.path)).map(|(at, _)| at);
        let Some(provider) = kind.owner(call.place.object).or_else(runs) else {
            let fault = Fault::new(Code::COMMAND_FAILURE, format!("nothing runs {}", call.path));
            return Some(Input::CommandEnded { ticket, result: Err(fault) });
        };
        let mut args = call.args;
        for (name, value) in &mut args {
            let known =
                object.commands[usize::from(call.command)].inputs.iter().find(|arg| arg.name == *name);
            if known.is_some_and(|arg| arg.facets.reference.is_some()) {
                *value = to_keys(model, &inner.keys, value);
            }
        }
        let call = Call {
            object: object.path.clone(),
            command: object.commands[usize::from(call.command)].name.clone(),
            keys: kind.row_keys(&inner.keys, &call.place),
            path: call.path,
            command_key,
            args,
        };
        let (cancel, cancelled) = watch::channel(false);
        inner.commands.insert(ticket, cancel);
        let source = self.providers[usize::from(provider)].clone();
        let me = self.me.clone();
        self.host.runtime.spawn(async move {
            let result = operate(source.as_ref(), call, cancelled).await;
            if let Some(instance) = me.upgrade() {
                instance.command_ended(provider, ticket, result);
            }
        });
        None
    }

    fn command_ended(&self, provider: u16, ticket: Ticket, mut result: CommandResult) {
        let Some(mut inner) = self.enter() else { return };
        if let Ok(outputs) = &mut result {
            outputs_to_numbers(inner.kind.model(), &inner.keys, outputs);
        }
        inner.commands.remove(&ticket);
        // It may have changed what the provider shows.
        inner.refresh.forget(provider);
        self.drive(&mut inner, Input::CommandEnded { ticket, result });
    }
}

async fn operate(provider: &dyn Provider, call: Call, cancelled: watch::Receiver<bool>) -> CommandResult {
    let path = call.path.clone();
    let mut overdue = cancelled.clone();
    let operation = AssertUnwindSafe(provider.operate(call, cancelled)).catch_unwind();
    let cut = async {
        // The sender is gone with the instance: that, too, is a cancellation.
        let _ = overdue.wait_for(|cancelled| *cancelled).await;
        tokio::time::sleep(CANCEL_GRACE).await;
    };
    tokio::select! {
        end = operation => end.unwrap_or_else(|_| Err(Fault::new(Code::COMMAND_FAILURE, format!("{path} panicked")))),
        () = cut => Err(Fault::new(Code::COMMAND_CANCELED, format!("{path} was cancelled"))),
    }
}
