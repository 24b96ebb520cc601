//! Notifications: stored first, acknowledged then.

use bytes::Bytes;
use dm::{Code, Fault, Mono};
use sha2::{Digest, Sha256};
use usp_proto::Msg;
use usp_proto::Response;
use usp_proto::notify::{Notification as Kind, Notify, NotifyResp};

use super::ControllerMachine;
use super::io::{Notice, Notification, Output, Ticket};
use super::sessions::Reply;
use crate::limits;

/// A notification that the host is storing.
pub(super) struct Unstored {
    pub(super) ticket: Ticket,
    msg_id: String,
    digest: [u8; 32],
    reply: Reply,
    /// What to answer; nothing when the agent wants no answer (R-NOT.8).
    response: Option<NotifyResp>,
}

impl ControllerMachine {
    pub(super) fn notified(&mut self, reply: Reply, msg_id: String, notify: Notify, payload: &[u8]) {
        self.subscription_stands(&notify.subscription_id);
        let digest: [u8; 32] = Sha256::digest(payload).into();
        // R-MSG.4: it is being stored. If it came again on another connection, that one gets the answer.
        let same = |unstored: &&mut Unstored| unstored.msg_id == msg_id && unstored.digest == digest;
        if let Some(unstored) = self.unstored.iter_mut().find(same) {
            unstored.reply = reply;
            return;
        }
        if self.unstored.len() >= limits::MAX_UNSTORED {
            // Not acknowledged, so that the agent sends it again.
            return self.notice("more notifications at once than may wait to be stored".to_owned());
        }
        // R-NOT.10: the same subscription id, empty for an OnBoardRequest.
        let response = notify.send_resp.then(|| notify.response());
        let Some(what) = notice(notify.notification) else { return };
        let notification = Notification {
            msg_id: msg_id.clone(),
            digest,
            subscription_id: notify.subscription_id,
            send_resp: notify.send_resp,
            what,
            raw: Bytes::copy_from_slice(payload),
        };
        let ticket = self.own_ticket();
        self.unstored.push(Unstored { ticket, msg_id, digest, reply, response });
        self.outputs.push_back(Output::Store { ticket, notification });
    }

    /// It is on stable storage: now the agent may forget it.
    pub(super) fn stored(&mut self, now: Mono, ticket: Ticket) {
        let Some(at) = self.unstored.iter().position(|unstored| unstored.ticket == ticket) else { return };
        let Unstored { msg_id, reply, response, .. } = self.unstored.remove(at);
        // R-NOT.8: no answer to what wants none.
        if let Some(response) = response {
            self.reply(now, reply, &Msg::response(msg_id, Response::NotifyResp(response)));
        }
    }
}

fn notice(kind: Option<Kind>) -> Option<Notice> {
    Some(match kind? {
        Kind::Event(event) => Notice::Event {
            path: event.obj_path,
            name: event.event_name,
            params: event.params.into_iter().collect(),
        },
        Kind::ValueChange(change) => {
            Notice::ValueChange { path: change.param_path, value: change.param_value }
        }
        Kind::ObjCreation(creation) => Notice::ObjectCreation {
            path: creation.obj_path,
            unique_keys: creation.unique_keys.into_iter().collect(),
        },
        Kind::ObjDeletion(deletion) => Notice::ObjectDeletion { path: deletion.obj_path },
        Kind::OperComplete(complete) => {
            let result = match complete.status() {
                Ok(outputs) => Ok(outputs
                    .map(|outputs| outputs.output_args.clone().into_iter().collect())
                    .unwrap_or_default()),
                Err(failure) => Err(Fault::new(Code(failure.err_code), failure.err_msg.clone())),
            };
            Notice::OperationComplete {
                path: complete.obj_path,
                command: complete.command_name,
                command_key: complete.command_key,
                result,
            }
        }
        Kind::OnBoardReq(request) => Notice::OnBoardRequest {
            oui: request.oui,
            product_class: request.product_class,
            serial_number: request.serial_number,
            versions: request.agent_supported_protocol_versions,
        },
    })
}
